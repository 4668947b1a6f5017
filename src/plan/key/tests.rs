//! A key changes exactly when a field of the table in `key.rs` does, and then `why` names a cause.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

use super::*;
use crate::plan::instruction::Origin;
use crate::plan::record::{Record, Told};
use crate::plan::why::{Cause, Comparison, State};
use crate::plan::{Kind, Plan};
use crate::project;
use crate::source::Source;

/// A stage, its platform and the keys of the stages below.
#[derive(Clone, Debug)]
struct Subject {
    stage: Stage,
    platform: Platform,
    below: BTreeMap<String, StageKey>,
}

impl Subject {
    fn key(&self) -> StageKey {
        let below = self.below.iter().map(|(name, key)| (name.as_str(), *key)).collect();
        stage_key(&self.stage, &self.platform.to_string(), &below)
    }

    /// What `why` compares: this stage on stages that nothing is known of but their keys.
    fn record(&self) -> Record {
        let below = |(name, key): (&String, &StageKey)| Stage {
            name: name.clone(),
            kind: Kind::Apt,
            about: String::new(),
            base: Base::Image { reference: "x".to_owned(), digest: key.to_string() },
            instructions: Vec::new(),
            impure: BTreeSet::new(),
            key: *key,
        };
        let stage = Stage { key: self.key(), ..self.stage.clone() };
        let stages = self.below.iter().map(below).chain([stage]).collect();
        let (account, folders, project_folders) = Default::default();
        let plan =
            Plan { platform: self.platform.clone(), stages, account, folders, project_folders, ca_certificates: false };
        let project =
            project::parse(&Source::new("deps.toml", "[project]\nname = \"p\"\nbase = \"scratch\"\n")).unwrap();
        let (extensions, configured, repositories, inputs) = Default::default();
        let (extensions, configured): (&Vec<_>, &Vec<_>) = (&extensions, &configured);
        Record::of(
            &plan,
            &Told { project: &project, extensions, configured, repositories: &repositories, inputs: &inputs },
        )
    }
}

fn word() -> impl Strategy<Value = String> {
    "[a-z]{1,8}"
}

fn origin() -> impl Strategy<Value = Origin> {
    (word(), word(), 1..99_usize).prop_map(|(extension, file, line)| Origin { extension, file, line })
}

fn mounts() -> impl Strategy<Value = BTreeSet<Mount>> {
    let written = |id: String, target: String| {
        Mount::Written(
            [("type", "cache"), ("id", &id), ("target", &target)].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        )
    };
    (word(), word(), word(), word()).prop_map(move |(a, b, c, d)| {
        BTreeSet::from([
            Mount::Cache { target: format!("/cache/{a}"), id: b.clone(), sharing: "shared".to_owned() },
            Mount::Tree { target: format!("/deps/in/{a}"), tree: c.clone() },
            Mount::Secret { target: format!("/secret/{a}"), id: d.clone() },
            Mount::Stage { target: format!("/stage/{a}"), stage: "below".to_owned(), from: b.clone() },
            written(c, d),
        ])
    })
}

fn instructions() -> impl Strategy<Value = Vec<Instruction>> {
    let words = || (word(), word(), word());
    (words(), words(), mounts(), origin(), any::<bool>()).prop_map(|((a, b, c), (d, e, f), mounts, origin, flag)| {
        vec![
            Instruction::Arg { name: a.clone(), default: Some(b.clone()) },
            Instruction::Run(Run { mounts, offline: flag, command: c.clone(), origin: Some(origin.clone()) }),
            Instruction::CopyTree(CopyTree { tree: d.clone(), to: format!("/{e}/") }),
            Instruction::CopyStage { stage: "below".to_owned(), from: f, to: format!("/to/{a}/"), link: flag },
            Instruction::Env { name: b, value: c },
            Instruction::User(d),
            Instruction::Workdir(format!("/{e}")),
            Instruction::Snippet { keyword: "ENV", text: "A=1".to_owned(), origin },
        ]
    })
}

fn subject() -> impl Strategy<Value = Subject> {
    (word(), instructions(), any::<[u8; 32]>()).prop_map(|(reference, instructions, one)| {
        let other = one.map(|byte| !byte);
        let base = Base::Image { reference, digest: format!("sha256:{}", "a".repeat(64)) };
        let (name, kind, about) = ("it".to_owned(), Kind::Builder, "about".to_owned());
        let impure = BTreeSet::from(["network".to_owned()]);
        let stage = Stage { name, kind, about, base, instructions, impure, key: StageKey::default() };
        let below = BTreeMap::from([("below".to_owned(), StageKey(one)), ("other".to_owned(), StageKey(other))]);
        Subject { stage, platform: Platform::default(), below }
    })
}

type Edit = fn(&mut Subject);

/// Edits the instruction that fits a pattern.
macro_rules! set {
    ($subject:ident, $pattern:pat => $change:expr) => {
        edit($subject, |one| {
            let $pattern = one else { return false };
            $change;
            true
        })
    };
}

fn more(text: &mut String) {
    text.push('x');
}

/// Edits the first instruction that `wanted` takes, which there must be.
fn edit(subject: &mut Subject, mut wanted: impl FnMut(&mut Instruction) -> bool) {
    assert!(subject.stage.instructions.iter_mut().any(&mut wanted), "there is such an instruction");
}

/// Edits every mount of the RUN.
fn edit_mounts(subject: &mut Subject, change: impl Fn(&mut Mount)) {
    edit(subject, |one| {
        let Instruction::Run(run) = one else { return false };
        let before = std::mem::take(&mut run.mounts);
        run.mounts = before
            .iter()
            .cloned()
            .map(|mut mount| {
                change(&mut mount);
                mount
            })
            .collect();
        assert_ne!(before, run.mounts, "a mount is edited");
        true
    });
}

/// Edits an option of the mount that is written out.
fn edit_option(subject: &mut Subject, name: &str) {
    edit_mounts(subject, |mount| {
        if let Mount::Written(options) = mount {
            options.entry(name.to_owned()).or_default().push('x');
        }
    });
}

/// What enters a key, field by field.
const FIELDS: [(&str, Edit); 34] = [
    ("kind", |s| s.stage.kind = Kind::Apt),
    ("base digest", |s| s.stage.base = Base::Image { reference: "x".to_owned(), digest: "sha256:b".to_owned() }),
    ("base to scratch", |s| s.stage.base = Base::Scratch),
    ("base to stage", |s| s.stage.base = Base::Stage("other".to_owned())),
    ("key of a stage below", |s| _ = s.below.insert("below".to_owned(), StageKey([7; 32]))),
    ("an instruction less", |s| _ = s.stage.instructions.pop()),
    ("an instruction more", |s| s.stage.instructions.push(Instruction::User("new".to_owned()))),
    ("order", |s| s.stage.instructions.swap(2, 3)),
    ("order of ends", |s| s.stage.instructions.swap(0, 4)),
    ("command", |s| set!(s, Instruction::Run(run) => more(&mut run.command))),
    ("network", |s| set!(s, Instruction::Run(run) => run.offline = !run.offline)),
    ("no mounts", |s| set!(s, Instruction::Run(run) => run.mounts.clear())),
    ("target of a cache", |s| {
        edit_mounts(s, |m| {
            if let Mount::Cache { target, .. } = m {
                more(target)
            }
        })
    }),
    ("tree of a mount", |s| {
        edit_mounts(s, |m| {
            if let Mount::Tree { tree, .. } = m {
                more(tree)
            }
        })
    }),
    ("target of a tree", |s| {
        edit_mounts(s, |m| {
            if let Mount::Tree { target, .. } = m {
                more(target)
            }
        })
    }),
    ("id of a secret", |s| {
        edit_mounts(s, |m| {
            if let Mount::Secret { id, .. } = m {
                more(id)
            }
        })
    }),
    ("target of a secret", |s| {
        edit_mounts(s, |m| {
            if let Mount::Secret { target, .. } = m {
                more(target)
            }
        })
    }),
    ("folder of a mounted stage", |s| {
        edit_mounts(s, |m| {
            if let Mount::Stage { from, .. } = m {
                more(from)
            }
        })
    }),
    ("target of a mounted stage", |s| {
        edit_mounts(s, |m| {
            if let Mount::Stage { target, .. } = m {
                more(target)
            }
        })
    }),
    ("another mounted stage", |s| {
        edit_mounts(s, |m| {
            if let Mount::Stage { stage, .. } = m {
                *stage = "other".to_owned()
            }
        })
    }),
    ("target of a written mount", |s| edit_option(s, "target")),
    ("owner of a written mount", |s| edit_option(s, "uid")),
    ("tree", |s| set!(s, Instruction::CopyTree(copy) => more(&mut copy.tree))),
    ("place of a tree", |s| set!(s, Instruction::CopyTree(copy) => more(&mut copy.to))),
    ("from", |s| set!(s, Instruction::CopyStage { from, .. } => more(from))),
    ("to", |s| set!(s, Instruction::CopyStage { to, .. } => more(to))),
    ("link", |s| set!(s, Instruction::CopyStage { link, .. } => *link = !*link)),
    ("name of an argument", |s| set!(s, Instruction::Arg { name, .. } => more(name))),
    ("no default", |s| set!(s, Instruction::Arg { default, .. } => *default = None)),
    ("variable", |s| set!(s, Instruction::Env { name, .. } => more(name))),
    ("value of a variable", |s| set!(s, Instruction::Env { value, .. } => more(value))),
    ("user", |s| set!(s, Instruction::User(user) => more(user))),
    ("workdir", |s| set!(s, Instruction::Workdir(folder) => more(folder))),
    ("text of a snippet", |s| set!(s, Instruction::Snippet { text, .. } => more(text))),
];

/// What does not.
const OTHERS: [(&str, Edit); 9] = [
    ("reference of the base", |s| {
        if let Base::Image { reference, .. } = &mut s.stage.base {
            more(reference);
        }
    }),
    ("about", |s| more(&mut s.stage.about)),
    ("impure", |s| _ = s.stage.impure.insert("y".to_owned())),
    ("the key that it had", |s| s.stage.key = StageKey([1; 32])),
    ("id of a cache", |s| {
        edit_mounts(s, |m| {
            if let Mount::Cache { id, .. } = m {
                more(id)
            }
        })
    }),
    ("sharing of a cache", |s| {
        edit_mounts(s, |m| {
            if let Mount::Cache { sharing, .. } = m {
                more(sharing)
            }
        })
    }),
    ("id of a written cache", |s| edit_option(s, "id")),
    ("line that a step comes from", |s| {
        set!(s, Instruction::Run(Run { origin: Some(origin), .. }) => origin.line += 1);
    }),
    ("a stage that is not needed", |s| _ = s.below.insert("other".to_owned(), StageKey([9; 32]))),
];

proptest! {
    #[test]
    fn a_field_of_the_table_changes_the_key_and_is_named(subject in subject(), number in 0..FIELDS.len()) {
        let (name, edit) = FIELDS[number];
        let mut other = subject.clone();
        edit(&mut other);
        prop_assert_ne!(subject.key(), other.key(), "{}", name);
        let (before, after) = (subject.record(), other.record());
        let explanation = Comparison::of(&before, &after).explain("it").expect("both have the stage");
        prop_assert_eq!(explanation.state, State::Changed, "{}", name);
        prop_assert!(!explanation.causes.is_empty() || !explanation.follows.is_empty(), "{name}: {explanation:?}");
        let says_nothing = |cause: &Cause| matches!(cause, Cause::Order { diff } | Cause::Steps { diff, .. } if diff.is_empty());
        prop_assert!(!explanation.causes.iter().any(says_nothing), "{name}: {explanation:?}");
    }

    #[test]
    fn nothing_else_does(subject in subject(), number in 0..OTHERS.len()) {
        let (name, edit) = OTHERS[number];
        let mut other = subject.clone();
        edit(&mut other);
        prop_assert_eq!(subject.key(), other.key(), "{}", name);
        let (before, after) = (subject.record(), other.record());
        let explanation = Comparison::of(&before, &after).explain("it").expect("both have the stage");
        prop_assert_eq!(explanation.state, State::Unchanged, "{}", name);
    }

    #[test]
    fn names_and_platforms_are_in_the_key(subject in subject()) {
        let named = Subject { stage: Stage { name: "other".to_owned(), ..subject.stage.clone() }, ..subject.clone() };
        let platform = Platform::parse("linux/arm64").expect("it is one");
        prop_assert_ne!(named.key(), subject.key());
        prop_assert_ne!(Subject { platform, ..subject.clone() }.key(), subject.key());
    }
}

#[test]
fn every_edit_is_tried() {
    // Properties choose among the edits; here each is taken once.
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let one = subject().new_tree(&mut runner).expect("a subject").current();
    for (name, edit) in FIELDS {
        let mut other = one.clone();
        edit(&mut other);
        assert_ne!(one.key(), other.key(), "{name}");
    }
    for (name, edit) in OTHERS {
        let mut other = one.clone();
        edit(&mut other);
        assert_eq!(one.key(), other.key(), "{name}");
    }
}
