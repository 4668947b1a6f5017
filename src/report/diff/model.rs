//! A review as data, which every format prints: sections, in them changes, in these words.
//!
//! Decides the names of what may happen, and their order of risk. Leaves out which changes there are (`entries.rs` and its
//! neighbours).

use deps_lock::Key;
use schemars::JsonSchema;
use serde::Serialize;

use super::phrase::{Phrase, plain};
use super::{lasting, short};
use crate::resolve::{CommitLine, Divergence};

/// What `deps diff --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "deps diff --json")]
pub struct DiffReport {
    /// The version of this format.
    pub schema: u32,
    /// What is compared with.
    pub base: SideReport,
    /// What is compared.
    pub head: SideReport,
    /// What changed, the riskiest first; sections without changes are absent.
    pub sections: Vec<SectionReport>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

/// One of the two states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SideReport {
    /// What it is called: a git revision, a file, or `the work tree`.
    pub name: String,
    /// The commit, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// How many entries its lock has.
    pub entries: usize,
}

/// Changes of one kind.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SectionReport {
    /// Which.
    pub section: Section,
    /// What it comes to, in a line; absent where the rows say all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The changes.
    pub changes: Vec<ChangeReport>,
}

/// The sections, the riskiest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Section {
    /// Something comes from elsewhere, or follows a branch now.
    SourceIdentity,
    /// Something is not what its name says, or went back.
    Integrity,
    /// Repositories and git inputs that moved, came or went.
    Versions,
    /// Container images.
    Images,
    /// Extensions.
    Extensions,
    /// Files that extensions fetch by url.
    UrlInputs,
    /// Stages of the image that will be built again.
    Stages,
    /// What rebuilds nothing.
    Cosmetic,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ChangeReport {
    /// What it is about: `repo`, `input`, `ext`, `image`, `fetch`, `host`, `stage`, or `file` of the project.
    pub kind: String,
    /// Its name: with `kind` the key of an entry.
    pub name: String,
    /// What happened.
    pub change: ChangeKind,
    /// The old value; absent where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The new value; absent where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The change in words.
    #[schemars(with = "String")]
    pub text: Phrase,
    /// What else there is to say, a line each.
    #[schemars(with = "Vec<String>")]
    pub details: Vec<Phrase>,
    /// A page that shows what changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The commits between, where the history is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Of a stage: the entries that it rebuilds for, as `repo:core/nav2`, and other causes by their kind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub because: Vec<String>,
    /// Of a stage: how long it took when it was last built, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// What happened, the riskiest of a section first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It comes from another host.
    OtherHost,
    /// Something comes from a host from which nothing came before.
    NewHost,
    /// It comes from somebody else on the same host.
    OtherOwner,
    /// It is another repository of the same owner.
    OtherRepository,
    /// It is fetched otherwise: an archive for a repository, git for what was built in.
    OtherSystem,
    /// It stayed where it was (a tag, a commit), and follows a branch now.
    Unpinned,
    /// It is fetched over another protocol.
    OtherScheme,
    /// A tag is another commit than before.
    TagMoved,
    /// A url has other bytes than before.
    OtherContent,
    /// What is pinned is not there any more.
    Gone,
    /// The branch or tag that led to the commit is not there any more.
    NotOnRef,
    /// The branch lost commits that it had.
    Rewritten,
    /// An older version than before.
    Rollback,
    /// A pull request alone, or nothing, keeps the commit.
    Endangered,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// The first number of the version differs.
    Major,
    /// The second number of the version differs.
    Minor,
    /// A later number of the version differs.
    Patch,
    /// The version is the same but for its pre-release.
    PreRelease,
    /// A version that cannot be compared.
    OtherVersion,
    /// Another branch.
    OtherBranch,
    /// The same branch at another commit.
    Commits,
    /// The same image tag, or the same file, with another digest.
    Digest,
    /// Another image tag.
    Tag,
    /// Files of an extension.
    Files,
    /// Options of an extension.
    Options,
    /// The stage is another one.
    Changed,
    /// Only a url, and it means the same place.
    Url,
    /// Only what is asked for.
    Wish,
    /// Only the reason why it is there.
    Reason,
    /// A key that this version does not know.
    UnknownKey,
    /// Order, comments or spelling.
    Layout,
}

/// The commits between two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct History {
    /// How many commits the new one has that the old one has not.
    pub ahead: usize,
    /// How many commits the old one has that the new one has not.
    pub behind: usize,
    /// The newest of those that came, at most twenty.
    pub added: Vec<Commit>,
    /// The newest of those that went, at most twenty.
    pub dropped: Vec<Commit>,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Commit {
    /// Its id.
    pub rev: String,
    /// The first line of its message.
    pub subject: String,
}

impl DiffReport {
    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// Returns what is compared, in a line.
    pub(super) fn title(&self) -> Phrase {
        let side = |side: &SideReport| match &side.commit {
            Some(commit) if !commit.starts_with(&side.name) => {
                Phrase::of(&format!("{{}} ({})", short(commit)), [&side.name])
            }
            _ => Phrase::theirs(&side.name),
        };
        side(&self.base).and(Phrase::of(" → ", [])).and(side(&self.head))
    }
}

impl Section {
    /// Returns its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::SourceIdentity => "Where things come from",
            Self::Integrity => "Integrity",
            Self::Versions => "Versions",
            Self::Images => "Images",
            Self::Extensions => "Extensions",
            Self::UrlInputs => "Files fetched by url",
            Self::Stages => "Stages that rebuild",
            Self::Cosmetic => "Changes that rebuild nothing",
        }
    }
}

impl ChangeReport {
    pub(super) fn new((kind, name): (&str, &str), change: ChangeKind, text: Phrase) -> Self {
        let (before, after, link, history, seconds) = Default::default();
        let (details, because) = Default::default();
        let (kind, name) = (kind.to_owned(), plain(name));
        Self { kind, name, change, before, after, text, details, link, history, because, seconds }
    }

    pub(super) fn of(key: &Key, change: ChangeKind, text: Phrase) -> Self {
        Self::new((key.kind.table(), &key.name), change, text)
    }

    pub(super) fn values(mut self, before: Option<&str>, after: Option<&str>) -> Self {
        (self.before, self.after) = (before.map(plain), after.map(plain));
        self
    }

    pub(super) fn detail(mut self, detail: Phrase) -> Self {
        self.details.push(detail);
        self
    }

    /// Returns a sign for what happened: `!` asks for attention.
    pub(super) fn mark(&self, section: Section) -> char {
        match self.change {
            _ if matches!(section, Section::SourceIdentity | Section::Integrity) => '!',
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            _ => '~',
        }
    }

    /// Returns what follows the words: the class of a version, how many commits, how long.
    pub(super) fn remark(&self) -> Option<String> {
        let history = self.history.as_ref().map(History::words);
        let class = match self.change {
            ChangeKind::Major => Some("major"),
            ChangeKind::Minor => Some("minor"),
            ChangeKind::Patch => Some("patch"),
            ChangeKind::PreRelease => Some("pre-release"),
            _ => None,
        };
        let seconds = self.seconds.map(|seconds| format!("{} last time", lasting(seconds)));
        let remarks: Vec<String> = class.map(str::to_owned).into_iter().chain(history).chain(seconds).collect();
        (!remarks.is_empty()).then(|| remarks.join(", "))
    }
}

impl History {
    /// Returns it without characters that nobody sees.
    pub(super) fn of(divergence: &Divergence) -> Self {
        let commit = |line: &CommitLine| Commit { rev: line.id.clone(), subject: plain(&line.subject) };
        let commits = |lines: &[CommitLine]| lines.iter().map(commit).collect();
        let Divergence { ahead, behind, added, dropped } = divergence;
        Self { ahead: *ahead, behind: *behind, added: commits(added), dropped: commits(dropped) }
    }

    fn words(&self) -> String {
        match self.behind {
            0 => format!("+{} {}", self.ahead, if self.ahead == 1 { "commit" } else { "commits" }),
            behind => format!("+{} −{behind} commits", self.ahead),
        }
    }
}
