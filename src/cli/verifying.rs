//! `deps lock --verify`: asks every remote whether what is locked is still there. Never writes the lock.

use deps_lock::{Kind, Lock};

use super::Network;
use super::diagnostic::Diagnostic;
use super::hints;
use super::locking;
use super::origins::{self, Unread};
use super::outcome::{Failed, INTEGRITY, UNREACHABLE, print};
use super::progress::Watch;
use super::session::Session;
use crate::remote;
use crate::report;
use crate::resolve::{self, Answers, Finding, FindingKind};
use crate::workspace::{Loaded, Trouble};

pub(super) fn run(session: &Session, json: bool, network: &Network) -> Result<(), Failed> {
    let (workspace, loaded, unread) = origins::as_far_as_can_be(session, network)?;
    let lock = locking::in_sync(&workspace, &loaded, ", and `--verify` asks about what it says")?;
    let findings = findings(session, &loaded, &lock, network)?;
    let untold = unread.filter(|unread| !is_told(unread, &findings)).map(|unread| unread.why);
    if json && untold.is_none() {
        print(&report::verify_json(lock.len(), &findings))?;
    }
    let (warnings, errors): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding.kind.is_warning());
    let warned = session.warn_all(warnings.iter().map(|finding| diagnostic(finding)).collect());
    if errors.is_empty() && untold.is_none() {
        warned?;
        let entries = report::count(lock.len(), "entry is", "entries are");
        session.tell(&format!("deps.lock is verified: {entries} where the lock says\n"));
        return Ok(());
    }
    let unreachable = |finding: &&Finding| matches!(finding.kind, FindingKind::Remote(_));
    let code = match errors.iter().all(unreachable) {
        true => untold.as_ref().map_or(UNREACHABLE, Failed::code),
        false => INTEGRITY,
    };
    let others = [untold, warned.err()].into_iter().flatten().flat_map(Failed::into_diagnostics);
    Err(Failed::new(code, errors.iter().map(|finding| diagnostic(finding)).chain(others).collect()))
}

/// Whether something is found about each extension that could not be fetched.
fn is_told(unread: &Unread, findings: &[Finding]) -> bool {
    let told = |name: &str| {
        findings
            .iter()
            .filter(|found| !found.kind.is_warning())
            .any(|found| found.key.kind == Kind::Ext && *found.key.name == *name)
    };
    unread.absent.iter().filter_map(Trouble::extension).all(told)
}

/// Asks until there is nothing left to ask, and returns what is not as `lock`, which is in sync with the project, says.
pub(super) fn findings(
    session: &Session,
    loaded: &Loaded,
    lock: &Lock,
    network: &Network,
) -> Result<Vec<Finding>, Failed> {
    let store = session.store()?;
    let remotes = session.remotes_with(network, Some(store.clone()))?;
    let mut answers = Answers::new();
    loop {
        let questions = resolve::verify_questions(&loaded.wishes, lock, &answers);
        if questions.is_empty() {
            return Ok(resolve::verify(&loaded.wishes, lock, &answers, &|sha256| store.file_length(sha256)));
        }
        let watch = Watch::new(session, "asking");
        answers.extend(remote::ask(&questions, &remotes, &watch, session.interrupted()));
        watch.finish();
        session.stop_if_interrupted()?;
    }
}

/// Returns how a finding is told.
pub(super) fn diagnostic(finding: &Finding) -> Diagnostic {
    let message = finding.to_string();
    let diagnostic = if finding.kind.is_warning() { Diagnostic::warning(message) } else { Diagnostic::error(message) };
    let held = finding.kind.held().map(ToString::to_string);
    diagnostic.at(Some(&finding.place)).details(held).hint(hints::of_finding(finding))
}
