//! What a review says of two locks, and that no word of others leaves its place.

use super::*;
use crate::resolve::{CommitLine, FailureKind, FindingKind, Held, Transport};
use crate::source::Source;

fn lock(blocks: &str) -> Lock {
    Lock::parse(&format!("schema = 1\n{blocks}")).expect("the test's lock is one")
}

fn repo(name: &str, reference: &str, rev: char, url: &str) -> String {
    let reference = if reference.is_empty() { String::new() } else { format!("ref = {reference:?}\n") };
    format!("[repo.{name:?}]\n{reference}rev = \"{}\"\nurl = {url:?}\n", rev.to_string().repeat(40))
}

fn image(reference: &str, digest: char) -> String {
    format!("[image.base]\nref = {reference:?}\ndigest = \"sha256:{}\"\n", digest.to_string().repeat(64))
}

fn side<'a>(name: &str, lock: &'a Lock) -> Side<'a> {
    let (commit, texts, records, extensions) = Default::default();
    Side { name: name.to_owned(), commit, lock, texts, records, extensions }
}

fn between<'a>(before: &'a Lock, after: &'a Lock) -> Review<'a> {
    let (histories, findings, took, notes) = Default::default();
    Review { base: side("old", before), head: side("new", after), histories, findings, took, notes }
}

fn of(before: &str, after: &str) -> DiffReport {
    review(&between(&lock(before), &lock(after)))
}

/// Section, change, of every row.
fn rows(report: &DiffReport) -> Vec<(Section, ChangeKind)> {
    let row =
        |section: &SectionReport| section.changes.iter().map(|row| (section.section, row.change)).collect::<Vec<_>>();
    report.sections.iter().flat_map(row).collect()
}

const NAV2: &str = "https://github.com/acme/nav2.git";

#[test]
fn a_hostile_fork_is_the_first_line_even_at_the_same_commit() {
    let before = format!("{}{}", repo("a", "1.0.0", 'a', NAV2), repo("b", "1.0.0", 'b', NAV2));
    let fork = "https://github.com/acme-fork/nav2.git";
    let after = format!("{}{}", repo("a", "2.0.0", 'c', NAV2), repo("b", "1.0.0", 'b', fork));
    let report = of(&before, &after);
    assert_eq!(
        rows(&report),
        [(Section::SourceIdentity, ChangeKind::OtherOwner), (Section::Versions, ChangeKind::Major)]
    );
    let text = diff_text(&report);
    assert_eq!(text.lines().nth(3), Some("  ! repo b  owner acme → acme-fork"), "{text}");
    assert!(text.contains("nothing rebuilds"), "{text}");
}

#[test]
fn the_riskiest_change_of_source_comes_first() {
    let before = ["a", "b", "c", "d"].map(|name| repo(name, "1.0.0", 'a', NAV2)).concat();
    let after = [
        repo("a", "1.0.0", 'a', "http://github.com/acme/nav2.git"),
        repo("b", "main", 'b', NAV2),
        repo("c", "1.0.0", 'a', "https://evil.example/acme/nav2.git"),
        repo("d", "1.0.0", 'a', "https://github.com/acme/nav2"),
        repo("e", "1.0.0", 'e', "https://other.example/x/e.git"),
    ];
    use ChangeKind::{Added, NewHost, OtherHost, OtherScheme, OtherVersion, Unpinned, Url};
    use Section::{Cosmetic, SourceIdentity, Versions};
    let report = of(&before, &after.concat());
    assert_eq!(
        rows(&report),
        [
            (SourceIdentity, OtherHost),
            (SourceIdentity, NewHost),
            (SourceIdentity, Unpinned),
            (SourceIdentity, OtherScheme),
            (Versions, OtherVersion),
            (Versions, Added),
            (Cosmetic, Url)
        ]
    );
}

#[test]
fn what_is_not_what_its_name_says_is_an_alarm_without_any_network() {
    let archive = |digest: char| {
        format!(
            "[repo.z]\ntype = \"zip\"\ndigest = \"sha256:{}\"\nurl = \"https://x.org/z.zip\"\n",
            digest.to_string().repeat(64)
        )
    };
    let before =
        [repo("a", "1.2.0", 'a', NAV2), repo("b", "1.2.0", 'b', NAV2), repo("m", "main", 'a', NAV2), archive('a')];
    let after =
        [repo("a", "1.2.0", 'f', NAV2), repo("b", "1.1.9", 'c', NAV2), repo("m", "main", 'b', NAV2), archive('b')];
    let report = of(&before.concat(), &after.concat());
    let alarms: Vec<_> = report.sections[0].changes.iter().map(|row| (row.name.as_str(), row.change)).collect();
    assert_eq!(report.sections[0].section, Section::Integrity);
    assert_eq!(alarms, [("a", ChangeKind::TagMoved), ("z", ChangeKind::OtherContent), ("b", ChangeKind::Rollback)]);
    let moves: Vec<_> = report.sections[1].changes.iter().map(|row| row.change).collect();
    assert_eq!(moves, [ChangeKind::OtherVersion, ChangeKind::Minor, ChangeKind::Commits, ChangeKind::Digest]);
}

#[test]
fn history_says_how_far_a_branch_went_and_whether_it_lost_commits() {
    let (before, after) = (lock(&repo("a", "main", 'a', NAV2)), lock(&repo("a", "main", 'b', NAV2)));
    let key = before.iter().next().expect("it has an entry").0.clone();
    let commit = CommitLine { id: "b".repeat(40), subject: "Fix it".to_owned(), ..CommitLine::default() };
    for (ahead, behind, alarm) in
        [(38, 0, None), (38, 2, Some(ChangeKind::Rewritten)), (0, 2, Some(ChangeKind::Rollback))]
    {
        let history = Divergence { ahead, behind, added: vec![commit.clone()], dropped: Vec::new() };
        let mut between = between(&before, &after);
        between.histories.insert(key.clone(), history);
        let report = review(&between);
        let found =
            rows(&report).into_iter().find(|(section, _)| *section == Section::Integrity).map(|(_, change)| change);
        assert_eq!(found, alarm);
        if behind == 2 && ahead == 38 {
            let text = diff_text(&report);
            assert!(text.contains("  ~ repo a  main aaaaaaaa → bbbbbbbb  +38 −2 commits\n"), "{text}");
            assert!(text.contains("      + bbbbbbbb Fix it\n      + … and 37 more\n"), "{text}");
        }
    }
}

#[test]
fn what_servers_say_is_an_alarm_each_and_their_silence_is_none() {
    let lock = lock(&repo("a", "main", 'a', NAV2));
    let key = lock.iter().next().expect("it has an entry").0.clone();
    let (rev, tip, url) = ("a".repeat(40), "b".repeat(40), "https://x.org/f".to_owned());
    let (tag, name, refs) = ("1.0".to_owned(), "main".to_owned(), vec!["refs/heads/old".to_owned()]);
    let requests = vec!["refs/pull/7/head".to_owned(); 5];
    let failure = crate::resolve::Failure {
        kind: FailureKind::Timeout,
        subject: url.clone(),
        message: "no answer".to_owned(),
        retried: 0,
        transport: Transport::Git2,
    };
    let kinds = [
        FindingKind::Remote(failure),
        FindingKind::TagMoved { tag, from: rev.clone(), to: tip.clone(), held: Held::Refs(refs) },
        FindingKind::Rewritten { what: "branch", name: name.clone(), rev: rev.clone(), tip, held: Held::Nobody },
        FindingKind::Vanished { what: "branch", name, rev: rev.clone(), held: Held::Requests(requests.clone()) },
        FindingKind::Endangered { rev: rev.clone(), by: requests },
        FindingKind::Unheld { rev: rev.clone() },
        FindingKind::Gone { rev: rev.clone() },
        FindingKind::ImageGone { reference: "debian@sha256:00".to_owned(), is_wished: false },
        FindingKind::FileGone { url: url.clone(), message: "HTTP 404".to_owned() },
        FindingKind::FileChanged { url, found: 2, locked: 1 },
        FindingKind::RevisionGone { rev },
    ];
    let mut between = between(&lock, &lock);
    let place = Source::new("x.repos", "").at(0..0);
    between.findings = kinds.map(|kind| Finding { key: key.clone(), place: place.clone(), kind }).into();
    let text = diff_text(&review(&between));
    snapbox::assert_data_eq!(
        text,
        snapbox::str![[r#"
old → new

Integrity
  ! repo a  the server has tag 1.0 at bbbbbbbb, the lock has aaaaaaaa
      the locked commit is kept by old
  ! repo a  https://x.org/f has 2 bytes, the locked file has 1
  ! repo a  the server does not have aaaaaaaa
  ! repo a  the registry does not have debian@sha256:00
  ! repo a  https://x.org/f is gone: HTTP 404
  ! repo a  the repository does not have aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  ! repo a  the server has no branch main, which led to aaaaaaaa
      the locked commit is endangered: nothing but refs/pull/7/head, refs/pull/7/head, refs/pull/7/head and 2 more leads to it
  ! repo a  the server has branch main at bbbbbbbb, which does not lead to aaaaaaaa
      the locked commit is endangered: no ref leads to it any more
  ! repo a  nothing but refs/pull/7/head, refs/pull/7/head, refs/pull/7/head and 2 more leads to aaaaaaaa
  ! repo a  no ref leads to aaaaaaaa: the server may drop it any day

"#]]
    );
}

#[test]
fn images_differ_in_digest_tag_or_registry() {
    let of = |after: &str, digest| rows(&of(&image("ubuntu:24.04", 'a'), &image(after, digest)));
    assert_eq!(of("ubuntu:24.04", 'b'), [(Section::Images, ChangeKind::Digest)]);
    assert_eq!(of("ubuntu:26.04", 'b'), [(Section::Images, ChangeKind::Tag)]);
    assert_eq!(of("docker.io/library/ubuntu:24.04", 'a'), [(Section::Cosmetic, ChangeKind::Wish)]);
    let moved = of("evil.example/library/ubuntu:24.04", 'b');
    assert_eq!(moved, [(Section::SourceIdentity, ChangeKind::OtherHost), (Section::Images, ChangeKind::Tag)]);
}

#[test]
fn nothing_is_a_review_too() {
    let one = repo("a", "main", 'a', NAV2);
    let report = of(&one, &format!("# a comment\n{one}"));
    assert!(report.is_empty());
    assert_eq!(diff_text(&report), "old → new\nnothing changed\n");
    assert_eq!(diff_markdown(&report), format!("{MARKER}\n### `deps diff`: `old` → `new`\n\nNothing changed.\n"));
}

/// Words that would mean something to a terminal, to Markdown or to a browser.
const HOSTILE: &str = "x`</code></details><script>alert(1)</script>![i](http://evil.example/i.png)@user #123 <img src=x onerror=alert(1)> \u{1b}[31m\u{202e}\n\n# h | \"'&amp;";

#[test]
fn no_word_of_others_leaves_its_place() {
    let (before, after) = (lock(&repo("a", "main", 'a', NAV2)), lock(&repo("a", "main", 'b', NAV2)));
    let key = before.iter().next().expect("it has an entry").0.clone();
    let mut between = between(&before, &after);
    between.base.name = HOSTILE.to_owned();
    let commit = CommitLine { id: "b".repeat(40), subject: HOSTILE.to_owned(), ..CommitLine::default() };
    let divergence = Divergence { ahead: 1, behind: 1, added: vec![commit.clone()], dropped: vec![commit] };
    between.histories.insert(key.clone(), divergence);
    let kind = FindingKind::FileGone { url: HOSTILE.to_owned(), message: "HTTP 404".to_owned() };
    between.findings.push(Finding { key, place: Source::new("x.repos", "").at(0..0), kind });
    between.notes.push(HOSTILE.to_owned());
    let report = review(&between);
    let (text, markdown, page) = (diff_text(&report), diff_markdown(&report), diff_page(&report));
    let json = crate::report::json(&report);
    for output in [&text, &markdown, &page] {
        assert!(!output.contains(['\u{1b}', '\u{202e}']), "{output}");
    }
    assert!(!json.contains("\u{202e}"), "{json}");
    assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    assert_eq!(page.matches("x`&lt;/code&gt;").count(), 6, "{page}");
    // Every place of the words is a code span of two backticks, and they hold no run of two.
    assert_eq!(markdown.matches("``x`</code></details><script>").count(), 5, "{markdown}");
    assert_eq!(markdown.matches("x`</code>").count(), 5, "{markdown}");
    assert!(!markdown.contains("\n# h") && !text.contains("\n# h"), "{markdown}");
}

#[test]
fn a_long_section_is_folded_and_a_comment_has_an_end() {
    let some = |number: usize, rev: char| -> String {
        (0..number).map(|n| repo(&format!("r{n:05}"), &format!("1.{}.0", u32::from(rev)), rev, NAV2)).collect()
    };
    let report = of(&some(11, 'a'), &some(11, 'b'));
    let markdown = diff_markdown(&report);
    assert!(markdown.contains("<details><summary><b>Versions</b> (11)</summary>\n\n- repo `r00000`"), "{markdown}");
    assert!(!diff_markdown(&of(&some(10, 'a'), &some(10, 'b'))).contains("<details>"));
    let long = diff_markdown(&of(&some(2000, 'a'), &some(2000, 'b')));
    assert!(long.chars().count() < 65_536 && long.contains(" more: `deps diff` tells them\n\n</details>"));
}
