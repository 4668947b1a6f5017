//! Finds the commits that abbreviated ids name. The only question that needs history.
//!
//! Decides what counts: commits that a branch or a tag leads to, and tags of that id peeled. All questions about one
//! repository share one fetch into a temporary repository.

use git2::{ObjectType, Oid, Repository};

use super::history::{BRANCHES_AND_TAGS, History};
use super::transport::{Call, Depth};
use super::trouble::Trouble;
use crate::resolve::{Failure, FailureKind, Transport};

/// Returns the full id of each of `abbreviated`, in their order.
pub(crate) fn expanded(call: &Call<'_>, abbreviated: &[&str]) -> Vec<Result<String, Failure>> {
    let history = match history(call) {
        Ok(history) => history,
        Err(failure) => return abbreviated.iter().map(|_| Err(failure.clone())).collect(),
    };
    let nobody = |trouble| call.failure(trouble, 0, Transport::Nobody);
    abbreviated.iter().map(|short| full_id(history.repository(), short).map_err(nobody)).collect()
}

fn history(call: &Call<'_>) -> Result<History, Failure> {
    let mut history = History::new(call)?;
    history.take(call, BRANCHES_AND_TAGS.map(str::to_owned).to_vec(), Depth::All)?;
    Ok(history)
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
