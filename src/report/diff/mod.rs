//! What changed between two states of a project, for whoever reviews it (`schema/diff.json`).
//!
//! Decides what is a risk, in which order things are told, and in which words; a section without rows is left out. A pure
//! function of two locks and what is known beside them. Leaves out where all of that comes from, and the exit code
//! (`cli/`).

mod entries;
mod extensions;
mod integrity;
mod link;
mod markdown;
mod model;
mod page;
mod phrase;
mod place;
mod platforms;
mod said;
mod stages;
mod text;
mod version;

use std::collections::{BTreeMap, BTreeSet};

use deps_lock::{Key, Lock};

use crate::plan::record::Record;
use crate::resolve::{Divergence, Finding};

pub use markdown::{MARKER, diff_markdown};
pub use model::{ChangeKind, ChangeReport, Commit, DiffReport, History, Section, SectionReport, SideReport};
pub use page::diff_page;
pub use phrase::Phrase;
pub(super) use text::diff_sections;
pub use text::diff_text;

use phrase::plain;

/// What is compared.
#[derive(Debug)]
pub struct Review<'a> {
    /// What is compared with.
    pub base: Side<'a>,
    /// What is compared.
    pub head: Side<'a>,
    /// The commits between the two revs of an entry, where they are known.
    pub histories: BTreeMap<Key, Divergence>,
    /// What servers say of the entries of the new lock; that they say nothing is a note.
    pub findings: Vec<Finding>,
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
    integrity::findings(review, &mut rows);
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
