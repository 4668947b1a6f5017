//! What this machine lends to a build, and no layer keeps: the keys of whoever builds, and whom it trusts.

use std::path::PathBuf;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::plan::{Plan, SSH_ID};

/// The agent with the keys of whoever builds, for sources that are reached by ssh.
pub(super) fn ssh_agent(session: &Session, plan: &Plan) -> Option<(String, PathBuf)> {
    let socket = session.variable("SSH_AUTH_SOCK").filter(|_| plan.wants_ssh()).map(PathBuf::from)?;
    socket.is_absolute().then(|| (SSH_ID.to_owned(), socket))
}

/// The host's CA bundle: `$SSL_CERT_FILE`, else where the distributions keep it.
pub(super) fn ca_bundle(session: &Session) -> Result<PathBuf, Failed> {
    const USUAL: [&str; 4] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    let named = session.variable("SSL_CERT_FILE").map(PathBuf::from);
    let found = named.into_iter().chain(USUAL.map(PathBuf::from)).find(|path| path.is_absolute() && path.is_file());
    found.ok_or_else(|| {
        let diagnostic = Diagnostic::error("`ca-certificates = true`, but this machine has no CA bundle");
        Failed::one(FAILED, diagnostic.hint(Some("set `SSL_CERT_FILE` to the bundle's path".to_owned())))
    })
}
