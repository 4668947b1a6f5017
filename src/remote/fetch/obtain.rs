//! Gets one commit into a repository of the store, by whichever way its server allows.
//!
//! Decides the order of ways, from cheap to expensive: the commit alone by id; a ref whose tip it is; the `git` program,
//! which speaks protocol v2 where every id can be asked for; the full history of the hinted refs; of everything.

use std::path::Path;

use super::FetchProblem;
use crate::remote::transport::{Advertised, Call, Depth, Order, fetch, fetch_with_program, list};
use crate::remote::trouble::Trouble;
use crate::remote::url::{self, Scheme};
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::Repository;

/// Where fetched commits stand until they are pinned.
const FETCHED: &str = "refs/deps/fetched";

/// Fetches the commit `rev` into `repository`, whose bare repository at `into` nobody else writes to, and pins it.
///
/// # Errors
/// When the server has no such commit, does not answer, or what it sent is incomplete.
pub(super) fn commit(
    call: &Call<'_>,
    repository: &Repository,
    into: &Path,
    rev: &str,
    refs: &[String],
) -> Result<(), FetchProblem> {
    if !repository.contains(rev) || repository.pin(rev).is_err() {
        fetch_somehow(call, repository, into, rev, refs)?;
        let pinned = repository.pin(rev);
        forget(into, rev);
        pinned?;
    }
    Ok(())
}

fn fetch_somehow(
    call: &Call<'_>,
    repository: &Repository,
    into: &Path,
    rev: &str,
    refs: &[String],
) -> Result<(), Failure> {
    let ways: &[Way] = match url::scheme(call.url) {
        // libgit2 has no shallow fetch there, and copying everything is cheap.
        Ok(Scheme::Local) => &[Way::Everything],
        _ => &[Way::ById, Way::ByTip, Way::ByProgram, Way::ByHints, Way::Everything],
    };
    for way in ways {
        match way.go(call, into, rev, refs) {
            Ok(()) if repository.contains(rev) => return Ok(()),
            Ok(()) => {}
            Err(failure) if failure.kind == FailureKind::NoSuchCommit => {}
            Err(failure) => return Err(failure),
        }
    }
    let meaning = format!("no branch or tag leads to commit `{rev}`, and the server does not hand it out");
    Err(call.failure(Trouble::new(FailureKind::NoSuchCommit, &meaning, ""), 0, Transport::Nobody))
}

#[derive(Clone, Copy)]
enum Way {
    ById,
    ByTip,
    ByProgram,
    ByHints,
    Everything,
}

impl Way {
    fn go(self, call: &Call<'_>, into: &Path, rev: &str, refs: &[String]) -> Result<(), Failure> {
        match self {
            Self::ById => fetch(call, into, &by_id(rev)),
            Self::ByProgram => fetch_with_program(call, into, &by_id(rev)).unwrap_or(Ok(())),
            Self::ByTip => match tip(&list(call)?, rev, refs) {
                Some(name) => {
                    let refspecs = vec![format!("+{name}:{FETCHED}/{rev}")];
                    fetch(call, into, &Order { refspecs, depth: Depth::One })
                }
                None => Ok(()),
            },
            Self::ByHints => {
                let names = list(call)?.into_iter().map(|advertised| advertised.name);
                let refspecs: Vec<String> = names
                    .filter(|name| is_hinted(name, refs))
                    .map(|name| format!("+{name}:refs/deps/{}", &name[5..]))
                    .collect();
                if refspecs.is_empty() {
                    return Ok(());
                }
                fetch(call, into, &Order { refspecs, depth: Depth::All })
            }
            Self::Everything => {
                let refspecs = ["+refs/heads/*:refs/deps/heads/*", "+refs/tags/*:refs/deps/tags/*"].map(str::to_owned);
                fetch(call, into, &Order { refspecs: refspecs.into(), depth: Depth::All })
            }
        }
    }
}

fn by_id(rev: &str) -> Order {
    Order { refspecs: vec![format!("+{rev}:{FETCHED}/{rev}")], depth: Depth::One }
}

/// Returns a ref that is at `rev`, itself or peeled; a hinted one before others.
fn tip(advertised: &[Advertised], rev: &str, refs: &[String]) -> Option<String> {
    let at_rev = advertised.iter().filter(|advertised| advertised.id == rev);
    let names = at_rev.map(|advertised| advertised.name.trim_end_matches("^{}")).filter(|name| is_plain(name));
    names.min_by_key(|name| (!is_hinted(name, refs), *name)).map(str::to_owned)
}

/// Whether `name` is the branch or the tag that one of `refs` means.
fn is_hinted(name: &str, refs: &[String]) -> bool {
    let short = ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| name.strip_prefix(prefix));
    is_plain(name)
        && refs
            .iter()
            .any(|hint| Some(hint.as_str()) == short || hint == name || name.strip_prefix("refs/") == Some(hint))
}

/// Whether a server's name for a ref can stand in a refspec and mean only itself.
fn is_plain(name: &str) -> bool {
    name.starts_with("refs/") && git2::Reference::is_valid_name(name)
}

/// Removes the ref under which the commit came: from now on the pin holds it, or nothing does.
fn forget(into: &Path, rev: &str) {
    let found = git2::Repository::open_bare(into)
        .and_then(|repository| repository.find_reference(&format!("{FETCHED}/{rev}"))?.delete());
    // Left behind it wastes space and nothing else.
    let _ = found;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, id: &str) -> Advertised {
        Advertised { name: name.into(), id: id.into(), symref: None }
    }

    #[test]
    fn a_hinted_ref_is_preferred_and_a_hostile_name_never_used() {
        let lines = [
            line("HEAD", "1"),
            line("refs/heads/a", "1"),
            line("refs/tags/v1", "tag"),
            line("refs/tags/v1^{}", "1"),
            line("refs/heads/x:refs/heads/y", "2"),
            line("refs/heads/*", "2"),
            line("--upload-pack=x", "2"),
        ];
        assert_eq!(tip(&lines, "1", &["v1".into()]).as_deref(), Some("refs/tags/v1"));
        assert_eq!(tip(&lines, "1", &["heads/a".into()]).as_deref(), Some("refs/heads/a"));
        assert_eq!(tip(&lines, "1", &[]).as_deref(), Some("refs/heads/a"));
        assert_eq!(tip(&lines, "2", &[]), None);
    }
}
