//! What changed between two states of a project, for whoever reviews it (`schema/diff.json`).
//!
//! Decides what is a risk, in which order things are told, and in which words; a section without rows is left out. A pure
//! function of two locks and what is known beside them. Leaves out where all of that comes from, and the exit code
//! (`cli/`).

mod entries;
mod extensions;
mod link;
mod markdown;
mod page;
mod phrase;
mod place;
mod stages;
mod text;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Key, Lock};
use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::record::Record;

pub use markdown::{MARKER, diff_markdown};
pub use page::diff_page;
pub use phrase::Phrase;
pub(super) use text::diff_sections;
pub use text::diff_text;

use phrase::plain;

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
    /// The commit is on no branch and no tag of the repository.
    Unreachable,
    /// The commit is not what its branch or tag leads to.
    NotOnRef,
    /// The branch lost commits that it had.
    Rewritten,
    /// An older version than before.
    Rollback,
    /// Whether it is what its name says could not be found out.
    Unknown,
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

/// What is compared.
#[derive(Debug)]
pub struct Review<'a> {
    /// What is compared with.
    pub base: Side<'a>,
    /// What is compared.
    pub head: Side<'a>,
    /// The commits between the two revs of an entry, where they are known.
    pub histories: BTreeMap<Key, History>,
    /// What servers say of an entry.
    pub findings: BTreeMap<Key, Vec<Finding>>,
    /// How long stages took when they were last built, in seconds.
    pub took: BTreeMap<String, f64>,
    /// What could not be compared, and why.
    pub notes: Vec<String>,
}

/// A state of a project.
#[derive(Debug)]
pub struct Side<'a> {
    /// What it is called.
    pub name: String,
    /// The commit, where it is one.
    pub commit: Option<String>,
    /// Its lock.
    pub lock: &'a Lock,
    /// The text of files that people write and of the lock, by name.
    pub texts: BTreeMap<String, String>,
    /// What its plans are made of, a record a platform; none where it could not be planned.
    pub records: Option<&'a [Record]>,
    /// Its extensions, by name; none where they could not be read.
    pub extensions: Option<BTreeMap<String, ExtensionFacts>>,
}

/// What is known of an extension beside the lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionFacts {
    /// The version that it gives itself.
    pub version: String,
    /// The digest of its files.
    pub digest: String,
    /// The values of its options, those that nobody sets included.
    pub options: BTreeMap<String, String>,
    /// The digests of its files, by path.
    pub files: BTreeMap<String, String>,
}

/// What servers say of the new state of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// [`ChangeKind::TagMoved`], [`ChangeKind::Unreachable`], [`ChangeKind::NotOnRef`] or [`ChangeKind::Unknown`].
    pub change: ChangeKind,
    /// In words.
    pub text: String,
}

/// The rows, by section.
#[derive(Debug, Default)]
struct Rows(BTreeMap<Section, Vec<ChangeReport>>);

impl Rows {
    fn push(&mut self, section: Section, row: ChangeReport) {
        self.0.entry(section).or_default().push(row);
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns the review of two states.
pub fn review(review: &Review<'_>) -> DiffReport {
    let mut rows = Rows::default();
    entries::rows(review, &mut rows);
    extensions::rows(review, &mut rows);
    let summary = stages::rows(review, &mut rows);
    layout(review, &mut rows);
    let section = |(section, mut changes): (Section, Vec<ChangeReport>)| {
        if matches!(section, Section::SourceIdentity | Section::Integrity) {
            changes.sort_by_key(|row| row.change);
        }
        SectionReport { section, summary: summary.clone().filter(|_| section == Section::Stages), changes }
    };
    DiffReport {
        schema: 1,
        base: side(&review.base),
        head: side(&review.head),
        sections: rows.0.into_iter().map(section).collect(),
        notes: review.notes.iter().map(|note| plain(note)).collect(),
    }
}

/// Files that are written otherwise although nothing else is to say of them: where nothing at all is, also those that
/// people write.
fn layout(review: &Review<'_>, rows: &mut Rows) {
    const LOCK: &str = "deps.lock";
    let same_lock = review.base.lock.diff(review.head.lock).is_empty();
    let (before, after) = (&review.base.texts, &review.head.texts);
    let both: BTreeSet<&String> = before.keys().filter(|name| after.contains_key(*name)).collect();
    let planned = review.base.records.is_some() && review.head.records.is_some();
    let silent = |name: &str| if name == LOCK { same_lock } else { planned && same_lock && rows.is_empty() };
    let files: Vec<&String> = both.into_iter().filter(|name| silent(name) && before[*name] != after[*name]).collect();
    for name in files {
        let text = Phrase::of("written otherwise (order, comments, spelling)", []);
        rows.push(Section::Cosmetic, ChangeReport::new(("file", name), ChangeKind::Layout, text));
    }
}

fn side(side: &Side<'_>) -> SideReport {
    SideReport { name: plain(&side.name), commit: side.commit.clone(), entries: side.lock.len() }
}

impl DiffReport {
    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// Returns what is compared, in a line.
    fn title(&self) -> Phrase {
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
    fn new((kind, name): (&str, &str), change: ChangeKind, text: Phrase) -> Self {
        let (before, after, link, history, seconds) = Default::default();
        let (details, because) = Default::default();
        let (kind, name) = (kind.to_owned(), plain(name));
        Self { kind, name, change, before, after, text, details, link, history, because, seconds }
    }

    fn of(key: &Key, change: ChangeKind, text: Phrase) -> Self {
        Self::new((key.kind.table(), &key.name), change, text)
    }

    fn values(mut self, before: Option<&str>, after: Option<&str>) -> Self {
        (self.before, self.after) = (before.map(plain), after.map(plain));
        self
    }

    fn detail(mut self, detail: Phrase) -> Self {
        self.details.push(detail);
        self
    }

    /// Returns a sign for what happened: `!` asks for attention.
    fn mark(&self, section: Section) -> char {
        match self.change {
            _ if matches!(section, Section::SourceIdentity | Section::Integrity) => '!',
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            _ => '~',
        }
    }

    /// Returns what follows the words: the class of a version, how many commits, how long.
    fn remark(&self) -> Option<String> {
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
    fn plain(&self) -> Self {
        let commit = |commit: &Commit| Commit { rev: commit.rev.clone(), subject: plain(&commit.subject) };
        let plain = |commits: &[Commit]| commits.iter().map(commit).collect();
        Self { added: plain(&self.added), dropped: plain(&self.dropped), ..*self }
    }

    fn words(&self) -> String {
        match self.behind {
            0 => format!("+{} {}", self.ahead, if self.ahead == 1 { "commit" } else { "commits" }),
            behind => format!("+{} −{behind} commits", self.ahead),
        }
    }
}

/// Returns the beginning of a commit id or a digest.
fn short(id: &str) -> String {
    let (scheme, digits) = id.split_once(':').map_or(("", id), |(scheme, digits)| (scheme, digits));
    let short: String = digits.chars().take(8).collect();
    if scheme.is_empty() { short } else { format!("{scheme}:{short}") }
}

/// Returns a duration for people.
fn lasting(seconds: f64) -> String {
    let whole = seconds.round().clamp(0.0, 1e9);
    let (minutes, rest) = ((whole / 60.0).floor(), whole % 60.0);
    if minutes > 0.0 { format!("{minutes:.0}m {rest:02.0}s") } else { format!("{seconds:.1}s") }
}

#[cfg(test)]
mod tests;
