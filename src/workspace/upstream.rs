//! Where the history of a project meets another one's: what a review of a branch compares with.
//!
//! Decides which branch is upstream of the one that is checked out. Nothing is fetched: it is what this repository knows
//! of it. Leaves out what the project is there (`revision.rs`).

use git2::{BranchType, Repository};

use super::{Trouble, Workspace};

/// Where a branch left its upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkPoint {
    /// The upstream branch.
    pub upstream: String,
    /// The commit, 40 hexadecimal digits.
    pub commit: String,
}

impl Workspace {
    /// Returns where HEAD left the upstream branch: the branch that it tracks, unless that is its own copy on a server;
    /// else the default branch of `origin`, or `main` or `master`.
    ///
    /// # Errors
    /// The project is in no git repository, or that has no commit or no such branch.
    pub fn fork_point(&self) -> Result<ForkPoint, Trouble> {
        let repository = self.repository("HEAD")?;
        let fail = |message: &str| Trouble::Revision { name: "HEAD".to_owned(), message: message.to_owned() };
        let upstream = upstream(&repository).ok_or_else(|| fail("no branch is its upstream"))?;
        let commit = merge_base(&repository, &upstream, "HEAD").map_err(|message| fail(&message))?;
        let name = upstream.strip_prefix("refs/heads/").or_else(|| upstream.strip_prefix("refs/remotes/"));
        Ok(ForkPoint { upstream: name.unwrap_or(&upstream).to_owned(), commit })
    }

    /// Returns the best common ancestor of two git revisions.
    ///
    /// # Errors
    /// The project is in no git repository, that has no such commits, or they have no ancestor in common.
    pub fn merge_base(&self, one: &str, other: &str) -> Result<String, Trouble> {
        let repository = self.repository(one)?;
        merge_base(&repository, one, other).map_err(|message| Trouble::Revision { name: one.to_owned(), message })
    }

    /// Returns the commit that a git revision is.
    ///
    /// # Errors
    /// The project is in no git repository, or that has no such commit.
    pub fn commit(&self, name: &str) -> Result<String, Trouble> {
        let fail = |message| Trouble::Revision { name: name.to_owned(), message };
        Ok(find(&self.repository(name)?, name).map_err(fail)?.to_string())
    }

    fn repository(&self, name: &str) -> Result<Repository, Trouble> {
        let message = "the project is in no git repository".to_owned();
        Repository::discover(&self.root).map_err(|_| Trouble::Revision { name: name.to_owned(), message })
    }
}

/// Returns the full name of the upstream branch.
fn upstream(repository: &Repository) -> Option<String> {
    let head = repository.head().ok().filter(git2::Reference::is_branch);
    let own = head.as_ref().and_then(|head| head.shorthand().ok()).map(str::to_owned);
    let tracked = own.as_deref().and_then(|own| {
        let branch = repository.find_branch(own, BranchType::Local).ok()?.upstream().ok()?;
        branch.get().name().ok().map(str::to_owned)
    });
    let is_copy = |name: &str| own.as_deref().is_some_and(|own| name.ends_with(&format!("/{own}")));
    let default = repository.find_reference("refs/remotes/origin/HEAD").ok();
    let default = default.and_then(|default| default.resolve().ok()?.name().ok().map(str::to_owned));
    let named = ["refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"];
    let named = named.into_iter().find(|name| repository.find_reference(name).is_ok()).map(str::to_owned);
    tracked.clone().filter(|name| !is_copy(name)).or(default).or(named).or(tracked)
}

fn find(repository: &Repository, name: &str) -> Result<git2::Oid, String> {
    let object = repository.revparse_single(name).and_then(|object| object.peel_to_commit());
    object.map(|commit| commit.id()).map_err(|_| format!("the repository has no commit `{name}`"))
}

fn merge_base(repository: &Repository, one: &str, other: &str) -> Result<String, String> {
    let (first, second) = (find(repository, one)?, find(repository, other)?);
    let base = repository.merge_base(first, second);
    base.map(|base| base.to_string()).map_err(|_| format!("`{one}` and `{other}` have no history in common"))
}
