//! Reviews of the real history of a large manifest: nobody stumbles, the words stay, and classes of versions are right.
//!
//! The manifests are no part of this repository; where they are absent the tests say so.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "reads the corpus, and says how long it took")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use deps::manifest;
use deps::report::{ChangeKind, DiffReport, Review, Section, Side, diff_markdown, diff_page, diff_text, review};
use deps::source::Source;
use deps_lock::{Lock, Name};
use semver::Version;
use snapbox::str;

use crate::support::engine::say_skipped;
use crate::support::invented::repository;

/// The locks of all states, the oldest first; none where the corpus is absent.
fn locks() -> Option<Vec<Lock>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/history/autoware");
    if !folder.is_dir() {
        say_skipped("../shared/corpus", "the folder is absent");
        return None;
    }
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "repos"));
    paths.sort();
    Some(paths.iter().map(|path| lock(&std::fs::read_to_string(path).unwrap())).collect())
}

/// The lock of a manifest; the commits are made up of url and version.
fn lock(text: &str) -> Lock {
    let mut lock = Lock::new();
    for one in manifest::parse(&Source::new("autoware.repos", text)).unwrap().repositories {
        let (url, version) = (one.url.value, one.version.map(|version| version.value).unwrap_or_default());
        lock.insert(Name::new(one.path.value.as_str()).unwrap(), repository(&url, &version));
    }
    lock
}

fn side<'a>(name: String, lock: &'a Lock) -> Side<'a> {
    let (commit, texts, records, extensions) = Default::default();
    Side { name, commit, lock, texts, records, extensions }
}

fn between(number: usize, pair: &[Lock]) -> DiffReport {
    let (histories, findings, took, notes) = Default::default();
    let name = |number: usize| format!("{number:03}");
    let (base, head) = (side(name(number), &pair[0]), side(name(number + 1), &pair[1]));
    review(&Review { base, head, histories, findings, took, notes })
}

/// A line a review: how many rows of what.
fn counted(report: &DiffReport) -> String {
    let mut line = format!("{} {}", report.base.name, report.head.name);
    for section in &report.sections {
        let mut kinds: Vec<ChangeKind> = section.changes.iter().map(|row| row.change).collect();
        kinds.sort();
        write!(line, " {}", section.section.title().split(' ').next().unwrap()).unwrap();
        for group in kinds.chunk_by(|a, b| a == b) {
            let name = serde_json::to_value(group[0]).unwrap();
            write!(line, " {}*{}", group.len(), name.as_str().unwrap()).unwrap();
        }
    }
    line + "\n"
}

#[test]
fn every_step_of_a_long_history_is_reviewed_with_the_same_words() {
    let Some(locks) = locks() else { return };
    let (mut lines, mut all, mut slowest) = (String::new(), String::new(), Duration::ZERO);
    for (number, pair) in locks.windows(2).enumerate() {
        let start = Instant::now();
        let report = between(number + 1, pair);
        let formats = [diff_text(&report), diff_markdown(&report), diff_page(&report)];
        slowest = slowest.max(start.elapsed());
        lines.push_str(&counted(&report));
        formats.iter().for_each(|text| all.push_str(text));
    }
    println!("{} reviews, the slowest took {slowest:?} in three formats", locks.len() - 1);
    assert!(locks.len() > 200, "the history is complete");
    writeln!(lines, "{}", &blake3::hash(all.as_bytes()).to_hex()[..16]).unwrap();
    let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diff/autoware.txt");
    snapbox::assert_data_eq!(lines, snapbox::Data::read_from(&expected, None).raw());
}

#[test]
fn three_reviews_in_full() {
    let Some(locks) = locks() else { return };
    let text = |number: usize| diff_text(&between(number, &locks[number - 1..=number]));
    snapbox::assert_data_eq!(
        text(1),
        str![[r#"
001 → 002

Versions
  + repo simulator/scenario_simulator  master e9428c97
      from https://github.com/tier4/scenario_simulator_v2.git
  + repo simulator/tmp/api_adaptor     tier4/universe a10343b1
      from https://github.com/tier4/AutowareArchitectureProposal_api_adaptor.git
  + repo simulator/tmp/tier4_autoware_msgs  main c5de1e7c
      from https://github.com/tier4/AutowareArchitectureProposal_msgs.git
  + repo simulator/vendor/quaternion_operation  f08cd28b357f9feede55f1fb485cb21964f5d594 8c42dbff
      from https://github.com/OUXT-Polaris/quaternion_operation.git

"#]]
    );
    snapbox::assert_data_eq!(
        text(100),
        str![[r#"
100 → 101

Versions
  ~ repo core/autoware_lanelet2_extension  0.6.3 → 0.6.4  patch
      https://github.com/autowarefoundation/autoware_lanelet2_extension/compare/de8667f886bd...2d4e3d6985ca

"#]]
    );
    snapbox::assert_data_eq!(
        diff_markdown(&between(205, &locks[204..=205])),
        str![[r#"
<!-- deps diff -->
### `deps diff`: `205` → `206`

#### Versions

- repo `core/autoware_system_designer`: `v0.4.1` → `v0.4.2` **patch** ([compare](https://github.com/autowarefoundation/autoware_system_designer/compare/8a37b7674816...9d515ba5fd49))

"#]]
    );
}

/// The class of a move, by a reader of versions that is not ours.
fn class(before: &str, after: &str) -> Option<ChangeKind> {
    let read = |text: &str| Version::parse(text.trim_start_matches('v')).ok();
    let (before, after) = (read(before)?, read(after)?);
    Some(match () {
        () if before.major != after.major => ChangeKind::Major,
        () if before.minor != after.minor => ChangeKind::Minor,
        () if before.patch != after.patch => ChangeKind::Patch,
        () => ChangeKind::PreRelease,
    })
}

#[test]
fn classes_of_tags_agree_with_another_reader_of_versions() {
    let Some(locks) = locks() else { return };
    let (mut checked, mut back) = (0, 0);
    for (number, pair) in locks.windows(2).enumerate() {
        let report = between(number + 1, pair);
        let rows = |wanted: Section| {
            let sections = report.sections.iter().filter(move |section| section.section == wanted);
            sections.flat_map(|section| &section.changes)
        };
        for row in rows(Section::Versions) {
            let (Some(before), Some(after)) = (&row.before, &row.after) else { continue };
            let Some(class) = class(before, after) else { continue };
            checked += 1;
            assert_eq!(row.change, class, "{} {before} → {after}", row.name);
            let read = |text: &str| Version::parse(text.trim_start_matches('v')).ok();
            let older = read(before) > read(after);
            let alarm =
                rows(Section::Integrity).any(|alarm| alarm.name == row.name && alarm.change == ChangeKind::Rollback);
            assert_eq!(older, alarm, "{} {before} → {after}", row.name);
            back += usize::from(older);
        }
    }
    println!("{checked} moves of versions, {back} of them back");
    assert!(checked > 100, "{checked} is fewer than there are");
}
