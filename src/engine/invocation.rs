//! Turns a [`Build`] into the program call that performs it.
//!
//! Decides every argument and what the child's environment loses. Values that could be taken for an option, and
//! wishes that the engine cannot fulfil, are refused. Leaves out starting anything (`run`).
//!
//! Provenance is left out of the image: it holds times, and would change the image's digest in a build that is
//! wholly cached. `SOURCE_DATE_EPOCH` is removed, because buildx turns it into a build argument that reruns every
//! `WORKDIR` and all after it; the epoch belongs to the exporter (`exporter`).

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::probe::{Format, Found};
use super::{Build, Engine, buildctl, exporter};

/// A program call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program, looked up in `PATH`.
    pub program: &'static str,
    /// Its arguments.
    pub args: Vec<String>,
    /// What is set in its environment, which is otherwise inherited.
    pub env: BTreeMap<&'static str, &'static str>,
    /// What is removed from its environment.
    pub env_remove: Vec<&'static str>,
    /// What it reads from its standard input: the Dockerfile.
    pub stdin: String,
    /// A file that is written before it starts, in a folder of its own: the Dockerfile, for a program that reads it there.
    pub file: Option<(PathBuf, String)>,
}

/// Variables of the caller that would change the image, its cache keys or the progress format.
const REMOVED: [&str; 4] =
    ["BUILDKIT_PROGRESS", "BUILDX_GIT_LABELS", "BUILDX_METADATA_PROVENANCE", "SOURCE_DATE_EPOCH"];

/// Why a build cannot be put into a program call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvocationError {
    /// A value would be read as an option, or is empty.
    #[error("{what} `{value}` looks like an option or is empty")]
    LooksLikeOption {
        /// What the value is: `tag`, `target`, `platform`, `output`.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// The name of a build argument is not `[A-Za-z_][A-Za-z0-9_]*`.
    #[error("`{0}` is not the name of a build argument")]
    ArgumentName(String),
    /// The id of a secret is not `[A-Za-z0-9_.-]+`.
    #[error("`{0}` is not the id of a secret")]
    SecretId(String),
    /// A path is relative, or not UTF-8.
    #[error("path `{}` is not absolute or not UTF-8", .0.display())]
    Path(PathBuf),
    /// The program cannot do what is asked.
    #[error("`{program}` cannot {wish}: it takes `docker buildx`")]
    NeedsBuildx {
        /// `docker build`, `buildctl`.
        program: &'static str,
        /// What is asked, as a verb phrase.
        wish: &'static str,
    },
    /// buildctl is to put the image where it has no place.
    #[error("`buildctl` has no image store that the image could be loaded into")]
    NoStore,
}

/// Returns the call that performs `build` on the engine that was found.
///
/// # Errors
/// When a value of `build` is unfit for a command line, or the engine cannot do what is asked.
pub fn invocation(found: &Found, build: &Build) -> Result<Invocation, InvocationError> {
    let mut args = match found.engine {
        Engine::Buildx => buildx(found, build)?,
        Engine::Docker => docker(build)?,
        Engine::Buildctl => return by_buildctl(found, build),
    };
    args.push(format!("--progress={}", progress(found.format)));
    args.extend(common(build)?);
    args.extend(["-f".to_owned(), "-".to_owned(), path(&build.context)?.to_owned()]);
    Ok(Invocation {
        program: "docker",
        args,
        env: environment(found.engine),
        env_remove: REMOVED.to_vec(),
        stdin: build.dockerfile.clone(),
        file: None,
    })
}

fn by_buildctl(found: &Found, build: &Build) -> Result<Invocation, InvocationError> {
    let (mut args, file) = buildctl::arguments(build)?;
    args.push(format!("--progress={}", progress(found.format)));
    Ok(Invocation {
        program: "buildctl",
        args,
        env: BTreeMap::new(),
        env_remove: REMOVED.to_vec(),
        stdin: String::new(),
        file: Some(file),
    })
}

fn buildx(found: &Found, build: &Build) -> Result<Vec<String>, InvocationError> {
    let metadata = format!("--metadata-file={}", path(&build.metadata)?);
    let mut args = vec!["buildx".to_owned(), "build".to_owned(), "--provenance=false".to_owned(), metadata];
    if let Some(output) = &build.output {
        value("output", output)?;
    }
    if let Some(builder) = &build.builder {
        args.push(format!("--builder={}", value("builder", builder)?));
    }
    for cache in &build.cache_from {
        args.push(format!("--cache-from={}", value("cache", cache)?));
    }
    for cache in &build.cache_to {
        args.push(format!("--cache-to={}", value("cache", cache)?));
    }
    for (name, folder) in &build.contexts {
        args.push(format!("--build-context={}={}", context_name(name)?, path(folder)?));
    }
    args.extend(exporter::arguments(found, build));
    Ok(args)
}

/// `--load` needs no flag: `docker build` always loads.
fn docker(build: &Build) -> Result<Vec<String>, InvocationError> {
    let wishes = [
        (build.push, "push while it builds"),
        (build.platforms.join(",").contains(','), "build for several platforms at once"),
        (build.output.is_some(), "configure its exporter"),
        (!build.cache_from.is_empty(), "take results from a cache elsewhere"),
        (!build.cache_to.is_empty(), "leave its results in a cache elsewhere"),
        (build.builder.is_some(), "choose a builder"),
        (!build.contexts.is_empty(), "offer folders to cache mounts"),
    ];
    if let Some((_, wish)) = wishes.iter().find(|(asked, _)| *asked) {
        return Err(InvocationError::NeedsBuildx { program: "docker build", wish });
    }
    Ok(vec!["build".to_owned(), format!("--iidfile={}", path(&build.metadata)?)])
}

/// The arguments that both programs understand, in a fixed order.
fn common(build: &Build) -> Result<Vec<String>, InvocationError> {
    let mut args = Vec::new();
    if build.no_cache {
        args.push("--no-cache".to_owned());
    }
    for tag in &build.tags {
        args.push(format!("--tag={}", value("tag", tag)?));
    }
    if let Some(target) = &build.target {
        args.push(format!("--target={}", value("target", target)?));
    }
    if !build.platforms.is_empty() {
        let platforms = build.platforms.iter().map(|platform| value("platform", platform));
        args.push(format!("--platform={}", platforms.collect::<Result<Vec<_>, _>>()?.join(",")));
    }
    for (name, value) in &build.args {
        args.push(format!("--build-arg={}={value}", argument_name(name)?));
    }
    for (name, value) in &build.labels {
        args.push(format!("--label={name}={value}"));
    }
    for (id, file) in &build.secrets {
        args.push(format!("--secret={}", secret(id, file)?));
    }
    for (id, socket) in &build.ssh {
        args.push(format!("--ssh={}={}", secret_id(id)?, path(socket)?));
    }
    Ok(args)
}

fn progress(format: Format) -> &'static str {
    match format {
        Format::RawJson => "rawjson",
        Format::Plain => "plain",
    }
}

fn environment(engine: Engine) -> BTreeMap<&'static str, &'static str> {
    let mut env = BTreeMap::from([("DOCKER_CLI_HINTS", "false")]);
    if engine == Engine::Docker {
        // Where `docker build` is an alias of buildx, the second keeps the digest of a cached build stable.
        env.extend([("DOCKER_BUILDKIT", "1"), ("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")]);
    }
    env
}

pub(super) fn value<'a>(what: &'static str, value: &'a str) -> Result<&'a str, InvocationError> {
    if value.is_empty() || value.starts_with('-') {
        return Err(InvocationError::LooksLikeOption { what, value: value.to_owned() });
    }
    Ok(value)
}

pub(super) fn argument_name(name: &str) -> Result<&str, InvocationError> {
    let word = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if name.is_empty() || !word || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(InvocationError::ArgumentName(name.to_owned()));
    }
    Ok(name)
}

pub(super) fn secret(id: &str, file: &Path) -> Result<String, InvocationError> {
    Ok(format!("id={},{}", secret_id(id)?, csv(&format!("src={}", path(file)?))))
}

pub(super) fn secret_id(id: &str) -> Result<&str, InvocationError> {
    let fit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    if id.is_empty() || id.starts_with('-') || !id.chars().all(fit) {
        return Err(InvocationError::SecretId(id.to_owned()));
    }
    Ok(id)
}

/// The name of a context is `[a-z0-9-]+`.
pub(super) fn context_name(name: &str) -> Result<&str, InvocationError> {
    let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    value("context", if name.chars().all(fit) { name } else { "" })
}

/// Returns `field` quoted for the comma-separated values that docker reads (RFC 4180).
pub(super) fn csv(field: &str) -> Cow<'_, str> {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\"")).into()
    } else {
        field.into()
    }
}

/// An absolute path is never taken for an option, a URL or standard input.
pub(super) fn path(path: &Path) -> Result<&str, InvocationError> {
    let text = path.to_str().filter(|_| path.is_absolute());
    text.ok_or_else(|| InvocationError::Path(path.to_owned()))
}

#[cfg(test)]
mod tests {
    use snapbox::{assert_data_eq, str};

    use super::*;

    fn found(engine: Engine) -> Found {
        let format = if engine == Engine::Docker { Format::Plain } else { Format::RawJson };
        Found {
            engine,
            version: "dockerd 26.1.5".into(),
            driver: "docker".into(),
            format,
            merges: true,
            identity: String::new(),
            store: true,
        }
    }

    fn small() -> Build {
        Build {
            dockerfile: "FROM scratch\n".into(),
            context: "/store/trees".into(),
            metadata: "/tmp/metadata.json".into(),
            ..Build::default()
        }
    }

    fn full() -> Build {
        Build {
            tags: vec!["turtlebot:1".into(), "turtlebot:latest".into()],
            target: Some("palanteer-builder".into()),
            platforms: vec!["linux/amd64".into()],
            args: BTreeMap::from([("USER_UID".into(), "1000".into()), ("A".into(), "-x=y z".into())]),
            secrets: BTreeMap::from([("ca".into(), "/etc/ssl/a,b\".crt".into())]),
            ssh: BTreeMap::from([("sources".into(), "/run/agent.sock".into())]),
            no_cache: true,
            labels: BTreeMap::from([("deps.build-key".into(), "0a".into())]),
            load: true,
            ..small()
        }
    }

    fn lines(engine: Engine, build: &Build) -> String {
        invocation(&found(engine), build).unwrap().args.join("\n")
    }

    #[test]
    fn buildx_gets_every_wish_in_a_fixed_order() {
        let build = Build { platforms: vec!["linux/amd64".into(), "linux/arm64".into()], push: true, ..full() };
        assert_data_eq!(
            lines(Engine::Buildx, &Build { output: Some("type=image,rewrite-timestamp=true".into()), ..build }),
            str![[r#"
buildx
build
--provenance=false
--metadata-file=/tmp/metadata.json
--output=type=image,rewrite-timestamp=true
--push
--load
--progress=rawjson
--no-cache
--tag=turtlebot:1
--tag=turtlebot:latest
--target=palanteer-builder
--platform=linux/amd64,linux/arm64
--build-arg=A=-x=y z
--build-arg=USER_UID=1000
--label=deps.build-key=0a
--secret=id=ca,"src=/etc/ssl/a,b"".crt"
--ssh=sources=/run/agent.sock
-f
-
/store/trees
"#]]
        );
    }

    #[test]
    fn buildx_gets_caches_and_the_builder() {
        let build = Build {
            cache_from: vec!["type=registry,ref=a/b".into(), "type=local,src=/c".into()],
            cache_to: vec!["type=registry,ref=a/b,mode=max".into()],
            builder: Some("other".into()),
            ..small()
        };
        assert_data_eq!(
            lines(Engine::Buildx, &build),
            str![[r#"
buildx
build
--provenance=false
--metadata-file=/tmp/metadata.json
--builder=other
--cache-from=type=registry,ref=a/b
--cache-from=type=local,src=/c
--cache-to=type=registry,ref=a/b,mode=max
--progress=rawjson
-f
-
/store/trees
"#]]
        );
    }

    #[test]
    fn buildctl_gets_every_wish_in_its_own_words() {
        let build = Build {
            load: false,
            push: true,
            epoch: Some(7),
            platforms: vec!["linux/amd64".into(), "linux/arm64".into()],
            output: Some("type=docker,dest=a.tar".into()),
            cache_from: vec!["type=local,src=/c".into()],
            cache_to: vec!["type=registry,ref=a/b,mode=max".into()],
            ..full()
        };
        let call = invocation(&found(Engine::Buildctl), &build).unwrap();
        assert_data_eq!(
            call.args.join("\n"),
            str![[r#"
build
--frontend=dockerfile.v0
--metadata-file=/tmp/metadata.json
--local=deps-[..]=/store/trees
--local=deps-[..]-dockerfile=/tmp/metadata.dockerfile
--opt=contextkey=deps-[..]
--opt=dockerfilekey=deps-[..]-dockerfile
--opt=filename=[..].Dockerfile
--no-cache
--opt=target=palanteer-builder
--opt=platform=linux/amd64,linux/arm64
--opt=build-arg:A=-x=y z
--opt=build-arg:USER_UID=1000
--opt=label:deps.build-key=0a
--secret=id=ca,"src=/etc/ssl/a,b"".crt"
--ssh=sources=/run/agent.sock
--import-cache=type=local,src=/c
--export-cache=type=registry,ref=a/b,mode=max
--output=type=docker,dest=a.tar,"name=turtlebot:1,turtlebot:latest",source-date-epoch=7,rewrite-timestamp=true
--output="name=turtlebot:1,turtlebot:latest",type=image,push=true,source-date-epoch=7,rewrite-timestamp=true
--progress=rawjson
"#]]
        );
        assert_eq!((call.program, &*call.stdin), ("buildctl", ""));
        let (file, text) = call.file.expect("a Dockerfile");
        assert_eq!(text, "FROM scratch\n");
        assert_eq!(file.parent(), Some(Path::new("/tmp/metadata.dockerfile")));
        assert!(call.env_remove.contains(&"SOURCE_DATE_EPOCH"));
    }

    #[test]
    fn buildctl_loads_no_image_and_has_no_builders() {
        for build in [
            Build { load: true, ..small() },
            Build { output: Some("type=docker".into()), ..small() },
            Build { output: Some("type=oci,name=x".into()), ..small() },
        ] {
            assert_eq!(invocation(&found(Engine::Buildctl), &build), Err(InvocationError::NoStore), "{build:?}");
        }
        let error = invocation(&found(Engine::Buildctl), &Build { builder: Some("x".into()), ..small() }).unwrap_err();
        assert_eq!(error.to_string(), "`buildctl` cannot choose a builder: it takes `docker buildx`");
    }

    #[test]
    fn the_dockerfile_goes_to_standard_input_and_the_epoch_out_of_the_environment() {
        let call = invocation(&found(Engine::Docker), &small()).unwrap();
        assert_eq!(call.stdin, "FROM scratch\n");
        assert_eq!(call.env.get("DOCKER_BUILDKIT"), Some(&"1"));
        assert!(call.env_remove.contains(&"SOURCE_DATE_EPOCH"));
    }

    #[test]
    fn plain_docker_says_that_it_needs_buildx() {
        let two = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        for (build, wish) in [
            (Build { push: true, ..small() }, "push while it builds"),
            (Build { platforms: two, ..small() }, "build for several platforms at once"),
            (Build { output: Some("type=oci".into()), ..small() }, "configure its exporter"),
            (Build { cache_from: vec!["type=gha".into()], ..small() }, "take results from a cache elsewhere"),
            (Build { cache_to: vec!["type=gha".into()], ..small() }, "leave its results in a cache elsewhere"),
            (Build { builder: Some("other".into()), ..small() }, "choose a builder"),
        ] {
            let error = InvocationError::NeedsBuildx { program: "docker build", wish };
            assert_eq!(invocation(&found(Engine::Docker), &build), Err(error));
        }
    }

    #[test]
    fn values_that_look_like_options_are_refused() {
        for build in [
            Build { tags: vec!["--push".into()], ..small() },
            Build { tags: vec![String::new()], ..small() },
            Build { target: Some("-x".into()), ..small() },
            Build { platforms: vec!["-".into()], ..small() },
            Build { output: Some("-".into()), ..small() },
            Build { cache_from: vec!["--push".into()], ..small() },
            Build { cache_to: vec![String::new()], ..small() },
            Build { builder: Some("-x".into()), ..small() },
            Build { args: BTreeMap::from([("A=B".into(), "x".into())]), ..small() },
            Build { args: BTreeMap::from([("-A".into(), "x".into())]), ..small() },
            Build { secrets: BTreeMap::from([("a,src=/etc/shadow".into(), "/a".into())]), ..small() },
            Build { secrets: BTreeMap::from([("a".into(), "relative".into())]), ..small() },
            Build { ssh: BTreeMap::from([("a=b".into(), "/a".into())]), ..small() },
            Build { ssh: BTreeMap::from([("a".into(), "relative".into())]), ..small() },
            Build { context: "https://example.com/x.git".into(), ..small() },
            Build { context: "-".into(), ..small() },
            Build { metadata: "metadata.json".into(), ..small() },
        ] {
            for engine in [Engine::Buildx, Engine::Buildctl] {
                assert!(invocation(&found(engine), &build).is_err(), "{engine}: {build:?}");
            }
        }
    }
}
