//! The rules: their stable ids, how much they matter, and what each is about in one line.

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The image depends on something that nobody reviews, or it leaks something.
    Warning,
    /// Better otherwise, but no reason to fail.
    Note,
}

/// A rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// The stable id, as `# deps-lint: ignore=` takes it.
    pub id: &'static str,
    /// How much its findings matter.
    pub level: Level,
    /// What it is about, one sentence.
    pub about: &'static str,
}

const fn warning(id: &'static str, about: &'static str) -> Rule {
    Rule { id, level: Level::Warning, about }
}

const fn note(id: &'static str, about: &'static str) -> Rule {
    Rule { id, level: Level::Note, about }
}

pub(super) static APT_KEY: Rule =
    warning("apt-key", "`apt-key` trusts a key for every repository, and is gone since Debian 13");
pub(super) static APT_YES: Rule = warning("apt-yes", "`apt-get install` without `-y` asks, and nobody answers");
pub(super) static BAD_IGNORE: Rule =
    warning("bad-ignore", "A `deps-lint: ignore` names a rule and a reason, and something to ignore");
pub(super) static BASE_DIGEST: Rule = note("base-digest", "A tag can be moved to another image; a digest cannot");
pub(super) static CACHE_BUSTER: Rule =
    warning("cache-buster", "What differs with every run makes every image another one");
pub(super) static EMPTIED_CACHE: Rule =
    warning("emptied-cache", "A cache mount is in no layer: emptying it only slows builds down");
pub(super) static LATEST_DOWNLOAD: Rule = warning("latest-download", "A `latest` download is another file tomorrow");
pub(super) static LATEST_IMAGE: Rule = warning("latest-image", "The tag `latest` is another image tomorrow");
pub(super) static LONE_APT_UPDATE: Rule =
    warning("lone-apt-update", "An `apt-get update` in a RUN of its own stays cached and grows old");
pub(super) static PIPE_TO_SHELL: Rule =
    warning("pipe-to-shell", "A script that is run as it is downloaded is checked by nobody");
pub(super) static SECRET: Rule =
    warning("secret-in-env", "ENV and ARG stay in the image's history, for everybody who has the image");
pub(super) static UNCHECKED_ADD: Rule =
    warning("unchecked-add", "ADD of a URL without a checksum is whatever the server has");
pub(super) static UNCHECKED_DOWNLOAD: Rule =
    warning("unchecked-download", "A download without a checksum is whatever the server has that day");
pub(super) static UNHASHED_REQUIREMENTS: Rule =
    note("unhashed-requirements", "`pip install -r` checks only what has a hash in the file");
pub(super) static UNPINNED_CARGO: Rule =
    warning("unpinned-cargo", "`cargo install` without a version takes the newest");
pub(super) static UNPINNED_CLONE: Rule =
    warning("unpinned-clone", "A clone without a commit is whatever the branch has that day");
pub(super) static UNPINNED_GEM: Rule = warning("unpinned-gem", "`gem install` without a version takes the newest");
pub(super) static UNPINNED_GO: Rule = warning("unpinned-go", "`go install` of a branch or `latest` takes the newest");
pub(super) static UNPINNED_NPM: Rule = warning("unpinned-npm", "An npm package without a version is the newest one");
pub(super) static UNPINNED_PIP: Rule = warning("unpinned-pip", "A Python package without a version is the newest one");

/// All rules, sorted by id.
pub static RULES: [&Rule; 20] = [
    &APT_KEY,
    &APT_YES,
    &BAD_IGNORE,
    &BASE_DIGEST,
    &CACHE_BUSTER,
    &EMPTIED_CACHE,
    &LATEST_DOWNLOAD,
    &LATEST_IMAGE,
    &LONE_APT_UPDATE,
    &PIPE_TO_SHELL,
    &SECRET,
    &UNCHECKED_ADD,
    &UNCHECKED_DOWNLOAD,
    &UNHASHED_REQUIREMENTS,
    &UNPINNED_CARGO,
    &UNPINNED_CLONE,
    &UNPINNED_GEM,
    &UNPINNED_GO,
    &UNPINNED_NPM,
    &UNPINNED_PIP,
];

/// Returns the rule `id`.
pub(super) fn named(id: &str) -> Option<&'static Rule> {
    RULES.into_iter().find(|rule| rule.id == id)
}
