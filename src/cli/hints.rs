//! What to do next: one hint for an error, something to type wherever there is such a thing.

use crate::clone::{CommitError, SetupError};
use crate::configuration;
use crate::extension;
use crate::manifest::{NameProblem, Problem as ManifestProblem, Warning};
use crate::project;
use crate::remote::fetch::{FetchProblem, Gone};
use crate::resolve::{
    FailureKind, Finding, FindingKind, GitProblem, Held, PinProblemKind, PreciseProblem, Transport, WishProblem,
};
use crate::store::StoreError;
use crate::typed_toml::ShapeProblem;
use crate::workspace::{ExtendsProblem, Trouble};

/// Returns what to do about a problem of the project.
pub(super) fn of_trouble(trouble: &Trouble) -> Option<String> {
    match trouble {
        Trouble::NoProject { .. } => Some("go to the project's folder, or write a `deps.toml`".to_owned()),
        Trouble::UnknownExtension { nearest: Some(nearest), .. } => Some(meant(nearest)),
        Trouble::UnknownExtension { name, nearest: None, .. } => {
            let known = extension::builtin_names().join("`, `");
            Some(format!("built-in ones are `{known}`; your own: `{name} = {{ path = \"extensions/{name}\" }}`"))
        }
        Trouble::Unlocked { .. } => Some("to pin it, run `deps lock`".to_owned()),
        Trouble::NotInStore { .. } => Some("run `deps fetch` once with a network".to_owned()),
        Trouble::Folder { .. } => Some("`dir` in deps.toml names the folder with its `extension.toml`".to_owned()),
        Trouble::Project(problem) => of_project(&problem.error),
        Trouble::Extension(problem) => of_extension(&problem.error),
        Trouble::Extends(problem) => of_extends(&problem.error),
        Trouble::Manifest(problem) => of_manifest(&problem.error),
        Trouble::Wish(problem) => of_wish(&problem.error),
        Trouble::Lock(problem) => of_lock(&problem.error),
        Trouble::Outside { .. } => {
            Some("copy it into the project: a build must not depend on what stands around it".to_owned())
        }
        Trouble::NoMatch { .. } | Trouble::BadPattern { .. } => {
            Some("`**/*.repos` finds manifests at any depth".to_owned())
        }
        Trouble::Revision { .. } | Trouble::Io { .. } | Trouble::TooLarge { .. } | Trouble::Interrupted => None,
    }
}

fn of_shape(problem: &ShapeProblem) -> Option<String> {
    match problem {
        ShapeProblem::UnknownKey { nearest: Some(nearest), .. } => Some(meant(nearest)),
        ShapeProblem::UnknownKey { known, .. } => Some(format!("known keys are `{}`", known.join("`, `"))),
        ShapeProblem::NotOneOf { found, allowed, .. } => {
            crate::source::nearest(found, allowed.iter().map(String::as_str)).map(meant)
        }
        _ => None,
    }
}

fn of_project(problem: &project::Problem) -> Option<String> {
    match problem {
        project::Problem::Shape(problem) => of_shape(problem),
        project::Problem::OutsideProject { .. } => Some("move it into the project, next to `deps.toml`".to_owned()),
        project::Problem::OtherTool { .. } => {
            Some("install a version of deps that fits, or change `deps-version`".to_owned())
        }
        project::Problem::NoRepository { .. } => Some("name its repository: `git = \"https://…\"`".to_owned()),
        project::Problem::UnnamedSet { .. } => Some("give each `[[manifest]]` a name: `name = \"overlay\"`".to_owned()),
        project::Problem::BadPlatform { .. } => Some("write `linux/amd64` or `linux/arm64`".to_owned()),
        project::Problem::BadDest { .. } => Some("write something like `/ws/src`".to_owned()),
        _ => None,
    }
}

fn of_extension(problem: &extension::Problem) -> Option<String> {
    match problem {
        extension::Problem::Shape(problem) => of_shape(problem),
        extension::Problem::NotAllowed { allowed, .. } => Some(format!("it may be `{}`", allowed.join("`, `"))),
        extension::Problem::UnknownOption { option, known, .. } => {
            let near = crate::source::nearest(option, known.iter().map(String::as_str)).map(meant);
            near.or_else(|| (!known.is_empty()).then(|| format!("its options are `{}`", known.join("`, `"))))
        }
        extension::Problem::BadUrl { why, .. } if why.contains("https://") => {
            Some("where only plain http is to be had, write the https url and let a mirror of your `config.toml` stand for it".to_owned())
        }
        extension::Problem::BadUrl { url, .. } if url == "…" => {
            Some("leave it out: deps takes the login from `~/.netrc`".to_owned())
        }
        extension::Problem::NoTag { .. } => Some("write `ref = \"^1\"`, or a tag".to_owned()),
        extension::Problem::UnclearInput { .. } => {
            Some("a url with a `git` repository beside it takes its version from that repository's tags".to_owned())
        }
        _ => None,
    }
}

/// Returns what to do about a problem of the user's configuration.
pub(super) fn of_configuration(problem: &configuration::Problem) -> Option<String> {
    match problem {
        configuration::Problem::Shape(problem) => of_shape(problem),
        configuration::Problem::BadBeginning { text, .. } if text == "…" => {
            Some("leave it out: deps takes the login from `~/.netrc`".to_owned())
        }
        configuration::Problem::BadBeginning { .. } => {
            Some("write something like `\"https://github.com/\" = \"https://mirror.example/github/\"`".to_owned())
        }
    }
}

fn of_manifest(problem: &ManifestProblem) -> Option<String> {
    match problem {
        ManifestProblem::UnknownType { suggestion: Some(near), .. } => Some(meant(near)),
        ManifestProblem::NoRepositories { misspelt: Some(_), .. } => Some(meant("repositories")),
        ManifestProblem::NoRepositories { entries: true, .. } => {
            Some("put `repositories:` above the entries and indent them below it".to_owned())
        }
        ManifestProblem::BadName { problem: NameProblem::Outside, .. } => {
            Some("if that is meant, write `allow-outside = true` in the `[[manifest]]` of deps.toml".to_owned())
        }
        ManifestProblem::SecretInUrl { redacted, .. } => {
            Some(format!("write `{redacted}` and let a git credential helper (`git help credentials`) supply the rest"))
        }
        _ => None,
    }
}

fn of_extends(problem: &ExtendsProblem) -> Option<String> {
    match problem {
        ExtendsProblem::Outside(_) => {
            Some("copy the manifest into the project: a lock must not depend on what stands around it".to_owned())
        }
        ExtendsProblem::Twice(_) => Some("remove one of the two".to_owned()),
        _ => None,
    }
}

fn of_wish(problem: &WishProblem) -> Option<String> {
    match problem {
        WishProblem::UnsupportedKind { .. } => {
            Some("take it from a git mirror, or from an archive (`type: tar`, with the archive's url)".to_owned())
        }
        WishProblem::Url(problem) => of_extension(problem),
        WishProblem::NotByTheBuild { .. } => {
            Some("leave `sources` out: this machine fetches it then, and the build copies it".to_owned())
        }
        WishProblem::NoTag(_) => Some("write a requirement, `ref = \"^1\"`, or a tag".to_owned()),
        WishProblem::Contradiction { .. } => {
            Some("remove one of them, or give the manifests different `dest` folders and names".to_owned())
        }
        _ => None,
    }
}

fn of_lock(problem: &deps_lock::ParseErrorKind) -> Option<String> {
    match problem {
        deps_lock::ParseErrorKind::ConflictMarkers { .. } => {
            Some("to merge its sides, resolve the conflicts of the manifests, then run `deps lock`".to_owned())
        }
        deps_lock::ParseErrorKind::SchemaTooNew { .. } => Some("install a newer deps".to_owned()),
        _ => Some("restore the file from git, or delete it and run `deps lock`".to_owned()),
    }
}

/// Returns what to do where git cannot be told to call us.
pub(super) fn of_setup(error: &SetupError) -> Option<String> {
    match error {
        SetupError::NoClone { .. } => Some("go to a clone, or set it up for all of yours: `--global`".to_owned()),
        SetupError::Overruled { lock, attribute, .. } => {
            Some(format!("`git check-attr -a {}` shows it; remove the other line for `{attribute}`", lock.display()))
        }
        _ => None,
    }
}

/// Returns what to do where the lock cannot be committed.
pub(super) fn of_commit(error: &CommitError) -> Option<String> {
    match error {
        CommitError::InProgress { .. } => Some("`git status` says how to end it".to_owned()),
        CommitError::Uncommitted => Some("commit it first, or `git restore` it".to_owned()),
        CommitError::OtherProject { .. } => {
            Some("commit them first, or run `deps update` without `--commit` and commit them with the lock".to_owned())
        }
        CommitError::Ignored { .. } => Some("`git check-ignore -v deps.lock` names the line to remove".to_owned()),
        CommitError::NoAuthor => Some("`git config user.name NAME` and `git config user.email ADDRESS`".to_owned()),
        CommitError::NoClone { .. } | CommitError::NoFile | CommitError::Git(_) => None,
    }
}

/// Returns what to do about a warning of a manifest.
pub(super) fn of_warning(warning: &Warning) -> Option<String> {
    match warning {
        Warning::UnknownKey { suggestion: Some(suggestion), .. } => Some(meant(suggestion)),
        Warning::MisindentedEntry { .. } => Some("indent it below `repositories:`".to_owned()),
        Warning::Respelled { text, .. } => {
            Some(format!("write `\"{text}\"` with quotes: every tool reads the same then"))
        }
        _ => None,
    }
}

/// Returns what to do about an entry that cannot be pinned.
pub(super) fn of_pin(problem: &PinProblemKind) -> Option<String> {
    match problem {
        PinProblemKind::Git(GitProblem::NoSuchRef { nearest: Some((what, name)), .. }) => {
            Some(format!("it has a {what} `{name}`"))
        }
        PinProblemKind::Git(GitProblem::Vanished { nearest, .. }) => {
            let near = nearest.as_ref().map(|(what, name)| format!("it has a {what} `{name}`; "));
            let near = near.unwrap_or_default();
            Some(format!("{near}the lock still builds: name another version in the manifest when you want to move on"))
        }
        PinProblemKind::Git(GitProblem::BranchAndTag { name, .. }) => {
            Some(format!("write `heads/{name}` for the branch or `tags/{name}` for the tag"))
        }
        PinProblemKind::Git(GitProblem::NoSuchVersion { highest: Some(highest), .. }) => {
            Some(format!("its highest version is `{highest}`"))
        }
        // The version was never right: nothing to update.
        PinProblemKind::Remote(failure) if failure.transport == Transport::System => match failure.kind {
            FailureKind::NoSuchCommit => None,
            kind => of_failure(kind).map(str::to_owned),
        },
        PinProblemKind::Remote(failure) if failure.transport == Transport::Http => {
            of_download(failure.kind).map(str::to_owned)
        }
        PinProblemKind::Precise(problem) => of_precise(problem),
        PinProblemKind::AsOf { .. } => Some(
            "name an earlier version in the manifest, or update this entry alone with a later `--as-of`".to_owned(),
        ),
        PinProblemKind::Url(problem) => of_extension(problem),
        PinProblemKind::Content(other) => Some(of_other_content(&other.key.name)),
        PinProblemKind::Remote(failure) => of_failure(failure.kind).map(str::to_owned),
        _ => None,
    }
}

/// Returns what to do about a pin that was chosen and will not do.
fn of_precise(problem: &PreciseProblem) -> Option<String> {
    match problem {
        PreciseProblem::OtherCommit { .. } | PreciseProblem::OtherTag { .. } | PreciseProblem::Unsatisfying { .. } => {
            Some("change `version` in the manifest (or `ref` in deps.toml), then run `deps lock`".to_owned())
        }
        PreciseProblem::Nothing { .. } => Some("a commit id has 4 to 40 hexadecimal digits".to_owned()),
        PreciseProblem::Elsewhere { holders, .. } => Some(match holders.first() {
            Some(name) => format!("`{name}` leads to it: to follow that, name it as the version"),
            None => "no branch or tag leads to it: `version` in the manifest can name the commit itself".to_owned(),
        }),
        PreciseProblem::OtherDigest { .. } => {
            Some("change the digest of the image in deps.toml, then run `deps lock`".to_owned())
        }
        PreciseProblem::NoDigest { .. } => None,
    }
}

/// Returns what to do about an extension whose files are not those of the lock.
pub(super) fn of_other_content(name: &str) -> String {
    format!(
        "`deps cache verify` says whether the store is damaged; if it is not, the lock was changed by hand: `deps update \
         {name}` pins what is there"
    )
}

/// Returns what to do about a file that did not come.
fn of_download(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::NotFound | FailureKind::Protocol => {
            Some("open the url in a browser: the version may have no such file, or the server wants a login")
        }
        FailureKind::Auth => Some("put a login for the host into `~/.netrc`"),
        kind => of_failure(kind),
    }
}

/// Returns what to do about a remote that gave no answer.
pub(super) fn of_failure(kind: FailureKind) -> Option<&'static str> {
    match kind {
        FailureKind::Unreachable | FailureKind::Timeout => {
            Some("check the network and proxies, then run the command again")
        }
        FailureKind::Auth => {
            Some("log in once with `git ls-remote URL` (or `docker login` for an image); deps uses the same helpers")
        }
        FailureKind::NotFound => Some("check the spelling; a private repository looks the same without credentials"),
        FailureKind::Tls => Some("point `SSL_CERT_FILE` at the bundle with your proxy's certificate"),
        FailureKind::HostKey => Some(
            "`ssh-keyscan HOST` shows its keys: once you have compared them with those that its owner publishes, put them \
             into `~/.ssh/known_hosts`",
        ),
        FailureKind::Ambiguous => Some("write more digits of the commit id"),
        FailureKind::NoSuchCommit => Some("`deps update KEY` pins what its ref holds now"),
        FailureKind::Local => {
            Some("`deps cache gc` makes room, and `DEPS_STORE` names another folder for the store; what came is kept")
        }
        FailureKind::Changed => {
            Some("find out why it changed; if what is there now is good, `deps update KEY` pins it")
        }
        FailureKind::Offline => Some("run `deps fetch` once with a network"),
        FailureKind::Refused => Some("run the command again later; what has succeeded is kept"),
        _ => None,
    }
}

/// Returns what to do about a store that cannot be used.
pub(super) fn of_store(error: &StoreError) -> Option<String> {
    match error {
        error if error.is_full() => Some(FULL.to_owned()),
        error if error.is_read_only() => Some(READ_ONLY.to_owned()),
        StoreError::Io { action: "make the folder", .. } => {
            Some("set `DEPS_STORE` to a folder that can be made".to_owned())
        }
        StoreError::Repository { .. } => Some("`deps cache verify` names what is damaged in the store".to_owned()),
        _ => None,
    }
}

/// Returns what to do about something that could not be brought into the store.
pub(super) fn of_fetch(problem: &FetchProblem) -> Option<String> {
    match problem {
        FetchProblem::Store(error) => of_store(error),
        FetchProblem::Remote(failure) if failure.kind == FailureKind::Local => {
            let words = failure.message.to_lowercase();
            let says = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
            match () {
                () if says(&["no space left", "quota", "file too large"]) => Some(FULL.to_owned()),
                () if says(&["read-only", "permission denied"]) => Some(READ_ONLY.to_owned()),
                () => None,
            }
        }
        FetchProblem::Remote(failure) if failure.transport == Transport::Http => {
            of_download(failure.kind).map(str::to_owned)
        }
        problem => of_failure(problem.kind()).map(str::to_owned),
    }
}

const FULL: &str = "`deps cache gc` removes what no project needs; or set `DEPS_STORE` to a folder on a larger disk";
const READ_ONLY: &str =
    "set `DEPS_STORE` to a folder that you can write; what is in a read-only store can still be used";

/// Returns what to do about a pinned commit that the remote does not have any more; `key` is its entry in the lock.
pub(super) fn of_gone(gone: &Gone, key: &str) -> String {
    match gone {
        Gone::Moved { name, .. } => format!("to pin what `{name}` holds now, run `deps update {key}`"),
        Gone::Vanished { .. } => format!("name another version of `{key}` in the manifest, then run `deps lock`"),
        Gone::Unheld { .. } => format!("name a branch, a tag or another commit for `{key}`, then run `deps lock`"),
    }
}

/// Returns what to do where a submodule of the entry `key` names a commit that its remote does not have.
pub(super) fn of_gone_submodule(key: &str) -> String {
    format!("another commit of `{key}` may name one that is there: run `deps update {key}`")
}

/// Returns what to do about something that `deps lock --verify` has found.
pub(super) fn of_finding(finding: &Finding) -> Option<String> {
    let key = finding.key.selector();
    let keep = match finding.kind.held() {
        Some(Held::Gone) => "push it to a repository that you own, from a store or a checkout that has it",
        _ => "run `deps fetch`, so that your store has it, and push it to a repository that you own",
    };
    match &finding.kind {
        FindingKind::Remote(failure) if failure.transport == Transport::Http => {
            of_download(failure.kind).map(str::to_owned)
        }
        FindingKind::Remote(failure) => of_failure(failure.kind).map(str::to_owned),
        FindingKind::Endangered { .. } | FindingKind::Unheld { .. } => Some(format!("{keep}; or ask for a tag there")),
        FindingKind::Gone { .. } => {
            Some(format!("push it there from a store or a checkout that has it, or name another commit for `{key}`"))
        }
        FindingKind::Vanished { .. } => {
            let file = finding.place.source.name();
            Some(format!("name another version of `{key}` in `{file}`, then run `deps lock`; or {keep}"))
        }
        FindingKind::TagMoved { held: Held::Refs(_), .. } => Some(format!(
            "ask its owner: a release that changes under the same name is no release; `deps update {key}` pins what is there"
        )),
        FindingKind::TagMoved { .. } | FindingKind::Rewritten { .. } => {
            Some(format!("`deps update {key}` pins what is there now; to stay with the locked one, {keep}"))
        }
        FindingKind::ImageGone { is_wished: true, .. } => {
            Some("name another image in deps.toml, then run `deps lock`".to_owned())
        }
        FindingKind::ImageGone { .. } | FindingKind::FileChanged { .. } => {
            Some(format!("`deps update {key}` pins what is there now"))
        }
        FindingKind::FileGone { .. } | FindingKind::RevisionGone { .. } => {
            Some(format!("name another version or url for `{key}`, then run `deps lock`"))
        }
    }
}

/// Returns what to do about content of Git LFS that did not come.
pub(super) fn of_lfs(problem: &FetchProblem) -> Option<String> {
    let without = "keep pointer files in its place: `lfs = false` in the `[[manifest]]`";
    match problem {
        FetchProblem::Lfs { failure, .. } if failure.kind == FailureKind::MissingProgram => {
            Some(format!("install the package `git-lfs`; or {without}"))
        }
        FetchProblem::LfsGone(_) => Some(format!("ask who has it to run `git lfs push --all`; or {without}")),
        // Whatever a stranger or `.lfsconfig` asks for, nobody here can give.
        FetchProblem::Lfs { failure, .. } if matches!(failure.kind, FailureKind::Refused | FailureKind::Invalid) => {
            Some(without.to_owned())
        }
        FetchProblem::LfsChanged(_) => Some(format!("ask who runs the server to mend it; or {without}")),
        _ => None,
    }
}

fn meant(word: &str) -> String {
    format!("did you mean `{word}`?")
}
