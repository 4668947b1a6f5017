//! Build arguments: who builds, what deps.toml says, what the command line says.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;

use super::diagnostic::Diagnostic;
use super::outcome::{FAILED, Failed};
use super::session::Session;
use crate::extension;
use crate::plan::Plan;
use crate::project::Project;
use crate::store::Store;

/// Reads `NAME=VALUE`.
pub(super) fn build_argument(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Build arguments: the user of this machine where the project leaves it open, then deps.toml's, then `--build-arg`.
pub(super) fn arguments(
    session: &Session,
    plan: &Plan,
    store: &Store,
    project: &Project,
    given: &[(String, String)],
) -> Result<BTreeMap<String, String>, Failed> {
    let mut arguments = host_user(session, plan, store)?;
    arguments.extend(project.build.args.clone());
    arguments.extend(given.iter().cloned());
    Ok(arguments)
}

/// Who builds owns what they mount into the container later. root keeps the defaults.
fn host_user(session: &Session, plan: &Plan, store: &Store) -> Result<BTreeMap<String, String>, Failed> {
    let Some(account) = &plan.account else { return Ok(BTreeMap::new()) };
    let wrong = |error: String| Failed::one(FAILED, Diagnostic::error(error));
    let own = store.scratch().map_err(|error| wrong(error.to_string()))?;
    let own = own.path().metadata().map_err(|error| wrong(error.to_string()))?;
    if own.uid() == 0 {
        return Ok(BTreeMap::new());
    }
    let name = session.variable("USER").filter(|name| extension::is_account(name));
    let values = [
        ("DEPS_USER_NAME", account.name.fixed, name),
        ("DEPS_USER_UID", account.uid.fixed, Some(own.uid().to_string())),
        ("DEPS_USER_GID", account.gid.fixed, Some(own.gid().to_string())),
    ];
    let open = values.into_iter().filter(|(_, fixed, _)| !fixed);
    Ok(open.filter_map(|(variable, _, value)| Some((variable.to_owned(), value?))).collect())
}
