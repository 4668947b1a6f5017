//! Gets one commit into a repository of the store, by whichever way its server allows.
//!
//! Decides the order of ways, from cheap to expensive: the commit alone by id; a ref whose tip it is; the `git` program,
//! which speaks protocol v2 where every id can be asked for; the full history of the hinted refs; of everything.

use std::cell::OnceCell;
use std::path::Path;

use super::{FetchProblem, gone};
use crate::remote::transport::{Advertised, Call, Depth, Order, fetch, fetch_with_program, list};
use crate::remote::trouble::UNKNOWN_ID;
use crate::remote::url::{self, Scheme};
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::{Repository, tidy};

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
        let search = Search { call, into, rev, refs, listed: OnceCell::new() };
        let fetched = search.somehow(repository);
        tidy(into);
        fetched?;
        let pinned = repository.pin(rev);
        forget(into, rev);
        pinned?;
    }
    Ok(())
}

/// One commit that is looked for at one server.
struct Search<'a> {
    call: &'a Call<'a>,
    into: &'a Path,
    rev: &'a str,
    refs: &'a [String],
    /// What the server advertises, once it was asked.
    listed: OnceCell<Vec<Advertised>>,
}

impl Search<'_> {
    fn somehow(&self, repository: &Repository) -> Result<(), FetchProblem> {
        let ways: &[Way] = match url::scheme(self.call.url) {
            // libgit2 has no shallow fetch there, and copying everything is cheap.
            Ok(Scheme::Local) => &[Way::Everything],
            _ => &[Way::ById, Way::ByTip, Way::ByProgram, Way::ByHints, Way::Everything],
        };
        for way in ways {
            match self.go(*way) {
                Ok(()) if repository.contains(self.rev) => return Ok(()),
                Ok(()) => {}
                Err(failure) if failure.kind != FailureKind::NoSuchCommit => return Err(failure.into()),
                Err(failure) if is_final(&failure) => break,
                Err(_) => {}
            }
        }
        Err(FetchProblem::Gone(gone::why(&self.call.subject, self.refs, self.listed()?)))
    }

    fn go(&self, way: Way) -> Result<(), Failure> {
        match way {
            Way::ById => fetch(self.call, self.into, &by_id(self.rev)),
            Way::ByProgram => fetch_with_program(self.call, self.into, &by_id(self.rev)).unwrap_or(Ok(())),
            Way::ByTip => match tip(self.listed()?, self.rev, self.refs) {
                Some(name) => self.take(vec![format!("+{name}:{FETCHED}/{}", self.rev)], Depth::One),
                None => Ok(()),
            },
            Way::ByHints => {
                let names = self.listed()?.iter().map(|advertised| &advertised.name);
                let hinted = names.filter(|name| is_hinted(name, self.refs));
                self.take(hinted.map(|name| format!("+{name}:refs/deps/{}", &name[5..])).collect(), Depth::All)
            }
            Way::Everything => {
                let refspecs = ["+refs/heads/*:refs/deps/heads/*", "+refs/tags/*:refs/deps/tags/*"].map(str::to_owned);
                self.take(refspecs.into(), Depth::All)
            }
        }
    }

    fn take(&self, refspecs: Vec<String>, depth: Depth) -> Result<(), Failure> {
        if refspecs.is_empty() {
            return Ok(());
        }
        fetch(self.call, self.into, &Order { refspecs, depth })
    }

    /// Lists the refs, the first time.
    fn listed(&self) -> Result<&[Advertised], Failure> {
        if self.listed.get().is_none() {
            _ = self.listed.set(list(self.call)?);
        }
        Ok(self.listed.get().expect("it was just set"))
    }
}

#[derive(Clone, Copy)]
enum Way {
    ById,
    ByTip,
    ByProgram,
    ByHints,
    Everything,
}

/// Whether no other way can lead to the commit: the `git` program, which speaks protocol v2, has asked for the id itself.
fn is_final(failure: &Failure) -> bool {
    failure.transport == Transport::Program && failure.message.starts_with(UNKNOWN_ID)
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
pub(super) fn is_hinted(name: &str, refs: &[String]) -> bool {
    let short = ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| name.strip_prefix(prefix));
    is_plain(name)
        && refs
            .iter()
            .map(|hint| hint.strip_prefix("origin/").unwrap_or(hint))
            .any(|hint| Some(hint) == short || hint == name || name.strip_prefix("refs/") == Some(hint))
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
