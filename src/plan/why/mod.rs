//! Why a stage key is another one: first causes, each with its old and new value.
//!
//! Decides what is a cause and what only follows from one: a stage that changed because of a stage below says which, and
//! what changed there; steps that changed because an option did are not told beside it. Leaves out words (`report/`).

mod causes;

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Image, Pin, Record, Release, Section, StageRecord, Subject, Value};

/// A first cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The encoding of stage keys: another version of `deps` that counts other things.
    Encoding(Change<String>),
    /// The image that the stage begins with.
    Base(Change<Image>),
    /// A Debian package came or went; the values are the extensions that ask for it.
    Package {
        /// The package.
        name: String,
        /// Who asks for it.
        change: Change<String>,
    },
    /// A checkout.
    Repository {
        /// Its key in the lock.
        path: String,
        /// Its pin.
        change: Change<Pin>,
    },
    /// An input of an extension.
    Input {
        /// `<extension>/<input>`.
        name: String,
        /// Its pin.
        change: Change<Pin>,
    },
    /// An extension came, went or has another version.
    Extension {
        /// The extension.
        name: String,
        /// Its version.
        change: Change<Release>,
    },
    /// An option of an extension.
    Option {
        /// The extension.
        extension: String,
        /// The option.
        name: String,
        /// Its value.
        change: Change<String>,
    },
    /// A snippet was edited.
    Snippet {
        /// Its path.
        file: String,
        /// The lines that differ, each behind `+`, `-` or a space.
        diff: Vec<String>,
    },
    /// A file that an extension brings.
    File {
        /// The extension.
        extension: String,
        /// Where it ends up: a path of the image, or `<input>/<path>`.
        path: String,
        /// Its digest.
        change: Change<String>,
    },
    /// Something else with a value of its own.
    Setting {
        /// What it is.
        subject: Subject,
        /// Its value.
        change: Change<String>,
    },
    /// Steps that are other ones although nothing that people write is: another version of `deps` makes them otherwise.
    Steps {
        /// What the steps are of.
        section: Section,
        /// The lines that differ.
        diff: Vec<String>,
    },
    /// The same steps in another order.
    Order {
        /// The lines that differ.
        diff: Vec<String>,
    },
}

/// A value before and after; one of them is missing where it came or went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change<T> {
    /// The old value.
    pub before: Option<T>,
    /// The new value.
    pub after: Option<T>,
}

/// What became of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Its key is the same.
    Unchanged,
    /// There was none.
    New,
    /// There is none any more.
    Removed,
    /// Its key is another one.
    Changed,
}

/// Why a stage key is another one, or that it is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The stage.
    pub stage: String,
    /// What became of it.
    pub state: State,
    /// Its old and new key.
    pub key: Change<String>,
    /// What changed in the stage itself.
    pub causes: Vec<Cause>,
    /// What changed in the stages that it is made from, however far below.
    pub follows: Vec<Follow>,
}

/// A stage below that changed by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Follow {
    /// The stage.
    pub stage: String,
    /// What changed there.
    pub causes: Vec<Cause>,
}

/// Two records, compared stage by stage.
#[derive(Debug)]
pub struct Comparison<'a> {
    encoding: Change<String>,
    before: BTreeMap<&'a str, &'a StageRecord>,
    after: BTreeMap<&'a str, &'a StageRecord>,
    /// Extensions that were there and still are.
    stayed: BTreeSet<&'a str>,
    /// The stages of now by the stage that they begin with.
    on: BTreeMap<&'a str, Vec<&'a StageRecord>>,
}

impl<'a> Comparison<'a> {
    /// Compares `after` with `before`.
    pub fn of(before: &'a Record, after: &'a Record) -> Self {
        let stages = |record: &'a Record| record.stages.iter().map(|stage| (stage.name.as_str(), stage)).collect();
        let encoding = Change { before: Some(before.encoding.clone()), after: Some(after.encoding.clone()) };
        let mut on: BTreeMap<&str, Vec<&StageRecord>> = BTreeMap::new();
        for stage in &after.stages {
            if let Some(Value::Text(base)) = causes::base(stage) {
                on.entry(base).or_default().push(stage);
            }
        }
        let stayed = causes::extensions(before).intersection(&causes::extensions(after)).copied().collect();
        Self { encoding, before: stages(before), after: stages(after), stayed, on }
    }

    /// Returns the names of all stages, those that are gone included, sorted.
    pub fn names(&self) -> BTreeSet<&'a str> {
        self.before.keys().chain(self.after.keys()).copied().collect()
    }

    /// Returns why the key of `stage` is another one; none when neither record has such a stage.
    pub fn explain(&self, stage: &str) -> Option<Explanation> {
        let (before, after) = (self.before.get(stage).copied(), self.after.get(stage).copied());
        let state = match (before, after) {
            (None, None) => return None,
            (None, Some(_)) => State::New,
            (Some(_), None) => State::Removed,
            (Some(before), Some(after)) if before.key == after.key => State::Unchanged,
            _ => State::Changed,
        };
        let key = |record: Option<&StageRecord>| record.map(|record| record.key.clone());
        let key = Change { before: key(before), after: key(after) };
        let (mut causes, mut follows) = (Vec::new(), BTreeMap::new());
        match state {
            State::Unchanged => {}
            _ if self.encoding.before != self.encoding.after => causes.push(Cause::Encoding(self.encoding.clone())),
            State::Changed => {
                (causes, follows) = self.changed(before?, after?, &mut BTreeSet::new());
                if causes.is_empty() && follows.is_empty() {
                    causes = causes::order(before?, after?);
                }
            }
            State::New if after?.kind == "apt" => causes = self.packages(after?),
            State::New | State::Removed => causes = self.appeared(before, after),
        }
        let follows = follows.into_iter().map(|(stage, causes)| Follow { stage, causes }).collect();
        Some(Explanation { stage: stage.to_owned(), state, key, causes, follows })
    }

    /// What changed in a stage, and in those below that changed by themselves. Stages in `seen` have been told.
    fn changed(
        &self,
        before: &'a StageRecord,
        after: &'a StageRecord,
        seen: &mut BTreeSet<&'a str>,
    ) -> (Vec<Cause>, BTreeMap<String, Vec<Cause>>) {
        let own = causes::own(before, after);
        let mut follows = BTreeMap::new();
        self.base(before, after, seen, &mut follows);
        for name in before.parents.keys().chain(after.parents.keys()) {
            let name = name.as_str();
            if before.parents.get(name) == after.parents.get(name) || own.told.contains(name) || !seen.insert(name) {
                continue;
            }
            match (self.before.get(name).copied(), self.after.get(name).copied()) {
                (Some(before), Some(after)) => {
                    let (causes, below) = self.changed(before, after, seen);
                    follows.extend(below);
                    if !causes.is_empty() {
                        follows.insert(name.to_owned(), causes);
                    }
                }
                (before, after) => {
                    let causes = self.appeared(before, after);
                    if !causes.is_empty() {
                        follows.insert(name.to_owned(), causes);
                    }
                }
            }
        }
        (own.causes, follows)
    }

    /// A stage that begins with other packages begins with another stage: those two are compared.
    fn base(
        &self,
        before: &'a StageRecord,
        after: &'a StageRecord,
        seen: &mut BTreeSet<&'a str>,
        follows: &mut BTreeMap<String, Vec<Cause>>,
    ) {
        let stage = |record: &'a StageRecord, of: &BTreeMap<&'a str, &'a StageRecord>| match causes::base(record) {
            Some(Value::Text(name)) => of.get(name.as_str()).copied(),
            _ => None,
        };
        let (old, new) = (stage(before, &self.before), stage(after, &self.after));
        if old.map(|old| &old.name) == new.map(|new| &new.name) {
            return;
        }
        let causes = causes::own(old.unwrap_or(before), new.unwrap_or(after)).causes;
        let bases = causes.into_iter().filter(|cause| matches!(cause, Cause::Base(_) | Cause::Package { .. }));
        let causes: Vec<Cause> = bases.collect();
        seen.extend([old, new].into_iter().flatten().map(|stage| stage.name.as_str()));
        if let Some(name) = new.or(old).filter(|_| !causes.is_empty()) {
            follows.insert(name.name.clone(), causes);
        }
    }

    /// A stage of packages that is new takes the place of the one that a stage on it began with.
    fn packages(&self, stage: &'a StageRecord) -> Vec<Cause> {
        let on = self.on.get(stage.name.as_str()).into_iter().flatten();
        let pairs = on.filter_map(|after| Some((self.before.get(after.name.as_str())?, after)));
        let mut follows = BTreeMap::new();
        for (before, after) in pairs {
            self.base(before, after, &mut BTreeSet::new(), &mut follows);
        }
        follows.remove(&stage.name).unwrap_or_else(|| self.appeared(None, Some(stage)))
    }

    /// What came or went with a stage: what people write of it.
    fn appeared(&self, before: Option<&StageRecord>, after: Option<&StageRecord>) -> Vec<Cause> {
        let causes = causes::between(before, after);
        let first = |cause: &Cause| match cause {
            Cause::Repository { .. } | Cause::Package { .. } => true,
            Cause::Extension { name, .. } => !self.stayed.contains(name.as_str()),
            _ => false,
        };
        causes.into_iter().filter(first).collect()
    }
}

impl<T> Change<T> {
    /// Returns the change with other values.
    pub fn map<U>(&self, value: impl Fn(&T) -> U) -> Change<U> {
        Change { before: self.before.as_ref().map(&value), after: self.after.as_ref().map(&value) }
    }
}
