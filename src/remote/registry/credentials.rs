//! The credentials that `docker login` has stored.

use docker_credential::{CredentialRetrievalError, DockerCredential};

use crate::remote::trouble::Trouble;
use crate::resolve::FailureKind;

/// What a registry knows this user by.
pub(crate) enum Credentials {
    Password { user: String, password: String },
    IdentityToken(String),
}

/// Returns what `~/.docker/config.json` (or the one in `DOCKER_CONFIG`) or its helpers have for `key`.
///
/// # Errors
/// When a helper fails, or an entry is damaged; no entry is no error.
pub(crate) fn of(key: &str) -> Result<Option<Credentials>, Trouble> {
    match docker_credential::get_credential(key) {
        Ok(DockerCredential::UsernamePassword(user, password)) if user == "<token>" => {
            Ok(Some(Credentials::IdentityToken(password)))
        }
        Ok(DockerCredential::UsernamePassword(user, password)) => Ok(Some(Credentials::Password { user, password })),
        Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credentials::IdentityToken(token))),
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError,
        ) => Ok(None),
        // A helper without an entry fails; its output may hold secrets and is not repeated.
        Err(CredentialRetrievalError::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            Ok(None)
        }
        Err(CredentialRetrievalError::HelperFailure { helper, .. }) => {
            Err(Trouble::new(FailureKind::Auth, &format!("docker's credential helper `{helper}` fails"), ""))
        }
        Err(other) => {
            Err(Trouble::new(FailureKind::Auth, "docker's stored credentials cannot be read", &other.to_string()))
        }
    }
}

/// Returns the `Authorization` header for a user and a password (RFC 7617).
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_as_rfc_4648_has_it() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(basic("Aladdin", "open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
