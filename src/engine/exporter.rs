//! Where the image goes, and how its exporter makes the times of files the same in every build.
//!
//! Decides which exporters get the epoch with the wish to rewrite times: it is in no cache key there. Those that also
//! unpack into dockerd's own image store refuse it (`exporter option "rewrite-timestamp" conflicts with "unpack"`,
//! dockerd 26 and 28), so an image that stays in dockerd keeps its times. Leaves out what else the engine is told.

use std::path::Path;

use super::invocation::{InvocationError, csv, value};
use super::probe::Found;
use super::{Build, buildctl};

/// Returns the arguments for buildx that say where the result goes.
pub(super) fn arguments(found: &Found, build: &Build) -> Vec<String> {
    let unpacks = found.driver == "docker";
    let mut args = Vec::new();
    if let Some(output) = &build.output {
        let times = build.epoch.filter(|_| takes_times(output, unpacks)).map(times).unwrap_or_default();
        args.push(format!("--output={output}{times}"));
    }
    // `--push` and `--load` are buildx's short forms of these.
    let forms = [(build.push, "--push", "registry"), (build.load, "--load", "docker")];
    for (_, short, kind) in forms.into_iter().filter(|(asked, ..)| *asked) {
        args.push(match build.epoch.filter(|_| !unpacks && build.output.is_none()) {
            Some(epoch) => format!("--output=type={kind}{}", times(epoch)),
            None => short.to_owned(),
        });
    }
    args
}

/// Returns the arguments for buildctl that say where the result goes: what buildx adds by itself is written out.
///
/// # Errors
/// When the result is to be loaded into a store of images, which buildctl does not know.
pub(super) fn in_full(build: &Build) -> Result<Vec<String>, InvocationError> {
    if build.load {
        return Err(InvocationError::NoStore);
    }
    let push = build.push.then_some("type=registry");
    let outputs = build.output.as_deref().into_iter().chain(push);
    outputs.map(|output| Ok(format!("--output={}", output_in_full(value("output", output)?, build)?))).collect()
}

fn output_in_full(output: &str, build: &Build) -> Result<String, InvocationError> {
    let mut all = fields(output);
    if let [folder] = &all[..]
        && !folder.contains('=')
    {
        all = vec!["type=local".to_owned(), format!("dest={folder}")];
    }
    let has = |key: &str| all.iter().any(|field| field.split_once('=').is_some_and(|(name, _)| name.trim() == key));
    let kind = kind(&all).unwrap_or_default();
    let archive = matches!(kind.as_str(), "docker" | "oci" | "tar");
    if archive && !has("dest") {
        return Err(InvocationError::NoStore);
    }
    let mut more = Vec::new();
    if matches!(kind.as_str(), "docker" | "oci" | "image" | "registry") && !has("name") {
        more.extend(buildctl::names(&build.tags)?);
    }
    if kind == "registry" {
        all.retain(|field| field.trim() != "type=registry");
        more.extend(["type=image", "push=true"].map(str::to_owned));
    }
    let all = all.iter().map(|field| csv(field).into_owned()).chain(more).collect::<Vec<_>>().join(",");
    let times = build.epoch.filter(|_| takes_times(&all, false)).map(times).unwrap_or_default();
    Ok(all + &times)
}

fn kind(fields: &[String]) -> Option<String> {
    fields.iter().find_map(|field| Some(field.trim().strip_prefix("type=")?.to_owned()))
}

/// Returns the value of `--output` for an OCI archive in `file`.
pub fn archive(file: &Path) -> String {
    format!("type=oci,{}", csv(&format!("dest={}", file.display())))
}

fn times(epoch: u32) -> String {
    format!(",source-date-epoch={epoch},rewrite-timestamp=true")
}

/// Whether the exporter that `output` describes rewrites times; one that has been told about them knows better.
fn takes_times(output: &str, unpacks: bool) -> bool {
    let fields = fields(output);
    let value = |key: &str| fields.iter().find_map(|field| field.trim().strip_prefix(key)?.strip_prefix('='));
    if value("source-date-epoch").is_some() || value("rewrite-timestamp").is_some() {
        return false;
    }
    match value("type") {
        Some("oci") => true,
        Some("docker") => !unpacks || value("dest").is_some(),
        Some("image" | "registry") => !unpacks,
        _ => false,
    }
}

/// Returns the fields of a comma-separated line in which a field may be quoted (RFC 4180).
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            other => fields.last_mut().expect("there is always one").push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::engine::probe::Format;

    fn told(driver: &str, build: Build) -> String {
        let found = Found {
            engine: Engine::Buildx,
            version: "dockerd 26.1.5".into(),
            driver: driver.into(),
            format: Format::RawJson,
            merges: true,
            identity: String::new(),
            store: true,
        };
        arguments(&found, &Build { epoch: Some(7), ..build }).join(" ")
    }

    fn output(text: &str) -> Build {
        Build { output: Some(text.into()), ..Build::default() }
    }

    const TIMES: &str = ",source-date-epoch=7,rewrite-timestamp=true";

    #[test]
    fn archives_get_the_epoch_from_every_driver() {
        for text in ["type=oci,dest=a.tar", "type=docker,dest=a.tar", "\"dest=a,type=local\",type=oci"] {
            for driver in ["docker", "docker-container"] {
                assert_eq!(told(driver, output(text)), format!("--output={text}{TIMES}"));
            }
        }
    }

    #[test]
    fn dockerd_s_own_store_keeps_its_times_because_it_refuses_to_rewrite_them() {
        for text in ["type=image,name=x", "type=registry", "type=docker"] {
            assert_eq!(told("docker", output(text)), format!("--output={text}"));
            assert_eq!(told("remote", output(text)), format!("--output={text}{TIMES}"));
        }
        let both = Build { push: true, load: true, ..Build::default() };
        assert_eq!(told("docker", both.clone()), "--push --load");
        let long = format!("--output=type=registry{TIMES} --output=type=docker{TIMES}");
        assert_eq!(told("docker-container", both), long);
    }

    #[test]
    fn what_has_no_layers_or_says_its_own_times_is_left_alone() {
        for text in ["dest", "type=local,dest=x", "type=oci,source-date-epoch=1", "type=oci,rewrite-timestamp=false"] {
            assert_eq!(told("docker-container", output(text)), format!("--output={text}"));
        }
    }
    #[test]
    fn buildctl_is_told_what_buildx_adds_itself() {
        let full = |build: Build| in_full(&Build { epoch: Some(7), tags: vec!["a:1".into(), "b".into()], ..build });
        for (text, expected) in [
            ("folder", "type=local,dest=folder"),
            ("type=oci,dest=a.tar", "type=oci,dest=a.tar,\"name=a:1,b\",source-date-epoch=7,rewrite-timestamp=true"),
            (
                "type=docker,\"dest=a,b\",name=c,rewrite-timestamp=false",
                "type=docker,\"dest=a,b\",name=c,rewrite-timestamp=false",
            ),
            ("type=registry,name=x", "name=x,type=image,push=true,source-date-epoch=7,rewrite-timestamp=true"),
        ] {
            assert_eq!(full(output(text)).unwrap(), [format!("--output={expected}")]);
        }
        let pushed = "--output=\"name=a:1,b\",type=image,push=true,source-date-epoch=7,rewrite-timestamp=true";
        assert_eq!(full(Build { push: true, ..Build::default() }).unwrap(), [pushed]);
        assert_eq!(full(Build::default()).unwrap(), [""; 0]);
    }
}
