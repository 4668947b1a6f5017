//! The table of faults: what a server does wrong, and what `deps lock` and `deps fetch` make of it, with libgit2 and with
//! the `git` program.
//!
//! A row is a test: the fault, then for each command and way the requests that the server has counted (so retries are
//! seen), and what was said between what is the same in every row; all of it is compared. After each run the exit code is
//! right, the lock has the bytes it had, the store is sound and has nothing left over, and the same command succeeds as
//! soon as the fault is gone.

use std::cell::RefCell;
use std::time::Duration;

use crate::support::daemons::Tls;
use crate::support::git_server::{Fault, GitServer};
use crate::support::sandbox::Sandbox;
use crate::support::store::is_sound;

use Way::{Git, Git2};

const NETWORK: &str = "hint: check the network and proxies, then run the command again\n";
const LOG_IN: &str =
    "hint: log in once with `git ls-remote URL` (or `docker login` for an image); deps uses the same helpers\n";
const SPELLING: &str = "hint: check the spelling; a private repository looks the same without credentials\n";
const CERTIFICATE: &str = "hint: point `SSL_CERT_FILE` at the bundle with your proxy's certificate\n";
const LATER: &str = "hint: run the command again later; what has succeeded is kept\n";

/// The commit that the tag `1.2.0` leads to.
const REV: &str = "926ee57ddac8d06a97c7836315defa21cb719463";

/// Which git, in the words of `DEPS_GIT`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Git2,
    Git,
}

/// A command that meets a fault.
struct Row<'a> {
    verb: &'static str,
    fault: &'a dyn Fn(&Sandbox),
    code: i32,
    mends: bool,
}

/// `deps lock` of a project with one repository, which has nothing locked yet.
fn lock(fault: &dyn Fn(&Sandbox)) -> Row<'_> {
    Row { verb: "lock", fault, code: 5, mends: true }
}

/// `deps fetch` of the tag `1.2.0`, which is locked.
fn fetch(fault: &dyn Fn(&Sandbox)) -> Row<'_> {
    Row { verb: "fetch", fault, code: 5, mends: true }
}

impl Row<'_> {
    /// The fault stays, and the command exits with this code.
    fn for_good(self, code: i32) -> Self {
        Row { code, mends: false, ..self }
    }

    /// Both ways make so many requests and say the same.
    #[track_caller]
    fn both(self, requests: usize, problem: &str, hint: &str) {
        self.is(Git2, requests, problem, hint).is(Git, requests, problem, hint);
    }

    /// This way makes so many requests, and says what the problem is and what to do about it.
    #[track_caller]
    fn is(self, way: Way, requests: usize, problem: &str, hint: &str) -> Self {
        let sandbox = one_repository();
        if self.verb == "fetch" {
            sandbox.deps(["lock"]).succeeds();
        }
        let before = lock_bytes(&sandbox);
        (self.fault)(&sandbox);
        sandbox.server().reset();
        let run = sandbox.deps([self.verb, "--timeout", "1", "--retries", "1"]).env("DEPS_GIT", name(way));
        let said = run.exits(self.code).stderr();
        assert_eq!(without_foreign_words(&sandbox.redacted(&said)), self.whole(problem, hint), "{way:?}");
        assert_eq!(sandbox.requests(), requests, "{way:?} {:#?}", sandbox.server().log());
        assert_eq!(lock_bytes(&sandbox), before, "the lock has changed");
        is_sound(&sandbox);
        self.mend(&sandbox, way);
        self
    }

    /// What is said on stderr, all of it.
    fn whole(&self, problem: &str, hint: &str) -> String {
        let at = if self.verb == "lock" { String::new() } else { format!(" at {REV}") };
        format!(
            "error: repo `core/x`{at}: {problem}\n --> underlay.repos:2:68\n  |\n\
             2 |   core/x: {{ type: git, url: [GIT]/x.git, version: 1.2.0 }}\n  |{}^^^^^\n{hint}",
            " ".repeat(68)
        )
    }

    /// Takes the fault away; then the command succeeds.
    fn mend(&self, sandbox: &Sandbox, way: Way) {
        if !sandbox.server().is_running() {
            sandbox.server().restart();
        }
        sandbox.server().mend();
        if self.mends {
            sandbox.deps(["fetch"]).env("DEPS_GIT", name(way)).succeeds();
            is_sound(sandbox);
        }
    }
}

/// Replaces what curl says, which differs between its versions and TLS libraries, by `[CURL]`, and which of git's
/// programs noticed a broken pack first by `[UNPACK]`.
fn without_foreign_words(said: &str) -> String {
    let noticed = ["unpack-objects failed", "protocol error: bad pack header", "early EOF", "index-pack failed"];
    let said = noticed.into_iter().fold(said.to_owned(), |said, words| said.replace(words, "[UNPACK]"));
    let Some((before, cause)) = said.split_once("x.git/': ").filter(|(before, _)| before.contains("unable to access"))
    else {
        return said;
    };
    let end = [")\n", ") ("].iter().filter_map(|end| cause.find(end)).min().unwrap_or(cause.len());
    format!("{before}x.git/': [CURL]{}", &cause[end..])
}

fn name(way: Way) -> &'static str {
    if way == Git2 { "git2" } else { "git" }
}

/// A project that wants the tag `1.2.0` of a repository whose pack has some tens of kilobytes.
fn one_repository() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("data", &noise(40_000)).tag("1.2.0").commit();
    sandbox.git("x").file("data", "").branch("next").commit();
    sandbox.manifest("repositories:\n  core/x: { type: git, url: $GIT/x.git, version: 1.2.0 }\n");
    sandbox
}

/// Text that does not compress to nothing.
fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'!' + (state >> 24) as u8 % 90)
    };
    (0..length).map(|_| next()).collect()
}

fn lock_bytes(sandbox: &Sandbox) -> Option<String> {
    sandbox.has("deps.lock").then(|| sandbox.read("deps.lock"))
}

/// Every request fails like this.
fn all(fault: Fault) -> impl Fn(&Sandbox) {
    move |sandbox| sandbox.server().fail("x.git", -1, fault.clone())
}

/// Every pack fails like this; listings by libgit2 are fine.
fn packs(fault: Fault) -> impl Fn(&Sandbox) {
    move |sandbox| sandbox.server().fail("x.git/git-upload-pack", -1, fault.clone())
}

/// The problem of a remote that gives no answer.
fn unread(what: &str) -> String {
    format!("cannot read `[GIT]/x.git`: {what}")
}

#[test]
fn connection_refused() {
    let fault = |sandbox: &Sandbox| sandbox.server().stop();
    let git2 = unread("no connection (failed to connect to 127.0.0.1: Connection refused)");
    let git = unread("no connection (unable to access '[GIT]/x.git/': [CURL])");
    lock(&fault).is(Git2, 0, &git2, NETWORK).is(Git, 0, &git, NETWORK);
    fetch(&fault).is(Git2, 0, &git2, NETWORK).is(Git, 0, &git, NETWORK);
}

#[test]
fn connection_closed_without_a_word() {
    let git2 = unread("the connection was lost (unexpected EOF) (after 1 retry)");
    let git = unread("the connection was lost (unable to access '[GIT]/x.git/': [CURL]) (after 1 retry)");
    let fault = all(Fault::DropBeforeHeaders);
    lock(&fault).is(Git2, 2, &git2, NETWORK).is(Git, 2, &git, NETWORK);
    fetch(&fault).is(Git2, 2, &git2, NETWORK).is(Git, 2, &git, NETWORK);
}

#[test]
fn reset_in_the_middle() {
    let git2 =
        unread("the connection was lost (error receiving data from socket: Connection reset by peer) (after 1 retry)");
    let git = unread(
        "the connection was lost (unable to access '[GIT]/x.git/': [CURL]) \
         (after 1 retry)",
    );
    lock(&all(Fault::ResetAfter(60))).is(Git2, 2, &git2, NETWORK).is(Git, 2, &git, NETWORK);
    let git = unread("the connection was lost ([UNPACK]) (after 1 retry)");
    fetch(&packs(Fault::ResetAfter(9000))).is(Git2, 6, &git2, NETWORK).is(Git, 4, &git, NETWORK);
}

#[test]
fn truncated_pack() {
    let git2 = unread(
        "the connection was lost (http parser did not consume entire buffer: Invalid EOF state) (after 1 retry)",
    );
    let git = unread("the connection was lost ([UNPACK]) (after 1 retry)");
    fetch(&packs(Fault::TruncateBody(9000))).is(Git2, 6, &git2, NETWORK).is(Git, 4, &git, NETWORK);
}

#[test]
fn corrupted_pack() {
    let git2 = unread("the answer is damaged (error reading from the zlib stream) (after 1 retry)");
    let git = unread("the answer is damaged ([UNPACK]) (after 1 retry)");
    fetch(&packs(Fault::CorruptAt(9000))).is(Git2, 6, &git2, "").is(Git, 4, &git, "");
}

#[test]
fn status_401() {
    let fault = all(Fault::Auth("ada".to_owned(), "hunter2".to_owned()));
    let git2 = unread("credentials are missing or not accepted (all authentication attempts failed)");
    let git = unread(
        "credentials are missing or not accepted (could not read Username for '[GIT]': terminal prompts disabled)",
    );
    lock(&fault).is(Git2, 1, &git2, LOG_IN).is(Git, 1, &git, LOG_IN);
    fetch(&fault).is(Git2, 1, &git2, LOG_IN).is(Git, 1, &git, LOG_IN);
}

#[test]
fn status_403() {
    let fault = all(Fault::Status(403));
    lock(&fault).both(1, &unread("access is denied (HTTP 403)"), LOG_IN);
    fetch(&fault).both(1, &unread("access is denied (HTTP 403)"), LOG_IN);
}

#[test]
fn status_404() {
    let fault = all(Fault::Status(404));
    let git2 = unread("there is no such repository, or it is hidden from you (HTTP 404)");
    let git = unread("there is no such repository, or it is hidden from you (repository '[GIT]/x.git/' not found)");
    lock(&fault).is(Git2, 1, &git2, SPELLING).is(Git, 1, &git, SPELLING);
    fetch(&fault).is(Git2, 1, &git2, SPELLING).is(Git, 1, &git, SPELLING);
}

#[test]
fn status_429() {
    let fault = all(Fault::Status(429));
    lock(&fault).both(2, &unread("the server asks for fewer requests (HTTP 429) (after 1 retry)"), LATER);
    fetch(&fault).both(2, &unread("the server asks for fewer requests (HTTP 429) (after 1 retry)"), LATER);
}

#[test]
fn status_429_that_asks_for_an_hour_is_not_asked_again() {
    let fault = all(Fault::Busy(3600));
    lock(&fault).both(1, &unread("the server asks for fewer requests (HTTP 429), asking to wait 3600 s"), LATER);
    fetch(&fault).both(1, &unread("the server asks for fewer requests (HTTP 429), asking to wait 3600 s"), LATER);
}

#[test]
fn status_500() {
    let fault = all(Fault::Status(500));
    lock(&fault).both(2, &unread("the server declines (HTTP 500) (after 1 retry)"), LATER);
    fetch(&fault).both(2, &unread("the server declines (HTTP 500) (after 1 retry)"), LATER);
}

#[test]
fn silence() {
    let fault = all(Fault::Hang);
    let git2 = unread("no answer in time (after 1 retry)");
    let git = unread("no answer in time (unable to access '[GIT]/x.git/': [CURL]) (after 1 retry)");
    lock(&fault).is(Git2, 2, &git2, NETWORK).is(Git, 2, &git, NETWORK);
    fetch(&fault).both(2, &git2, NETWORK);
}

#[test]
fn a_byte_now_and_then() {
    let git2 = unread("no answer in time (fewer than 100 bytes a second for 1 s) (after 1 retry)");
    let git = unread("no answer in time (unable to access '[GIT]/x.git/': [CURL]) (after 1 retry)");
    let drip = Fault::Drip(Duration::from_millis(200));
    lock(&all(drip.clone())).is(Git2, 2, &git2, NETWORK).is(Git, 2, &git, NETWORK);
    let git = unread("no answer in time (after 1 retry)");
    fetch(&packs(drip)).is(Git2, 4, &git2, NETWORK).is(Git, 4, &git, NETWORK);
}

#[test]
fn a_page_instead_of_a_repository() {
    let fault = all(Fault::BadContentType);
    let git2 = unread("this is not the answer of a git server (invalid content-type: 'text/html')");
    let git =
        unread("this is not the answer of a git server ([GIT]/x.git/info/refs not valid: is this a git repository?)");
    lock(&fault).is(Git2, 1, &git2, "").is(Git, 1, &git, "");
    fetch(&fault).is(Git2, 1, &git2, "").is(Git, 1, &git, "");
}

#[test]
fn an_error_in_the_words_of_the_protocol() {
    let fault = all(Fault::Error("the server is on holiday".to_owned()));
    lock(&fault).both(1, &unread("the server declines (remote error: the server is on holiday)"), LATER);
    fetch(&fault).both(1, &unread("the server declines (remote error: the server is on holiday)"), LATER);
}

#[test]
fn certificate_of_an_unknown_authority() {
    let fronts = RefCell::default();
    let fault = |sandbox: &Sandbox| {
        let Some(tls) = Tls::start_or_skip(sandbox) else { return };
        let (tls_url, url) = (tls.url(), sandbox.server().url());
        sandbox.git_config(&format!("[url \"{tls_url}/\"]\n\tinsteadOf = {url}/\n"));
        Vec::push(&mut fronts.borrow_mut(), tls);
    };
    let git2 = unread("the server's certificate is not trusted (the SSL certificate is invalid)");
    let git =
        unread("the server's certificate is not trusted (unable to access 'https://127.0.0.1:[PORT]/x.git/': [CURL])");
    fault(&one_repository());
    if fronts.borrow().is_empty() {
        return;
    }
    lock(&fault).for_good(5).is(Git2, 0, &git2, CERTIFICATE).is(Git, 0, &git, CERTIFICATE);
    fetch(&fault).for_good(5).is(Git2, 0, &git2, CERTIFICATE).is(Git, 0, &git, CERTIFICATE);
}

#[test]
fn redirects_in_a_circle() {
    let fault = |sandbox: &Sandbox| {
        let itself = format!("{}/x.git", sandbox.server().url());
        sandbox.server().fail("x.git", -1, Fault::Redirect(itself));
    };
    let git2 = unread("the server redirects in a circle (too many redirects or authentication replays)");
    let git = unread("the server redirects in a circle (unable to access '[GIT]/x.git/': [CURL])");
    lock(&fault).is(Git2, 15, &git2, LATER).is(Git, 21, &git, LATER);
    fetch(&fault).is(Git2, 15, &git2, LATER).is(Git, 21, &git, LATER);
}

#[test]
fn repository_replaced_by_another_history() {
    let fault = |sandbox: &Sandbox| {
        replace_history(sandbox);
        sandbox.git("x").file("other", "history").tag("1.2.0").commit();
    };
    let problem = "`[GIT]/x.git` no longer has this commit: the tag `1.2.0` now leads to \
        `33053da1d760f7b97f4f7bbc2d474fb092bba409`";
    let hint = "hint: to pin what `1.2.0` holds now, run `deps update core/x`\n";
    fetch(&fault).for_good(4).is(Git2, 6, problem, hint).is(Git, 4, problem, hint);
}

#[test]
fn vanished_tag_and_its_commit_with_it() {
    let fault = |sandbox: &Sandbox| {
        replace_history(sandbox);
        sandbox.git("x").file("other", "history").commit();
    };
    let problem = "`[GIT]/x.git` no longer has this commit, nor the branch or tag `1.2.0` that led to it";
    let hint = "hint: name another version of `core/x` in the manifest, then run `deps lock`\n";
    fetch(&fault).for_good(4).is(Git2, 5, problem, hint).is(Git, 4, problem, hint);
}

#[test]
fn vanished_repository() {
    let fault = |sandbox: &Sandbox| std::fs::remove_dir_all(sandbox.root().join("git/x.git")).unwrap();
    let git2 = unread("there is no such repository, or it is hidden from you (HTTP 404)");
    let git = unread("there is no such repository, or it is hidden from you (repository '[GIT]/x.git/' not found)");
    fetch(&fault).for_good(5).is(Git2, 1, &git2, SPELLING).is(Git, 1, &git, SPELLING);
}

/// Makes the repository an empty one.
fn replace_history(sandbox: &Sandbox) {
    std::fs::remove_dir_all(sandbox.root().join("git/x.git")).unwrap();
}

#[test]
fn a_tag_that_moved_is_no_reason_to_lock_anew_and_its_old_commit_is_fetched_by_id() {
    for way in [Git2, Git] {
        let sandbox = one_repository();
        sandbox.deps(["lock"]).succeeds();
        let before = sandbox.read("deps.lock");
        sandbox.git("x").file("data", "moved").tag("1.2.0").commit();
        sandbox.server().reset();
        sandbox.deps(["lock"]).env("DEPS_GIT", name(way)).succeeds();
        assert_eq!((sandbox.read("deps.lock"), sandbox.requests()), (before, 0));
        sandbox.deps(["fetch"]).env("DEPS_GIT", name(way)).succeeds();
        is_sound(&sandbox);
    }
}

#[test]
fn a_vanished_branch_is_fetched_by_id() {
    for way in [Git2, Git] {
        let sandbox = one_repository();
        sandbox.edit("underlay.repos", "1.2.0", "next");
        sandbox.deps(["lock"]).succeeds();
        sandbox.git("x").remove_ref("refs/heads/next");
        sandbox.deps(["fetch"]).env("DEPS_GIT", name(way)).succeeds();
        is_sound(&sandbox);
    }
}

#[test]
fn a_fault_that_passes_is_no_failure() {
    for way in [Git2, Git] {
        let sandbox = one_repository();
        for fault in [Fault::Status(503), Fault::Busy(1), Fault::ResetAfter(60)] {
            sandbox.server().fail("x.git", 1, fault);
        }
        sandbox.deps(["lock"]).env("DEPS_GIT", name(way)).succeeds();
        for fault in [Fault::Status(500), Fault::TruncateBody(9000), Fault::CorruptAt(9000)] {
            sandbox.server().fail("x.git/git-upload-pack", 1, fault);
        }
        sandbox.deps(["fetch"]).env("DEPS_GIT", name(way)).succeeds();
        is_sound(&sandbox);
    }
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_host() {
    for way in [Git2, Git] {
        let sandbox = one_repository();
        let (host, secret) = (sandbox.server().url(), "s3cr3t-of-ada");
        let elsewhere = tempfile::tempdir().unwrap();
        let other = GitServer::start(elsewhere.path());
        other.fail("x.git", -1, Fault::Auth("nobody".to_owned(), "nothing".to_owned()));
        // Another name is another host.
        let target = other.url().replace("127.0.0.1", "localhost") + "/x.git";
        sandbox.server().fail("x.git", -1, Fault::Redirect(target));
        sandbox.git_config(&format!(
            "[credential \"{host}\"]\n\thelper = \"!f() {{ echo username=ada; echo password={secret}; }}; f\"\n"
        ));
        let run = sandbox.deps(["lock", "--retries", "0"]).env("DEPS_GIT", name(way)).exits(5);
        assert!(!run.to_string().contains(secret), "{run}");
        assert!(other.requests() > 0, "the redirect was not followed: {run}");
        assert_eq!(other.authorizations(), [""; 0], "{run}");
    }
}
