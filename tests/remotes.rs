//! What servers do in the wild, to both transports: the same answers, the same failures, no credential in any message.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deps::extent::{Extent, Submodules};
use deps::remote::fetch::{Wanted, fetch};
use deps::remote::{Choice, Remotes, Settings, Unwatched, ask};
use deps::resolve::{Answer, Failure, FailureKind, Question, Refs};
use deps::store::Store;

use crate::support::git_server::Fault;
use crate::support::sandbox::Sandbox;

const BOTH: [Choice; 2] = [Choice::Git2, Choice::Program];

fn remotes(transport: Choice) -> Remotes {
    Remotes::new(Settings {
        timeout: Duration::from_millis(1500),
        retries: 2,
        backoff: Duration::from_millis(1),
        transport,
        ..Settings::default()
    })
}

fn refs(url: &str, transport: Choice) -> Result<Refs, Failure> {
    let question = Question::Refs { url: url.to_owned() };
    let mut answers =
        ask(&BTreeSet::from([question.clone()]), &remotes(transport), &Unwatched, &AtomicBool::new(false));
    match answers.remove(&question).expect("every question has an answer")? {
        Answer::Refs(refs) => Ok(refs),
        other => panic!("{other:?}"),
    }
}

fn commit(url: &str, abbreviated: &str, transport: Choice) -> Result<String, Failure> {
    let question = Question::Commit { url: url.to_owned(), abbreviated: abbreviated.to_owned() };
    let mut answers =
        ask(&BTreeSet::from([question.clone()]), &remotes(transport), &Unwatched, &AtomicBool::new(false));
    match answers.remove(&question).expect("every question has an answer")? {
        Answer::Commit(commit) => Ok(commit),
        other => panic!("{other:?}"),
    }
}

fn fetched(sandbox: &Sandbox, wanted: &[Wanted], transport: Choice) -> Result<Vec<String>, Vec<String>> {
    let store = Store::open(&sandbox.store()).expect("a store");
    let trees = fetch(wanted, &store, &remotes(transport), &Unwatched, &AtomicBool::new(false));
    trees
        .map(|trees| trees.into_iter().map(|tree| tree.id).collect())
        .map_err(|failures| failures.iter().map(ToString::to_string).collect())
}

fn wanted(url: &str, rev: &str) -> Wanted {
    let (url, rev) = (url.to_owned(), rev.to_owned());
    Wanted { name: "repo `x`".to_owned(), url, rev, refs: Vec::new(), extent: Extent::default() }
}

#[test]
fn both_transports_list_the_same_refs() {
    let sandbox = Sandbox::new();
    let first = sandbox.git("x").file("a", "1").tag("light").commit();
    let second = sandbox.git("x").file("a", "2").annotated_tag("annotated").branch("side/branch").commit();
    sandbox.git("x").set_ref("refs/pull/7/head", &first);
    let url = format!("{}/x.git", sandbox.server().url());
    let [git2, program] = BOTH.map(|transport| refs(&url, transport).expect("refs"));
    assert_eq!(git2, program);
    assert_eq!((&git2.tags["light"], &git2.tags["annotated"]), (&first, &second));
    assert_eq!((&git2.branches["main"], &git2.branches["side/branch"]), (&first, &second));
    assert_eq!(git2.others["refs/pull/7/head"], first);
    let head = git2.head.expect("a HEAD");
    assert_eq!((head.rev, head.branch.as_deref()), (first, Some("main")));
}

#[test]
fn an_empty_repository_has_no_head() {
    let sandbox = Sandbox::new();
    sandbox.git("empty").default_branch("main");
    for transport in BOTH {
        assert_eq!(refs(&format!("{}/empty.git", sandbox.server().url()), transport).expect("refs"), Refs::default());
    }
}

#[test]
fn faults_are_named_and_only_passing_ones_are_tried_again() {
    use FailureKind::{Auth, NotFound, Protocol, Refused, Unreachable};
    let sandbox = Sandbox::new();
    sandbox.git("x").file("a", "1").commit();
    let server = sandbox.server();
    let url = format!("{}/x.git", server.url());
    type Case = (fn() -> Fault, &'static [FailureKind], bool);
    let cases: [Case; 8] = [
        (|| Fault::Status(500), &[Refused], true),
        (|| Fault::Status(503), &[Refused], true),
        (|| Fault::Status(429), &[Refused], true),
        (|| Fault::Status(404), &[NotFound], false),
        (|| Fault::Status(403), &[Auth, Refused], false),
        (|| Fault::DropBeforeHeaders, &[Unreachable], true),
        (|| Fault::BadContentType, &[Protocol, NotFound], false),
        (|| Fault::TruncateBody(20), &[Protocol, Unreachable], true),
    ];
    for transport in BOTH {
        for (number, (fault, kinds, again)) in cases.iter().enumerate() {
            server.mend();
            server.fail("x.git", -1, fault());
            let failure = refs(&url, transport).expect_err("the server fails");
            assert!(kinds.contains(&failure.kind), "{transport:?}, case {number}: {failure:?}");
            assert_eq!(failure.retried > 0, *again, "{transport:?}, case {number}: {failure:?}");
            assert_eq!(failure.subject, url);
        }
        server.mend();
        server.fail("x.git", 1, Fault::Status(503));
        refs(&url, transport).unwrap_or_else(|failure| panic!("{transport:?}: the second try succeeds: {failure}"));
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("a", "1").commit();
    sandbox.server().fail("x.git", -1, Fault::Hang);
    for transport in BOTH {
        let failure = refs(&format!("{}/x.git", sandbox.server().url()), transport).expect_err("nothing is said");
        assert_eq!(failure.kind, FailureKind::Timeout, "{failure:?}");
    }
}

#[test]
fn endless_requests_for_credentials_end() {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("a", "1").commit();
    sandbox.server().fail("x.git", -1, Fault::Auth("ada".to_owned(), "hunter2".to_owned()));
    let failure =
        refs(&format!("{}/x.git", sandbox.server().url()), Choice::Auto).expect_err("there are no credentials");
    assert_eq!(failure.kind, FailureKind::Auth, "{failure:?}");
    assert!(sandbox.server().requests() < 40, "{} requests", sandbox.server().requests());
}

#[test]
fn credentials_in_a_url_work_and_are_never_shown() {
    let sandbox = Sandbox::new();
    let id = sandbox.git("x").file("a", "1").commit();
    let server = sandbox.server();
    server.fail("x.git", -1, Fault::Auth("ada".to_owned(), "hunter2".to_owned()));
    let url = |password: &str| server.url().replace("://", &format!("://ada:{password}@")) + "/x.git";
    for transport in BOTH {
        assert_eq!(refs(&url("hunter2"), transport).expect("the password is right").branches["main"], id);
        let failure = refs(&url("wrong-secret"), transport).expect_err("the password is wrong");
        assert!(!format!("{failure:?} {failure}").contains("wrong-secret"), "{failure:?}");
    }
}

#[test]
fn what_runs_commands_or_looks_like_an_option_is_never_asked() {
    for url in ["ext::sh -c touch% /tmp/x", "fd::3", "--upload-pack=touch", "-x", "ssh://-oProxyCommand=x/y", "host:-x"]
    {
        for transport in BOTH {
            let failure = refs(url, transport).expect_err(url);
            assert_eq!(failure.kind, FailureKind::Invalid, "{url}: {failure:?}");
        }
    }
}

#[test]
fn an_abbreviated_id_is_looked_up_in_history() {
    let sandbox = Sandbox::new();
    let old = sandbox.git("x").file("a", "1").commit();
    sandbox.git("x").file("a", "2").commit();
    let url = format!("{}/x.git", sandbox.server().url());
    for transport in BOTH {
        assert_eq!(commit(&url, &old[..7], transport).expect("it is in the history"), old);
        let failure = commit(&url, "0000000", transport).expect_err("there is no such commit");
        assert_eq!(failure.kind, FailureKind::NoSuchCommit, "{failure:?}");
    }
}

#[test]
fn an_interrupted_question_ends() {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("a", "1").commit();
    let question = Question::Refs { url: format!("{}/x.git", sandbox.server().url()) };
    let interrupted = AtomicBool::new(true);
    let answers = ask(&BTreeSet::from([question.clone()]), &remotes(Choice::Auto), &Unwatched, &interrupted);
    assert_eq!(answers[&question].as_ref().expect_err("interrupted").kind, FailureKind::Cancelled);
    interrupted.store(false, Ordering::SeqCst);
    assert_eq!(sandbox.requests(), 0);
}

#[test]
fn both_transports_fetch_the_same_tree() {
    let content = |transport| {
        let sandbox = Sandbox::new();
        let id = sandbox.git("x").file("a", "1").executable("run", "#!/bin/sh\n").commit();
        sandbox.git("x").file("a", "2").commit();
        let url = format!("{}/x.git", sandbox.server().url());
        let trees = fetched(&sandbox, &[wanted(&url, &id)], transport).expect("the commit is there");
        assert_eq!(trees, [id.as_str()]);
        sandbox.server().reset();
        fetched(&sandbox, &[wanted(&url, &id)], transport).expect("it is in the store");
        assert_eq!(sandbox.server().connections(), 0);
        std::fs::read_to_string(sandbox.store().join("trees").join(id).join("a")).expect("the file is there")
    };
    assert_eq!(BOTH.map(content), ["1", "1"]);
}

#[test]
fn a_listing_is_one_request_and_a_commit_three_on_one_connection() {
    let sandbox = Sandbox::new();
    let id = sandbox.git("x").file("a", "1").commit();
    let url = format!("{}/x.git", sandbox.server().url());
    refs(&url, Choice::Git2).expect("refs");
    assert_eq!((sandbox.server().requests(), sandbox.server().connections()), (1, 1));
    sandbox.server().reset();
    fetched(&sandbox, &[wanted(&url, &id)], Choice::Git2).expect("the commit is there");
    // libgit2 asks once for the border of a shallow fetch and then for the pack; git in protocol v2 asks for both at once.
    assert_eq!((sandbox.server().requests(), sandbox.server().connections()), (3, 1));
    sandbox.server().reset();
    let other = Sandbox::new();
    fetched(&other, &[wanted(&url, &id)], Choice::Program).expect("the commit is there");
    assert_eq!((sandbox.server().requests(), sandbox.server().connections()), (2, 1));
}

#[test]
fn a_damaged_pack_leaves_nothing_behind_and_the_next_fetch_succeeds() {
    let sandbox = Sandbox::new();
    let id = sandbox.git("x").file("a", &"content ".repeat(1000)).commit();
    let url = format!("{}/x.git", sandbox.server().url());
    for fault in [Fault::CorruptAt(60), Fault::TruncateBody(80)] {
        sandbox.server().fail("git-upload-pack", -1, fault);
        let failures = fetched(&sandbox, &[wanted(&url, &id)], Choice::Git2).expect_err("the pack is damaged");
        assert_eq!(failures.len(), 1, "{failures:?}");
        sandbox.server().mend();
        assert!(!sandbox.store().join("trees").join(&id).exists());
    }
    fetched(&sandbox, &[wanted(&url, &id)], Choice::Git2).expect("the server is well again");
}

#[test]
fn one_failure_does_not_lose_the_others() {
    let sandbox = Sandbox::new();
    let id = sandbox.git("x").file("a", "1").commit();
    let server = sandbox.server().url();
    let missing = Wanted { name: "repo `gone`".to_owned(), ..wanted(&format!("{server}/gone.git"), &id) };
    let failures = fetched(&sandbox, &[missing, wanted(&format!("{server}/x.git"), &id)], Choice::Auto);
    let failures = failures.expect_err("one is gone");
    assert!(failures.len() == 1 && failures[0].contains("repo `gone`"), "{failures:?}");
    // The other commit has the same id: its tree is there.
    assert!(sandbox.store().join("trees").join(id).is_dir());
}

#[test]
fn eight_fetches_at_once_do_the_work_once() {
    let sandbox = Sandbox::new();
    let ids: Vec<String> = (0..4).map(|n| sandbox.git(&format!("r{n}")).file("a", &n.to_string()).commit()).collect();
    let server = sandbox.server().url();
    let all: Vec<Wanted> = ids.iter().enumerate().map(|(n, id)| wanted(&format!("{server}/r{n}.git"), id)).collect();
    sandbox.server().reset();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fetched(&sandbox, &all, Choice::Git2).expect("every commit is there"));
        }
    });
    let packs = sandbox.server().log().iter().filter(|line| line.contains("POST")).count();
    assert!(packs <= 2 * ids.len(), "{packs} packs for {} commits", ids.len());
    let left = std::fs::read_dir(sandbox.store().join("tmp")).expect("a folder").count();
    assert_eq!(left, 0, "work in progress was left behind");
}

#[test]
fn a_submodule_that_cannot_be_fetched_is_named() {
    let sandbox = Sandbox::new();
    let id = sandbox.git("outer").file("a", "1").submodule("libs/gone", "../gone.git", &"1".repeat(40)).commit();
    let url = format!("{}/outer.git", sandbox.server().url());
    let extent = Extent { submodules: Submodules::All, pointers: false };
    let wanted = Wanted { extent, ..wanted(&url, &id) };
    let failures = fetched(&sandbox, &[wanted], Choice::Auto).expect_err("the submodule is gone");
    assert!(failures[0].contains("libs/gone"), "{failures:?}");
}
