//! The shape of `extension.toml`: one type a table, from which the parser and `schema/extension.json` both come.
//!
//! Leaves out what values mean: `mod.rs` checks them.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::apt::AptTable;
use crate::project::OptionValue;
use crate::source::Spanned;
use crate::typed_toml::StringOr;

/// `extension.toml`: how one tool gets into an image.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "extension.toml")]
pub struct ExtensionFile {
    /// The extension itself.
    pub extension: Spanned<ExtensionTable>,
    /// Options that a project sets with `with = { … }`; templates read them as `{{ options.<name> }}`.
    #[serde(default)]
    pub options: BTreeMap<Spanned<String>, Spanned<OptionTable>>,
    /// Pinned inputs, mounted read-only at `/deps/in/<name>` in the builder's RUN steps.
    #[serde(default)]
    pub inputs: BTreeMap<Spanned<String>, Spanned<InputTable>>,
    /// Debian packages, and the repositories that they come from.
    #[serde(default)]
    pub apt: AptTable,
    /// The builder: a stage of its own.
    pub builder: Option<Spanned<BuilderTable>>,
    /// More builders by name, each a stage of its own.
    #[serde(default)]
    pub builders: BTreeMap<Spanned<String>, Spanned<BuilderTable>>,
    /// What the final image gets besides the builder's files.
    #[serde(default)]
    pub runtime: RuntimeTable,
    /// Steps that run as the image's user, after it exists.
    pub user: Option<UserTable>,
    /// The user that the image runs as. One extension of a project may have it.
    pub account: Option<Spanned<AccountTable>>,
    /// Cache mounts besides the standard ones, for the builder's RUN steps.
    #[serde(default)]
    pub cache: Vec<Spanned<CacheTable>>,
    /// What `deps run` gives to a container.
    #[serde(default)]
    pub run: RunTable,
    /// What in a project shows that it wants this extension.
    pub detect: Option<DetectTable>,
    /// What `deps test` runs in the built image.
    pub test: Option<TestTable>,
}

/// `[extension]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionTable {
    /// The name, equal to the folder's: `[a-z][a-z0-9_-]*`.
    pub name: Spanned<String>,
    /// The extension's own version, three numbers.
    pub version: Spanned<String>,
    /// One line for people.
    pub summary: Spanned<String>,
    /// Extensions that come with it.
    #[serde(default)]
    pub requires: Vec<Spanned<String>>,
    /// Extensions whose steps come first, when both are present.
    #[serde(default)]
    pub after: Vec<Spanned<String>>,
    /// Where it stands among extensions that no edge orders.
    #[serde(default)]
    pub tier: Tier,
    /// Extensions that it cannot be in one image with.
    #[serde(default)]
    pub conflicts: Vec<Spanned<String>>,
    /// Why not to use it any more, and what to use instead: one line.
    pub deprecated: Option<Spanned<String>>,
    /// Whether RUN steps that call a package manager get its standard cache mounts. Default: true.
    pub caches: Option<bool>,
}

/// A coarse place in the canonical order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Parts of the operating system.
    System,
    /// Compilers and language runtimes.
    Toolchain,
    /// Everything else that one installs.
    #[default]
    Tool,
    /// What builds the project's own sources.
    Workspace,
    /// What belongs to the person.
    User,
}

/// `[options.<name>]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionTable {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: OptionKind,
    /// The value when a project sets none.
    pub default: Spanned<OptionValue>,
    /// One line for people.
    pub help: String,
    /// The values that it may have, for a list those that it may hold; any when empty.
    #[serde(default)]
    pub allowed: Vec<Spanned<OptionValue>>,
}

/// The type of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OptionKind {
    /// One word: letters, digits and `._+:/@%,=~-`, so that it can never be more than one shell word.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// Words, each like a `string`, in the order given.
    List,
}

impl OptionKind {
    /// Returns the type of one value of a list; of anything else the type itself.
    pub fn of_one(self) -> Self {
        if self == Self::List { Self::String } else { self }
    }
}

impl fmt::Display for OptionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::List => "list",
        })
    }
}

/// `[inputs.<name>]`: a git repository, a folder of the extension, a file that is downloaded, or the project's checkouts or
/// files.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InputTable {
    /// The URL of a git repository.
    pub git: Option<Spanned<String>>,
    /// What to take of it: a branch, a tag, a commit or a semver requirement over its tags. Default: remote HEAD.
    #[serde(rename = "ref")]
    pub reference: Option<Spanned<String>>,
    /// A folder of the extension.
    pub path: Option<Spanned<String>>,
    /// The URL of a file: https, pinned by its SHA-256 for each platform. `{{ version }}`, `{{ tag }}` and `{{ arch }}` are
    /// those of the file; with `git` beside it, `ref` chooses a tag of that repository, and the version is the tag's.
    pub url: Option<Spanned<String>>,
    /// Of a url: the version of the file, exactly. A url that names the version itself needs none.
    pub version: Option<Spanned<String>>,
    /// Of a url: how it spells the architectures of the platforms that there is a file for, `{ amd64 = "x64" }`. Default:
    /// every platform, as Docker spells it.
    #[serde(default)]
    pub arch: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Of a url: the folder of the archive that is mounted. Default: all of it.
    pub folder: Option<Spanned<String>>,
    /// Of a url: whether it is an archive to be unpacked. Default: by its ending (`.tar.gz`, `.zip`, …).
    pub unpack: Option<Spanned<bool>>,
    /// Of a url: whether the file is a program (mode 755).
    pub executable: Option<Spanned<bool>>,
    /// The checkouts of all manifests of the project, each at its path.
    pub manifest: Option<Spanned<bool>>,
    /// A file or a folder of the project, relative to `deps.toml`: usually `{{ options.<name> }}`. A file is mounted by its
    /// name. There is no input where it is empty.
    pub project: Option<Spanned<String>>,
}

/// `[builder]` or `[builders.<name>]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BuilderTable {
    /// The file with the builder's steps, in Dockerfile syntax.
    pub snippet: Spanned<String>,
    /// The builder of this extension that it goes on from, by its name.
    pub from: Option<Spanned<String>>,
    /// The inputs that its steps see. Default: all.
    pub inputs: Option<Vec<Spanned<String>>>,
    /// `none` makes the stage pure: its steps see their inputs only.
    #[serde(default)]
    pub network: Network,
    /// What the final image takes from the builder.
    #[serde(default)]
    pub copy: Vec<Spanned<CopyTable>>,
}

/// The network of a builder's RUN steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// The engine's own.
    #[default]
    Default,
    /// No network at all.
    None,
}

/// An entry of `copy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyTable {
    /// A path relative to the extension's output folder, `/opt/deps/<name>`; ends with `/` when it is a folder.
    pub from: Spanned<String>,
    /// An absolute path of the image; ends with `/` when it is a folder.
    pub to: Spanned<String>,
}

/// `[runtime]`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuntimeTable {
    /// Environment variables of the image.
    #[serde(default)]
    pub env: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Folders put in front of `PATH`.
    #[serde(default)]
    pub path: Vec<Spanned<String>>,
    /// Other variables of that form, like `LD_LIBRARY_PATH`, and the folders put in front of what they hold; those of an
    /// extension that comes later stand first.
    #[serde(default)]
    pub paths: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    /// Files of the extension that the image gets.
    #[serde(default)]
    pub files: Vec<Spanned<FileTable>>,
    /// The file with what every login shell reads, a template: `/etc/profile.d/deps-<name>.sh`.
    pub profile: Option<Spanned<String>>,
    /// The file with RUN steps for the final image: the last resort, `copy` and `env` break no cache.
    pub snippet: Option<Spanned<String>>,
}

/// An entry of `files`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileTable {
    /// A file of the extension.
    pub from: Spanned<String>,
    /// Its absolute path in the image.
    pub to: Spanned<String>,
}

/// `[user]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserTable {
    /// The file with RUN steps that run as the image's user.
    pub snippet: Spanned<String>,
}

/// `[account]`: defaults of the build arguments `DEPS_USER_NAME`, `DEPS_USER_UID` and `DEPS_USER_GID`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountTable {
    /// The option that holds the user's name.
    pub name: Spanned<String>,
    /// The option that holds the numeric user id.
    pub uid: Spanned<String>,
    /// The option that holds the numeric group id.
    pub gid: Spanned<String>,
}

/// `[[cache]]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CacheTable {
    /// The cache's id, one word.
    pub id: Spanned<String>,
    /// Where it is mounted.
    pub target: Spanned<String>,
}

/// `[run]`: arguments of `docker run`. All values are templates; in a list, `{{ options.<name> }}` stands for all values of a
/// list option. A path of the host begins with `/`, `~/`, `./` (the folder
/// that `deps run` is called in) or is one variable of the environment, like `$SSH_AUTH_SOCK`, or a path below it; a path of the container begins
/// with `/` or with `~/`, the home of the image's user.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RunTable {
    /// Folders and files of the host that the container sees; the short form is `HOST[:CONTAINER[:ro]]`.
    #[serde(default)]
    pub volumes: Vec<Spanned<StringOr<VolumeTable>>>,
    /// Environment variables of the container; `~/` at the beginning of a value is the home of the image's user.
    #[serde(default)]
    pub env: BTreeMap<Spanned<String>, Spanned<String>>,
    /// More of them, each `NAME=value`.
    #[serde(default)]
    pub vars: Vec<Spanned<String>>,
    /// Environment variables that the container gets from the host, where they are set.
    #[serde(default)]
    pub pass_env: Vec<Spanned<String>>,
    /// Files with environment variables, as paths of the host.
    #[serde(default)]
    pub env_files: Vec<Spanned<String>>,
    /// Devices of the host, like `/dev/dri`; those that the host lacks are left out.
    #[serde(default)]
    pub devices: Vec<Spanned<String>>,
    /// GPUs, like `all`.
    pub gpus: Option<Spanned<String>>,
    /// The OCI runtime, like `nvidia`.
    pub runtime: Option<Spanned<String>>,
    /// The network, like `host`.
    pub network: Option<Spanned<String>>,
    /// The IPC namespace, like `host`.
    pub ipc: Option<Spanned<String>>,
    /// The PID namespace, like `host`.
    pub pid: Option<Spanned<String>>,
    /// Whether the container has all rights of the host.
    #[serde(default)]
    pub privileged: bool,
    /// Linux capabilities, like `SYS_PTRACE`.
    #[serde(default)]
    pub cap_add: Vec<Spanned<String>>,
    /// Security options, like `seccomp=unconfined`.
    #[serde(default)]
    pub security_opt: Vec<Spanned<String>>,
    /// Groups that the container's user has, too.
    #[serde(default)]
    pub group_add: Vec<Spanned<String>>,
    /// Published ports, like `8080:80`.
    #[serde(default)]
    pub ports: Vec<Spanned<String>>,
    /// Limits, like `memlock=-1`.
    #[serde(default)]
    pub ulimits: Vec<Spanned<String>>,
    /// The size of `/dev/shm`, like `2g`.
    pub shm_size: Option<Spanned<String>>,
    /// The host name.
    pub hostname: Option<Spanned<String>>,
    /// The container's name.
    pub name: Option<Spanned<String>>,
    /// The working folder, a path of the container.
    pub workdir: Option<Spanned<String>>,
    /// Whether the container runs in the background.
    #[serde(default)]
    pub detach: bool,
    /// Whether a small init process reaps the others.
    #[serde(default)]
    pub init: bool,
}

/// An entry of `volumes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VolumeTable {
    /// A path of the host.
    pub host: Spanned<String>,
    /// A path of the container; the host's path when absent.
    pub container: Option<Spanned<String>>,
    /// Whether the container may only read it.
    #[serde(default)]
    pub read_only: bool,
    /// Whether the folder is made on the host where it is missing.
    #[serde(default)]
    pub create: bool,
    /// Whether it is left out where the host lacks it, instead of being an error.
    #[serde(default)]
    pub optional: bool,
}

/// `[detect]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetectTable {
    /// Files of a project that show it, globs like `**/package.json`.
    pub files: Vec<Spanned<String>>,
}

/// `[test]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestTable {
    /// The file with the script, a template; it runs in the image by `sh` or by what its `#!` line says, as the image's user.
    pub script: Spanned<String>,
}
