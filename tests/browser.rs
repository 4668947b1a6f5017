//! The pages of `deps diff --html` and `deps graph --format html` in a browser, with names in them that would be more than names.

use crate::support::browser::{Browser, Opened};
use crate::support::sandbox::Sandbox;
use snapbox::str;

/// A project whose names are markup, and the git revision to compare with, whose name is the message of a commit.
fn hostile(picture: &str) -> (Sandbox, String) {
    let sandbox = Sandbox::new();
    let user = "[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n";
    sandbox.git_config(&format!("[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n{user}"));
    let branch = "x</script><img/src=x/onerror=console.error(2)>";
    sandbox.git("x").file("a", "1").branch("main").commit();
    let manifest = |version: &str| {
        let url = "https://git.example/x.git";
        format!(
            "repositories:\n  \"<img src=x onerror=console.error(3)>\":\n    {{ type: git, url: {url}, version: '{version}' }}\n"
        )
    };
    sandbox.manifest(&manifest("main"));
    sandbox.deps(["lock"]).succeeds();
    let message = format!("</title></script><img src={picture} onerror=console.error(1)>");
    sandbox.program("git", ["init", "--quiet"]).succeeds();
    sandbox.program("git", ["add", "."]).succeeds();
    sandbox.program("git", ["commit", "--quiet", "--message", &message]).succeeds();
    sandbox.git("x").file("a", "2").branch(branch).commit();
    sandbox.manifest(&manifest(branch));
    sandbox.deps(["lock"]).succeeds();
    // It is a pattern.
    (sandbox, format!(":/{message}").replace(['(', ')'], "."))
}

#[test]
fn pages_are_read_as_they_are_meant_and_ask_nobody() {
    let place = Sandbox::new();
    let Some(browser) = Browser::installed(&place) else { return };
    // What the browser does with such names where they are markup: or else this test would see nothing.
    let picture = browser.picture();
    let Opened { elements: _, console, requests } =
        browser.open(&format!("<body><img src={picture} onerror=console.error(1)></body>"));
    assert_eq!((console.len(), requests), (1, vec![format!("GET {picture} HTTP/1.1")]), "{console:?}");

    let (sandbox, base) = hostile(&picture);
    let review = sandbox.deps(["diff", "--html", &base]).succeeds().stdout();
    let graph = sandbox.deps(["graph", "--format", "html"]).succeeds().stdout();
    for page in [&review, &graph] {
        assert!(page.contains("&lt;img"), "the names are in it: {page}");
        let Opened { elements, console, requests } = browser.open(page);
        assert_eq!((console, requests), (vec![], vec![]), "{page}");
        assert!(!elements.contains("<img") && !elements.contains("<script"), "{elements}");
    }
    // The port is in the message, so the commit is another one each time.
    let commit = sandbox.program("git", ["rev-parse", "--short=8", "HEAD"]).succeeds().stdout();
    let seen = sandbox.redacted(&browser.seen(&review).replace(commit.trim(), "[COMMIT]"));
    snapbox::assert_data_eq!(
        seen,
        str![[r#"
deps diff

:/</title></script><img src=http://127.0.0.1:[PORT]/x onerror=console.error.1.> ([COMMIT]) → the work tree

Versions (1)
~	repo <img src=x onerror=console.error(3)>	main 53e03498 → x</script><img/src=x/onerror=console.error(2)> fdc1d048
Stages that rebuild: 2 of 3 (2)
~	stage src-main-7	rev of <img src=x onerror=console.error(3)> changed main → x</script><img/src=x/onerror=console.error(2)> (53e03498 → fdc1d048)
~	stage final	follows src-main-7
"#]]
    );
    let seen = browser.seen(&graph);
    assert!(
        seen.starts_with("stages of robot on linux/amd64\n") && seen.contains("\tcheckouts: <img src=x onerror="),
        "{seen}"
    );
}
