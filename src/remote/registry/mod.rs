//! Asks a registry which digest an image has now, through the OCI distribution API.
//!
//! Decides where credentials may go: to the registry, and to the token server that it names, over https or within this
//! machine. Plain http is spoken with loopback registries only, as docker does. To know a digest, nothing is downloaded but
//! headers and tokens, so a registry that sends no `Docker-Content-Digest` gets no answer out of us.

mod challenge;
pub(crate) mod credentials;
pub(super) mod published;
mod reference;

use std::cell::OnceCell;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use ureq::config::RedirectAuthHeaders;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::transport::again;
use super::trouble::Trouble;
use super::url::is_loopback;
use super::{Remotes, url};
use crate::resolve::{Failure, FailureKind, Transport};
use challenge::Challenge;
use credentials::Credentials;
use reference::{Reference, Version};

/// What we take: an index first, which pins every platform, else a single image.
const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// The longest answer of a token server that is read, in bytes.
const LONGEST_TOKEN: u64 = 1 << 20;

/// Returns the digest of `image`, `sha256:<64 hex>`. One that is in the reference is returned without asking.
///
/// # Errors
/// When `image` is no reference, or the registry does not say.
pub(crate) fn digest(image: &str, remotes: &Remotes, interrupted: &AtomicBool) -> Result<String, Failure> {
    let failure = |trouble: Trouble, retried, transport| failed(image, trouble, retried, transport);
    let reference = parsed(image)?;
    let tag = match &reference.version {
        Version::Digest(digest) => return Ok(digest.clone()),
        Version::Tag(tag) => tag,
    };
    if remotes.settings().offline {
        return Err(failure(offline(), 0, Transport::Nobody));
    }
    let registry = Registry::new(&reference, remotes.settings().timeout);
    let answered = again(remotes, interrupted, || registry.digest(tag));
    answered.map_err(|(trouble, retries)| failure(trouble, retries, Transport::Registry))
}

/// Returns when the registry has `image`, a reference with a digest.
///
/// # Errors
/// When it is no such reference; [`FailureKind::NotFound`] when the registry has no such image, or another one in its place.
pub(crate) fn served(image: &str, remotes: &Remotes, interrupted: &AtomicBool) -> Result<(), Failure> {
    let reference = parsed(image)?;
    if remotes.settings().offline {
        return Err(failed(image, offline(), 0, Transport::Nobody));
    }
    let Version::Digest(digest) = &reference.version else {
        let trouble = Trouble::new(FailureKind::Invalid, "this reference has no digest", "");
        return Err(failed(image, trouble, 0, Transport::Nobody));
    };
    let registry = Registry::new(&reference, remotes.settings().timeout);
    let answered = again(remotes, interrupted, || registry.serves(digest));
    answered.map_err(|(trouble, retries)| failed(image, trouble, retries, Transport::Registry))
}

fn failed(image: &str, trouble: Trouble, retried: u32, transport: Transport) -> Failure {
    Failure { kind: trouble.kind, subject: image.to_owned(), message: trouble.message, retried, transport }
}

fn parsed(image: &str) -> Result<Reference, Failure> {
    let invalid = || Trouble::new(FailureKind::Invalid, "this is no image reference", "");
    reference::parse(image).ok_or_else(|| failed(image, invalid(), 0, Transport::Nobody))
}

fn offline() -> Trouble {
    Trouble::new(FailureKind::Offline, "the network is not to be used", "")
}

/// A registry, asked for one repository.
struct Registry<'a> {
    reference: &'a Reference,
    agent: Agent,
    is_local: bool,
    /// What it wants to see in every request, once it has said so.
    authorization: OnceCell<String>,
}

/// A question to a registry, as it stands behind the repository's name.
enum Wanted<'a> {
    /// The headers of a manifest, by tag.
    Head(&'a str),
    /// A manifest, by tag or digest.
    Manifest(&'a str),
    /// A blob, by digest.
    Blob(&'a str),
}

impl<'a> Registry<'a> {
    fn new(reference: &'a Reference, timeout: Duration) -> Self {
        let is_local = is_loopback(reference.host());
        Self { reference, agent: agent(is_local, timeout), is_local, authorization: OnceCell::new() }
    }

    fn digest(&self, tag: &str) -> Result<String, Trouble> {
        digest_in(&self.answer(&Wanted::Head(tag))?)
    }

    /// Returns when the registry has the manifest `digest`, and not another one by its name.
    fn serves(&self, digest: &str) -> Result<(), Trouble> {
        is_of(digest, &self.answer(&Wanted::Head(digest))?)
    }

    /// Returns the answer of a registry that has what is wanted.
    fn answer(&self, wanted: &Wanted<'_>) -> Result<Response<Body>, Trouble> {
        let first = self.ask(wanted)?;
        let answer = if first.status() == 401 && self.authorization.get().is_none() {
            let authorization = self.authorization(&first)?;
            self.authorization.get_or_init(|| authorization);
            self.ask(wanted)?
        } else {
            first
        };
        match answer.status().as_u16() {
            200 => Ok(answer),
            404 => Err(Trouble::new(FailureKind::NotFound, "the registry has no such image", "HTTP 404")),
            401 | 403 => Err(refused(answer.status().as_u16())),
            other => Err(Trouble::status(other).waiting(retry_after(&answer))),
        }
    }

    fn ask(&self, wanted: &Wanted<'_>) -> Result<Response<Body>, Trouble> {
        let scheme = if self.is_local { "http" } else { "https" };
        let place = format!("{scheme}://{}/v2/{}", self.reference.api(), self.reference.repository);
        let mut request = match wanted {
            Wanted::Head(version) => self.agent.head(format!("{place}/manifests/{version}")).header("Accept", ACCEPT),
            Wanted::Manifest(version) => {
                self.agent.get(format!("{place}/manifests/{version}")).header("Accept", ACCEPT)
            }
            Wanted::Blob(digest) => self.agent.get(format!("{place}/blobs/{digest}")),
        };
        if let Some(authorization) = self.authorization.get() {
            request = request.header("Authorization", authorization);
        }
        request.call().map_err(|error| Trouble::http(&error, "registry"))
    }

    /// Returns the `Authorization` header that the registry's 401 asks for.
    fn authorization(&self, refusal: &Response<Body>) -> Result<String, Trouble> {
        let headers = refusal.headers().get_all("www-authenticate");
        let challenges: Vec<Challenge> =
            headers.iter().filter_map(|value| value.to_str().ok()).filter_map(challenge::parse).collect();
        let credentials = credentials::of(self.reference.credentials_key())?;
        // Bearer first: anonymous users get tokens too.
        let bearer = challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service } => Some((realm, service)),
            Challenge::Basic => None,
        });
        match (bearer, credentials) {
            (Some((realm, service)), credentials) => self.token(realm, service, credentials.as_ref()),
            (None, Some(Credentials::Password { user, password })) if challenges.contains(&Challenge::Basic) => {
                Ok(credentials::basic(&user, &password))
            }
            _ => Err(refused(401)),
        }
    }

    fn token(&self, realm: &str, service: &str, credentials: Option<&Credentials>) -> Result<String, Trouble> {
        self.check_realm(realm)?;
        let scope = format!("repository:{}:pull", self.reference.repository);
        let answer = match credentials {
            Some(Credentials::IdentityToken(token)) => self.agent.post(realm).send_form([
                ("grant_type", "refresh_token"),
                ("service", service),
                ("scope", &scope),
                ("client_id", "deps"),
                ("refresh_token", token),
            ]),
            Some(Credentials::Password { user, password }) => self
                .token_request(realm, service, &scope)
                .header("Authorization", credentials::basic(user, password))
                .call(),
            None => self.token_request(realm, service, &scope).call(),
        };
        let mut answer = answer.map_err(|error| Trouble::http(&error, "registry"))?;
        match answer.status().as_u16() {
            200 => Ok(format!("Bearer {}", token_in(&mut answer)?)),
            status @ (401 | 403) => Err(refused(status)),
            status => Err(Trouble::status(status)),
        }
    }

    fn token_request(
        &self,
        realm: &str,
        service: &str,
        scope: &str,
    ) -> ureq::RequestBuilder<ureq::typestate::WithoutBody> {
        let request = self.agent.get(realm).query("scope", scope);
        if service.is_empty() { request } else { request.query("service", service) }
    }

    /// A registry elsewhere cannot make us send anything in the clear, or to services of this machine.
    fn check_realm(&self, realm: &str) -> Result<(), Trouble> {
        let is_local = url::host(realm).is_some_and(is_loopback);
        let secret = realm.starts_with("https://") && (self.is_local || !is_local);
        if secret || (self.is_local && is_local && realm.starts_with("http://")) {
            return Ok(());
        }
        Err(Trouble::new(FailureKind::Refused, "the registry sends us for a token to a place that is not safe", realm))
    }
}

fn agent(is_local: bool, timeout: Duration) -> Agent {
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .https_only(!is_local)
        .max_redirects(3)
        .redirect_auth_headers(RedirectAuthHeaders::Never)
        .timeout_global(Some(timeout))
        .tls_config(tls)
        .user_agent(concat!("deps/", env!("CARGO_PKG_VERSION")));
    // A proxy cannot reach this machine's own registry.
    let config = if is_local { config.proxy(None) } else { config };
    config.build().into()
}

fn digest_in(answer: &Response<Body>) -> Result<String, Trouble> {
    let digest = answer.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
    match digest {
        Some(digest) if reference::is_digest(digest) => Ok(digest.to_owned()),
        Some(_) => Err(Trouble::new(FailureKind::Protocol, "the registry sends a digest that is not sha256", "")),
        None => Err(Trouble::new(FailureKind::Protocol, "the registry sends no `Docker-Content-Digest`", "")),
    }
}

/// Whether `answer` is about the manifest `digest`: a registry need not say which one it is about, but may not say another.
fn is_of(digest: &str, answer: &Response<Body>) -> Result<(), Trouble> {
    let said = answer.headers().get("docker-content-digest");
    match said.is_none_or(|said| said == digest) {
        true => Ok(()),
        false => Err(Trouble::new(FailureKind::NotFound, "the registry has another image in its place", "")),
    }
}

/// Returns how many seconds the registry asks to wait. A date is as good as nothing: clocks differ.
fn retry_after(answer: &Response<Body>) -> Option<Duration> {
    answer.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn token_in(answer: &mut Response<Body>) -> Result<String, Trouble> {
    let strange = |cause: &str| Trouble::new(FailureKind::Protocol, "the token server's answer has no token", cause);
    let body = answer
        .body_mut()
        .with_config()
        .limit(LONGEST_TOKEN)
        .read_to_vec()
        .map_err(|error| Trouble::http(&error, "registry"))?;
    let json: serde_json::Value = serde_json::from_slice(&body).map_err(|error| strange(&error.to_string()))?;
    let token = json.get("token").or_else(|| json.get("access_token")).and_then(serde_json::Value::as_str);
    let token = token.filter(|token| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
    token.map(str::to_owned).ok_or_else(|| strange(""))
}

/// Docker Hub says 401 also where there is no such image.
fn refused(status: u16) -> Trouble {
    let meaning = "there is no such image, or it needs a `docker login`";
    Trouble::new(FailureKind::Auth, meaning, &format!("HTTP {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_about_another_image_is_none_about_the_one_that_was_asked_for() {
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let answer = |header: &str, value: &str| {
            let answer = Response::builder().header(header, value);
            answer.body(Body::builder().data("")).expect("a good response")
        };
        let kind = |answer: &Response<Body>| is_of(&digest("a"), answer).map_err(|trouble| trouble.kind);
        assert_eq!(kind(&answer("docker-content-digest", &digest("a"))), Ok(()));
        assert_eq!(kind(&answer("content-length", "0")), Ok(()));
        assert_eq!(kind(&answer("docker-content-digest", &digest("b"))), Err(FailureKind::NotFound));
        assert_eq!(kind(&answer("docker-content-digest", "")), Err(FailureKind::NotFound));
    }
}
