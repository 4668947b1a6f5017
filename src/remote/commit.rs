//! Finds the commits that abbreviated ids name. The only question that needs history.
//!
//! Decides what counts: commits that a branch or a tag leads to, and tags of that id peeled. All questions about one
//! repository share one fetch into a temporary repository.

use git2::{ObjectType, Oid, Repository};

use super::transport::{Call, Depth, Order, fetch};
use super::trouble::Trouble;
use crate::resolve::{Failure, FailureKind, Transport};
use crate::store::create_bare;

/// Returns the full id of each of `abbreviated`, in their order.
pub(crate) fn expanded(call: &Call<'_>, abbreviated: &[&str]) -> Vec<Result<String, Failure>> {
    let history = match history(call) {
        Ok(history) => history,
        Err(failure) => return abbreviated.iter().map(|_| Err(failure.clone())).collect(),
    };
    let nobody = |trouble| call.failure(trouble, 0, Transport::Nobody);
    abbreviated.iter().map(|short| full_id(&history.repository, short).map_err(nobody)).collect()
}

struct History {
    repository: Repository,
    _folder: tempfile::TempDir,
}

fn history(call: &Call<'_>) -> Result<History, Failure> {
    let local = |cause: &str| {
        let meaning = "no temporary repository can be made";
        call.failure(Trouble::new(FailureKind::Local, meaning, cause), 0, Transport::Nobody)
    };
    let folder = match &call.remotes.settings().scratch {
        Some(scratch) => tempfile::tempdir_in(scratch),
        None => tempfile::tempdir(),
    };
    let folder = folder.map_err(|error| local(&error.to_string()))?;
    let repository = create_bare(&folder.path().join("history.git")).map_err(|error| local(error.message()))?;
    let refspecs = vec!["+refs/heads/*:refs/heads/*".to_owned(), "+refs/tags/*:refs/tags/*".to_owned()];
    fetch(call, repository.path(), &Order { refspecs, depth: Depth::All })?;
    // The `git` program may have written what this handle has not seen.
    let repository = Repository::open_bare(repository.path()).map_err(|error| local(error.message()))?;
    Ok(History { repository, _folder: folder })
}

fn full_id(repository: &Repository, abbreviated: &str) -> Result<String, Trouble> {
    let hexadecimal = abbreviated.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal || !(4..=40).contains(&abbreviated.len()) {
        let meaning = format!("`{abbreviated}` is no abbreviated commit id");
        return Err(Trouble::new(FailureKind::Invalid, &meaning, "it takes 4 to 40 hexadecimal digits"));
    }
    let mut commits = commits_with(repository, &abbreviated.to_ascii_lowercase())
        .map_err(|error| Trouble::new(FailureKind::Local, "the history cannot be read", error.message()))?;
    commits.sort_unstable();
    commits.dedup();
    match &commits[..] {
        [commit] => Ok(commit.to_string()),
        [] => Err(Trouble::new(
            FailureKind::NoSuchCommit,
            &format!("no branch or tag leads to a commit `{abbreviated}`"),
            "",
        )),
        several => {
            let ids: Vec<String> = several.iter().take(4).map(ToString::to_string).collect();
            Err(Trouble::new(
                FailureKind::Ambiguous,
                &format!("`{abbreviated}` names several commits"),
                &ids.join(", "),
            ))
        }
    }
}

fn commits_with(repository: &Repository, prefix: &str) -> Result<Vec<Oid>, git2::Error> {
    let odb = repository.odb()?;
    let mut candidates = Vec::new();
    odb.foreach(|id| {
        if id.to_string().starts_with(prefix) {
            candidates.push(*id);
        }
        true
    })?;
    let commit = |id: &Oid| match odb.read_header(*id).ok()?.1 {
        ObjectType::Commit => Some(*id),
        ObjectType::Tag => repository.find_tag(*id).ok()?.into_object().peel_to_commit().ok().map(|commit| commit.id()),
        _ => None,
    };
    Ok(candidates.iter().filter_map(commit).collect())
}
