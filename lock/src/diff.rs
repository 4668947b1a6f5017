//! What differs between two locks, entry by entry and field by field.
//!
//! Decides what counts as a difference: the data, not its layout or comments. The same two locks have the same
//! difference however they came together, in the order of the file. Leaves out what a difference means: which of them
//! is a risk, and what it rebuilds.

use std::collections::{BTreeMap, BTreeSet};

use crate::Lock;
use crate::entry::{Entry, Key};
use crate::extra::Extra;
use crate::write::inline;

/// What differs between two locks; borrows from both.
///
/// # Example
///
/// ```
/// use deps_lock::{Change, Lock};
///
/// let lock = |rev: char| {
///     let rev = rev.to_string().repeat(40);
///     Lock::parse(&format!("schema = 1\n[repo.a]\nref = \"main\"\nrev = \"{rev}\"\nurl = \"/srv/a.git\"\n"))
/// };
/// let (before, after) = (lock('a').unwrap(), lock('b').unwrap());
/// let diff = before.diff(&after);
/// let [(key, Change::Changed(changed))] = &diff.changes().collect::<Vec<_>>()[..] else { panic!("one entry changed") };
/// assert_eq!(key.to_string(), "repo `a`");
/// assert_eq!(changed.fields[0].name, "rev");
/// assert!(before.diff(&before).is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockDiff<'a> {
    /// The schema before and after, where it is another one.
    pub schema: Option<(u32, u32)>,
    /// Top-level keys and tables that this version does not know and that differ, sorted.
    pub unknown: Vec<FieldChange>,
    changes: BTreeMap<&'a Key, Change<'a>>,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// It is new.
    Added(&'a Entry),
    /// It is gone.
    Removed(&'a Entry),
    /// It is another one.
    Changed(Changed<'a>),
}

/// An entry that is another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed<'a> {
    /// The entry before.
    pub before: &'a Entry,
    /// The entry after.
    pub after: &'a Entry,
    /// The fields that differ: known ones in the order of the file, then unknown ones, sorted.
    pub fields: Vec<FieldChange>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Its key in the file.
    pub name: String,
    /// Whether this version knows the key.
    pub known: bool,
    /// Its value before: the string, or for an unknown key its TOML; none where the field is new.
    pub before: Option<String>,
    /// Its value after, in the same way; none where the field is gone.
    pub after: Option<String>,
}

impl LockDiff<'_> {
    /// Returns whether both locks hold the same.
    pub fn is_empty(&self) -> bool {
        self.schema.is_none() && self.unknown.is_empty() && self.changes.is_empty()
    }

    /// Returns the entries that differ, in the order of the file.
    pub fn changes(&self) -> impl Iterator<Item = (&Key, &Change<'_>)> {
        self.changes.iter().map(|(key, change)| (*key, change))
    }

    /// Returns what became of the entry of `key`; none where it is the same in both, or in neither.
    pub fn get(&self, key: &Key) -> Option<&Change<'_>> {
        self.changes.get(key)
    }
}

impl Changed<'_> {
    /// Returns whether one of the fields `names` differs.
    pub fn touches(&self, names: &[&str]) -> bool {
        self.fields.iter().any(|field| names.contains(&field.name.as_str()))
    }
}

/// Returns what differs between `before` and `after`.
pub(crate) fn diff<'a>(before: &'a Lock, after: &'a Lock) -> LockDiff<'a> {
    let keys: BTreeSet<&Key> = before.entries.keys().chain(after.entries.keys()).collect();
    let change = |key: &'a Key| Some((key, change(before.entries.get(key), after.entries.get(key))?));
    LockDiff {
        schema: (before.schema != after.schema).then_some((before.schema, after.schema)),
        unknown: unknown(&before.extra, &after.extra),
        changes: keys.into_iter().filter_map(change).collect(),
    }
}

fn change<'a>(before: Option<&'a Entry>, after: Option<&'a Entry>) -> Option<Change<'a>> {
    match (before, after) {
        (None, after) => after.map(Change::Added),
        (Some(before), None) => Some(Change::Removed(before)),
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => Some(Change::Changed(Changed { before, after, fields: fields(before, after) })),
    }
}

/// Returns the fields that differ. Those of `after` come first where their order is not the same, as in another type.
fn fields(before: &Entry, after: &Entry) -> Vec<FieldChange> {
    let (old, new) = (before.fields(), after.fields());
    let value = |fields: &[(&str, &str)], name: &str| {
        fields.iter().find(|(field, _)| *field == name).map(|(_, value)| (*value).to_owned())
    };
    let gone = old.iter().filter(|(name, _)| new.iter().all(|(other, _)| other != name));
    let names = new.iter().chain(gone).map(|(name, _)| *name);
    let known = names.map(|name| (name, value(&old, name), value(&new, name)));
    let known = known.filter(|(_, before, after)| before != after);
    let known = known.map(|(name, before, after)| FieldChange { name: name.to_owned(), known: true, before, after });
    known.chain(unknown(before.extra(), after.extra())).collect()
}

fn unknown(before: &Extra, after: &Extra) -> Vec<FieldChange> {
    let texts = |extra: &Extra| -> BTreeMap<String, String> {
        extra.iter().map(|(name, value)| (name.to_owned(), inline(value))).collect()
    };
    let (before, after) = (texts(before), texts(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let change = |name: &String| FieldChange {
        name: name.clone(),
        known: false,
        before: before.get(name).cloned(),
        after: after.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.before != change.after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock(blocks: &str) -> Lock {
        Lock::parse(&format!("schema = 1\n{blocks}")).unwrap()
    }

    fn repo(name: &str, fields: &str) -> String {
        format!("[repo.{name}]\n{fields}\nrev = \"{}\"\nurl = \"/srv/{name}.git\"\n", "a".repeat(40))
    }

    #[test]
    fn entries_come_in_the_order_of_the_file_whatever_became_of_them() {
        let before = lock(&format!("{}{}", repo("b", ""), repo("c", "ref = \"1\"")));
        let after = lock(&format!("{}{}", repo("c", "ref = \"2\""), repo("a", "")));
        let diff = before.diff(&after);
        let words = diff.changes().map(|(key, change)| match change {
            Change::Added(_) => format!("+{}", key.name),
            Change::Removed(_) => format!("-{}", key.name),
            Change::Changed(changed) => format!("~{} {}", key.name, changed.fields.len()),
        });
        assert_eq!(words.collect::<Vec<_>>(), ["+a", "-b", "~c 1"]);
    }

    #[test]
    fn a_field_that_came_or_went_has_one_value() {
        let (before, after) = (lock(&repo("a", "want = \"^1\"\nref = \"1.0.0\"")), lock(&repo("a", "ref = \"1.0.0\"")));
        let field = FieldChange { name: "want".to_owned(), known: true, before: Some("^1".to_owned()), after: None };
        let changed = |before: &Lock, after: &Lock| match before.diff(after).changes().next() {
            Some((_, Change::Changed(changed))) => changed.fields.clone(),
            other => panic!("{other:?}"),
        };
        let back = FieldChange { before: None, after: field.before.clone(), ..field.clone() };
        assert_eq!(changed(&before, &after), [field]);
        assert_eq!(changed(&after, &before), [back]);
    }

    #[test]
    fn layout_and_comments_are_no_difference_but_unknown_keys_are() {
        let before = lock(&repo("a", "x = 1"));
        assert!(before.diff(&lock(&format!("# other words\n\n{}", repo("a", "x  =  1")))).is_empty());
        let after = lock(&format!("later = true\n{}", repo("a", "x = [2]")));
        let diff = before.diff(&after);
        assert_eq!((diff.unknown.len(), diff.unknown[0].after.as_deref()), (1, Some("true")));
        let Some((_, Change::Changed(changed))) = diff.changes().next() else { panic!("{diff:?}") };
        assert_eq!(changed.fields[0].after.as_deref(), Some("[2]"));
        assert!(changed.touches(&["rev", "x"]) && !changed.touches(&["url"]));
    }

    #[test]
    fn another_type_differs_in_its_type_first() {
        let archive =
            format!("[repo.a]\ntype = \"tar\"\ndigest = \"sha256:{}\"\nurl = \"/srv/a.git\"\n", "0".repeat(64));
        let (git, archive) = (lock(&repo("a", "")), lock(&archive));
        let diff = git.diff(&archive);
        let Some((_, Change::Changed(changed))) = diff.changes().next() else { panic!("{diff:?}") };
        let names: Vec<&str> = changed.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["type", "digest", "rev"]);
    }
}
