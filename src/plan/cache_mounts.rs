//! Which cache mounts the steps of a plan have, so that a mount can be filled before the first of them runs.
//!
//! Decides when two mounts are one: an engine keeps them apart by id, owner and mode (a mount with an owner begins as a
//! folder of theirs, and the engine knows it by that folder, too). Leaves out mounts that begin as a folder of a stage,
//! and those whose options hold variables that are known inside a step only.

use std::collections::{BTreeMap, BTreeSet};

use super::{Base, Instruction, Mount, Plan};

/// A cache mount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheMount {
    /// The id.
    pub id: String,
    /// The options that tell it from others of that id: `gid`, `mode`, `sharing`, `uid`, as far as steps write them.
    pub options: BTreeMap<String, String>,
}

/// Returns the cache mounts of `plan` where build arguments have the values of `given`.
pub fn cache_mounts(plan: &Plan, given: &BTreeMap<String, String>) -> BTreeSet<CacheMount> {
    let instructions = || plan.stages.iter().flat_map(|stage| &stage.instructions);
    let default = |instruction: &Instruction| match instruction {
        Instruction::Arg { name, default: Some(value) } => Some((name.clone(), value.clone())),
        _ => None,
    };
    let mut values: BTreeMap<String, String> = instructions().filter_map(default).collect();
    values.extend(given.clone());
    let mounts = instructions().flat_map(|instruction| match instruction {
        Instruction::Run(run) => run.mounts.iter().collect(),
        _ => Vec::new(),
    });
    mounts.filter_map(|mount| CacheMount::of(mount, &values)).collect()
}

/// Returns an image with a shell that the stages of `plan` begin with: its reference and digest.
pub fn any_image(plan: &Plan) -> Option<(&str, &str)> {
    plan.stages.iter().find_map(|stage| match &stage.base {
        Base::Image { reference, digest } => Some((reference.as_str(), digest.as_str())),
        Base::Scratch | Base::Stage(_) => None,
    })
}

impl CacheMount {
    fn of(mount: &Mount, values: &BTreeMap<String, String>) -> Option<Self> {
        let written = match mount {
            Mount::Cache { target: _, id, sharing } => {
                let options = BTreeMap::from([("sharing".to_owned(), sharing.clone())]);
                return Some(Self { id: expanded(id, values)?, options });
            }
            Mount::Written(options) => options,
            Mount::Tree { .. } | Mount::Secret { .. } | Mount::Stage { .. } => return None,
        };
        let get = |keys: &[&str]| keys.iter().find_map(|key| written.get(*key));
        if get(&["type"])? != "cache" || get(&["from", "source", "src"]).is_some() {
            return None;
        }
        let id = expanded(get(&["id", "target", "dst", "destination"])?, values)?;
        let kept = ["gid", "mode", "sharing", "uid"].into_iter().filter(|key| written.contains_key(*key));
        let options = kept.map(|key| Some((key.to_owned(), expanded(&written[key], values)?)));
        Some(Self { id, options: options.collect::<Option<_>>()? })
    }
}

/// Returns `text` with the variables in it replaced; none where one is not known, or the result is no plain word.
fn expanded(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("${") {
        let (name, behind) = after.split_once('}')?;
        out.push_str(before);
        out.push_str(values.get(name)?);
        rest = behind;
    }
    out.push_str(rest);
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/@+:-".contains(c);
    (!out.is_empty() && out.chars().all(plain)).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(options: &[(&str, &str)]) -> Option<CacheMount> {
        let values = BTreeMap::from([("U".to_owned(), "1000".to_owned()), ("BAD".to_owned(), "a\nRUN b".to_owned())]);
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        CacheMount::of(&Mount::Written(options.collect()), &values)
    }

    #[test]
    fn a_mount_is_known_by_its_id_and_its_owner() {
        let found = mount(&[("type", "cache"), ("id", "a-${U}"), ("target", "/x"), ("uid", "${U}"), ("readonly", "")]);
        let options = BTreeMap::from([("uid".to_owned(), "1000".to_owned())]);
        assert_eq!(found, Some(CacheMount { id: "a-1000".to_owned(), options }));
        assert_eq!(mount(&[("type", "cache"), ("target", "/go")]).unwrap().id, "/go");
    }

    #[test]
    fn what_cannot_be_known_before_the_step_is_no_mount() {
        for options in [
            &[("type", "cache"), ("id", "${UNKNOWN}")][..],
            &[("type", "cache"), ("id", "$U")],
            &[("type", "cache"), ("id", "${BAD}")],
            &[("type", "cache"), ("id", "x,from=y")],
            &[("type", "cache"), ("id", "x"), ("from", "stage")],
            &[("type", "tmpfs"), ("target", "/x")],
        ] {
            assert_eq!(mount(options), None, "{options:?}");
        }
    }
}
