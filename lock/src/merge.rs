//! Three-way merge of locks, by entry and, where that is safe, by field.
//!
//! Decides what two sides together make of the lock that both began with, and what only a person (or `deps lock`, which
//! knows what is asked for) can decide. Leaves out where the three come from, and which side of a conflict is right.
//!
//! | Changed on both sides, differently | Outcome |
//! |---|---|
//! | other entries | both |
//! | an entry, one side removes it, the other leaves it as it was | removed |
//! | an entry, one side removes it, the other changes it | conflict |
//! | `want`, `ref`, `rev`, `digest`, `version`, `type`, `dir`, `url`, unknown keys of one entry | conflict: a pin says what was found there, and nobody has seen the mixture; so too where one side changes nothing but the url |
//! | `detected` of a built-in extension, the other side anything else of it | both |
//! | platforms of one fetched file, of the same version and url | each for itself |
//! | an unknown key at the top of the file | each for itself |
//! | a block of an unknown table | conflict: it is not known what belongs together in it |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::Lock;
use crate::entry::{Entry, Fetch, Key};
use crate::extension::Extension;
use crate::extra::{Extra, Value};
use crate::markers::Markers;
use crate::value::shown;
use crate::write::Parts;

/// What two sides make of the lock that both began with.
#[derive(Clone, Debug)]
pub struct Merge<'a> {
    base: &'a Lock,
    ours: &'a Lock,
    theirs: &'a Lock,
    lock: Lock,
    places: BTreeSet<Place>,
}

/// Something that both sides changed, differently.
#[derive(Clone, Copy, Debug)]
pub struct Conflict<'a> {
    /// What it is.
    pub place: &'a Place,
    /// The entry that both began with; none where there was none, or the place is no entry.
    pub base: Option<&'a Entry>,
    /// The entry of the first side, likewise.
    pub ours: Option<&'a Entry>,
    /// The entry of the second side, likewise.
    pub theirs: Option<&'a Entry>,
}

/// A part of a lock that is merged as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An entry.
    Entry(Key),
    /// An unknown key at the top of the file, with a value that is no table.
    Line(String),
    /// A block of an unknown table: the table, and the key in it; none for the lines of the table itself.
    Block(String, Option<String>),
    /// An unknown table that is a plain value on another side, or in which a table is.
    Shape(String),
}

/// Formats what messages call it: ``repo `core/nav2` ``, `` `generator` ``.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(key) => key.fmt(f),
            Self::Line(name) => write!(f, "`{}`", shown(name)),
            Self::Block(table, Some(key)) => write!(f, "{} `{}`", shown(table), shown(key)),
            Self::Block(name, None) | Self::Shape(name) => write!(f, "`[{}]`", shown(name)),
        }
    }
}

/// Merges what `ours` and `theirs` made of `base`. Where there is no base, [`Lock::new`] stands for it: entries that only one
/// side has are kept then, as nobody knows whether the other removed them.
///
/// Exchanging the sides exchanges nothing but the sides of conflicts.
pub fn merge<'a>(base: &'a Lock, ours: &'a Lock, theirs: &'a Lock) -> Merge<'a> {
    let schema = settled(base.schema, ours.schema, theirs.schema).unwrap_or(ours.schema.max(theirs.schema));
    let lock = Lock { schema, ..Lock::new() };
    let mut merge = Merge { base, ours, theirs, lock, places: BTreeSet::new() };
    merge.entries();
    merge.unknown();
    merge
}

impl<'a> Merge<'a> {
    /// Returns what is agreed: the whole lock if there is no conflict, else without what conflicts.
    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    /// Returns whether there is no conflict.
    pub fn is_clean(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns what both sides changed differently: entries in the order of the file, then what is unknown.
    pub fn conflicts(&self) -> impl Iterator<Item = Conflict<'_>> {
        self.places.iter().map(|place| {
            let entry = |lock: &'a Lock| if let Place::Entry(key) = place { lock.get(key) } else { None };
            Conflict { place, base: entry(self.base), ours: entry(self.ours), theirs: entry(self.theirs) }
        })
    }

    /// Returns the canonical text, with conflicts between `markers`. Without conflicts it is the lock's; with them no
    /// reader takes it for a lock, and keeping one side of each leaves a lock.
    pub fn to_text(&self, markers: &Markers) -> String {
        let mut parts = Parts::of(&self.lock);
        let [base, ours, theirs] = [self.base, self.ours, self.theirs].map(Parts::of);
        let mut above = String::new();
        for place in &self.places {
            let area = markers.around(&base.at(place), &ours.at(place), &theirs.at(place));
            match place {
                Place::Entry(key) => _ = parts.blocks.insert((key.kind.table(), Some(&key.name)), area),
                Place::Block(table, key) => _ = parts.blocks.insert((table, key.as_deref()), area),
                Place::Line(name) => _ = parts.lines.insert(name, area),
                Place::Shape(_) => above.push_str(&area),
            }
        }
        parts.text(&above)
    }

    fn entries(&mut self) {
        let locks = [self.base, self.ours, self.theirs];
        let keys: BTreeSet<&Key> = locks.iter().flat_map(|lock| lock.entries.keys()).collect();
        for key in keys {
            let [base, ours, theirs] = locks.map(|lock| lock.get(key));
            let entry = match settled(base, ours, theirs) {
                Some(entry) => entry.cloned(),
                None => {
                    let mixed = by_field(base, ours, theirs);
                    if mixed.is_none() {
                        self.places.insert(Place::Entry(key.clone()));
                    }
                    mixed
                }
            };
            self.lock.entries.extend(entry.map(|entry| (key.clone(), entry)));
        }
    }

    fn unknown(&mut self) {
        let extras = [self.base, self.ours, self.theirs].map(|lock| &lock.extra);
        let names: BTreeSet<&str> = extras.iter().flat_map(|extra| extra.keys()).collect();
        for name in names {
            let [base, ours, theirs] = extras.map(|extra| extra.get(name));
            match settled(base, ours, theirs) {
                Some(Some(value)) => self.lock.extra.insert(name, value.clone()),
                Some(None) => {}
                None => self.table(name, [base, ours, theirs]),
            }
        }
    }

    /// Merges an unknown key that all three have differently: by its blocks, if it is a table.
    fn table(&mut self, name: &str, values: [Option<&Value>; 3]) {
        if values.iter().flatten().all(|value| !matches!(value, Value::Table(_))) {
            self.places.insert(Place::Line(name.to_owned()));
            return;
        }
        let Some(sides) = blocks(values) else {
            self.places.insert(Place::Shape(name.to_owned()));
            return;
        };
        let keys: BTreeSet<Option<&str>> = sides.iter().flat_map(|blocks| blocks.keys().copied()).collect();
        let (mut table, open) = (Extra::default(), self.places.len());
        for key in keys {
            let [base, ours, theirs] = sides.each_ref().map(|blocks| blocks.get(&key));
            match (settled(base, ours, theirs), key) {
                (Some(None), _) => {}
                (Some(Some(block)), Some(key)) => table.insert(key, Value::Table(block.clone())),
                (Some(Some(lines)), None) => lines.iter().for_each(|(key, value)| table.insert(key, value.clone())),
                (None, key) => _ = self.places.insert(Place::Block(name.to_owned(), key.map(str::to_owned))),
            }
        }
        let [base, ours, theirs] = values.map(|value| value.is_some());
        let stays_empty = open == self.places.len() && settled(base, ours, theirs) == Some(true);
        if !table.is_empty() || stays_empty {
            self.lock.extra.insert(name, Value::Table(table));
        }
    }
}

impl Parts<'_> {
    /// Returns the text at `place`; empty where there is nothing.
    fn at(&self, place: &Place) -> String {
        let block = |table: &str, key: Option<&str>| self.blocks.get(&(table, key)).cloned().unwrap_or_default();
        match place {
            Place::Entry(key) => block(key.kind.table(), Some(&key.name)),
            Place::Block(table, key) => block(table, key.as_deref()),
            Place::Line(name) => self.lines.get(name.as_str()).cloned().unwrap_or_default(),
            Place::Shape(name) => {
                let line = self.lines.get(name.as_str()).into_iter();
                let blocks = self.blocks.iter().filter(|((table, _), _)| table == name).map(|(_, block)| block);
                line.chain(blocks).map(String::as_str).collect()
            }
        }
    }
}

/// Returns what two sides agree on: what they share, or what the only one made that changed something.
fn settled<T: PartialEq>(base: T, ours: T, theirs: T) -> Option<T> {
    match () {
        () if ours == theirs || theirs == base => Some(ours),
        () if ours == base => Some(theirs),
        () => None,
    }
}

/// Merges the fields that do not depend on one another.
fn by_field(base: Option<&Entry>, ours: Option<&Entry>, theirs: Option<&Entry>) -> Option<Entry> {
    match (base?, ours?, theirs?) {
        (Entry::Ext(base), Entry::Ext(ours), Entry::Ext(theirs)) => built_in(base, ours, theirs).map(Entry::Ext),
        (Entry::Fetch(base), Entry::Fetch(ours), Entry::Fetch(theirs)) => {
            platforms(base, ours, theirs).map(Entry::Fetch)
        }
        _ => None,
    }
}

/// What shows that a built-in extension is wanted has nothing to do with its files.
fn built_in(base: &Extension, ours: &Extension, theirs: &Extension) -> Option<Extension> {
    let rest = |extension: &Extension| Extension { detected: None, ..extension.clone() };
    let merged = settled(rest(base), rest(ours), rest(theirs))?;
    let detected = settled(&base.detected, &ours.detected, &theirs.detected)?.clone();
    let built_in = [base, ours, theirs].iter().all(|extension| extension.origin.is_none());
    built_in.then_some(Extension { detected, ..merged })
}

/// Files of the same version and url: each platform has its own. A url with words for platforms is another one when
/// there are others.
fn platforms(base: &Fetch, ours: &Fetch, theirs: &Fetch) -> Option<Fetch> {
    let rest = |fetch: &Fetch| Fetch { platforms: BTreeMap::new(), ..fetch.clone() };
    if rest(base) != rest(ours) || rest(base) != rest(theirs) || base.url.contains('{') {
        return None;
    }
    let all = [base, ours, theirs].map(|fetch| &fetch.platforms);
    let mut platforms = BTreeMap::new();
    for platform in all.iter().flat_map(|sums| sums.keys()) {
        let [base, ours, theirs] = all.map(|sums| sums.get(platform));
        platforms.extend(settled(base, ours, theirs)?.map(|sum| (platform.clone(), sum.clone())));
    }
    (!platforms.is_empty()).then(|| Fetch { platforms, ..base.clone() })
}

/// Returns the blocks of an unknown table, by their keys; none where something is a block on one side, and no table on
/// another.
fn blocks(values: [Option<&Value>; 3]) -> Option<[BTreeMap<Option<&str>, Extra>; 3]> {
    let mut sides: [BTreeMap<Option<&str>, Extra>; 3] = Default::default();
    for (value, side) in values.into_iter().zip(&mut sides) {
        match value {
            Some(Value::Table(table)) => *side = blocks_of(table),
            Some(_) => return None,
            None => {}
        }
    }
    let lines = sides.iter().filter_map(|side| side.get(&None)).flat_map(Extra::keys);
    let is_block = |key: &str| sides.iter().any(|side| side.contains_key(&Some(key)));
    let clash = lines.into_iter().any(is_block);
    (!clash).then_some(sides)
}

/// The lines of the table itself have no key.
fn blocks_of(table: &Extra) -> BTreeMap<Option<&str>, Extra> {
    let mut blocks: BTreeMap<Option<&str>, Extra> = BTreeMap::new();
    for (key, value) in table.iter() {
        match value {
            Value::Table(fields) => _ = blocks.insert(Some(key), fields.clone()),
            value => blocks.entry(None).or_default().insert(key, value.clone()),
        }
    }
    blocks
}
