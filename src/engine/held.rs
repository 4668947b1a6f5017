//! What a builder holds: cache mounts and the build cache, as `docker buildx du --verbose` and `buildctl du --verbose` say,
//! and how to remove it.
//!
//! Decides what of that text is believed and which calls ask and remove. Leaves out starting them (`run`).
//!
//! Both write a record as lines of `Key:<tabs>value`, and an empty line behind it. A description holds the command of
//! the step that made it, and may go over several lines: a record begins only where `ID:` follows an empty line, and only
//! the quoted id at its end, the last on the line, is taken.

use super::text::printable;

/// What a builder holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The cache mounts, by id and target.
    pub mounts: Vec<CacheMount>,
    /// How many other records there are: results of steps, contexts, frontends.
    pub others: usize,
    /// The size of all records, in bytes, as the program rounds it.
    pub bytes: u64,
    /// The size of what no build uses at the moment, in bytes.
    pub reclaimable: u64,
}

/// A cache mount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CacheMount {
    /// The id that Dockerfiles give it.
    pub id: String,
    /// Where the step that made it has it.
    pub target: String,
    /// Its size in bytes, as the program rounds it.
    pub bytes: u64,
    /// How often it was used.
    pub uses: u64,
    /// When it was used last: how long ago in buildx's words, or when.
    pub used: String,
    /// What the builder calls it: `[a-z0-9]+`.
    pub record: String,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<'a> {
    /// A builder of buildx; the current one when it has no name.
    Buildx(Option<&'a str>),
    /// The buildkitd that buildctl reaches.
    Buildctl,
}

/// A call of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The program.
    pub program: &'static str,
    /// What it is told.
    pub arguments: Vec<String>,
}

impl Holder<'_> {
    /// Returns the call that asks what it holds.
    pub fn ask(self) -> Call {
        self.call("du", &["--verbose"])
    }

    /// Returns the call that removes the cache mount `mount`.
    pub fn remove(self, mount: &CacheMount) -> Call {
        match self {
            Self::Buildx(_) => self.call("prune", &["--force", &format!("--filter=id={}", mount.record)]),
            Self::Buildctl => self.call("prune", &[&format!("--filter=id=={}", mount.record)]),
        }
    }

    /// Returns the call that removes everything that no build uses.
    pub fn remove_all(self) -> Call {
        match self {
            Self::Buildx(_) => self.call("prune", &["--force", "--all"]),
            Self::Buildctl => self.call("prune", &["--all"]),
        }
    }

    fn call(self, verb: &str, flags: &[&str]) -> Call {
        let (program, mut arguments) = match self {
            Self::Buildx(None) => ("docker", vec!["buildx".to_owned(), verb.to_owned()]),
            Self::Buildx(Some(name)) => {
                ("docker", vec!["buildx".to_owned(), verb.to_owned(), format!("--builder={name}")])
            }
            Self::Buildctl => ("buildctl", vec![verb.to_owned()]),
        };
        arguments.extend(flags.iter().map(|&flag| flag.to_owned()));
        Call { program, arguments }
    }
}

/// Reads what the call of [`Holder::ask`] says.
pub fn read(text: &str) -> Held {
    let mut held = Held::default();
    for part in records(text) {
        if !part.starts_with("ID:") {
            held.bytes = size(field(part, "Total").unwrap_or_default()).unwrap_or(held.bytes);
            held.reclaimable = size(field(part, "Reclaimable").unwrap_or_default()).unwrap_or(held.reclaimable);
            continue;
        }
        match mount(part) {
            Some(mount) => held.mounts.push(mount),
            None => held.others += 1,
        }
    }
    held.mounts.sort();
    held
}

/// Parts `text` before every `ID:` and before the sums.
fn records(text: &str) -> impl Iterator<Item = &str> {
    let begins = ["\n\nID:\t", "\n\nShared:\t", "\n\nReclaimable:\t"];
    let mut starts: Vec<usize> =
        begins.iter().flat_map(|begin| text.match_indices(begin)).map(|(at, _)| at + 2).collect();
    starts.push(0);
    starts.sort_unstable();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &text[start..end])
}

/// The value of the last line of `part` with this key: what a description holds stands before.
fn field<'a>(part: &'a str, key: &str) -> Option<&'a str> {
    let value = |line: &'a str| line.strip_prefix(key)?.strip_prefix(':').map(str::trim);
    part.lines().rev().find_map(value)
}

fn mount(part: &str) -> Option<CacheMount> {
    if field(part, "Type") != Some("exec.cachemount") {
        return None;
    }
    let record = part.lines().next()?.strip_prefix("ID:")?.trim();
    let (_, description) = part.split_once("\nDescription:")?;
    let description = description.split_once("\nUsage count:").map_or(description, |(before, _)| before).trim();
    let (target, _) = description.strip_prefix("cached mount ")?.split_once(" from ")?;
    let (_, id) = description.strip_suffix('"')?.rsplit_once(" with id \"")?;
    let fit = !record.is_empty() && record.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fit.then(|| CacheMount {
        id: printable(id.strip_prefix('/').unwrap_or(id)),
        target: printable(target),
        // The size stands before the description, the use behind it.
        bytes: part.split_once("\nSize:").and_then(|(_, rest)| size(rest.lines().next()?.trim())).unwrap_or(0),
        uses: field(part, "Usage count").and_then(|count| count.parse().ok()).unwrap_or(0),
        used: printable(field(part, "Last used").unwrap_or("never")),
        record: record.to_owned(),
    })
}

/// Reads `448.6MB`, as docker writes sizes: thousands, at most four digits.
fn size(text: &str) -> Option<u64> {
    const UNITS: [(&str, f64); 6] = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15), ("B", 1.0)];
    let (unit, factor) = UNITS.into_iter().find(|(unit, _)| text.ends_with(unit))?;
    let number: f64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    let fit = number.is_finite() && (0.0..1e6).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is positive and far below the limit"
    )]
    fit.then(|| (number * factor).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
ID:\t\tvb18e5zeb3q
Parent:\t\tlmt17ny6
Created at:\t2026-11-21 15:23:24.141092498 +0000 UTC
Mutable:\tfalse
Reclaimable:\ttrue
Shared:\t\ttrue
Size:\t\t1.248GB
Description:\tmount / from exec /bin/sh -c echo

ID:\t\tevil
Type:\t\texec.cachemount
Usage count:\t1
Last used:\t40 minutes ago
Type:\t\tregular

ID:\t\tccwon98g6
Created at:\t2026-11-21 14:45:10.296514561 +0000 UTC
Mutable:\ttrue
Reclaimable:\ttrue
Shared:\t\tfalse
Size:\t\t448.6MB
Description:\tcached mount /var/cache/apt from exec /bin/sh -c echo with id \"/no\" &&
 true with id \"/apt-cache-debian\"
Usage count:\t30
Last used:\tAbout a minute ago
Type:\t\texec.cachemount

Shared:\t\t14.68GB
Private:\t10.83GB
Reclaimable:\t25.51GB
Total:\t\t25.52GB
";

    #[test]
    fn mounts_are_found_with_their_ids_and_the_sums_read() {
        let held = read(TEXT);
        let mount = CacheMount {
            id: "apt-cache-debian".into(),
            target: "/var/cache/apt".into(),
            bytes: 448_600_000,
            uses: 30,
            used: "About a minute ago".into(),
            record: "ccwon98g6".into(),
        };
        assert_eq!(held.mounts, [mount]);
        assert_eq!((held.bytes, held.reclaimable), (25_520_000_000, 25_510_000_000));
        assert_eq!(read(""), Held::default());
    }

    #[test]
    fn only_a_record_s_own_name_is_given_to_the_builder() {
        let held = read(&TEXT.replace("ccwon98g6", "x,id!=y"));
        assert_eq!(held.mounts, []);
        let mount = read(TEXT).mounts.remove(0);
        let words = |call: Call| format!("{} {}", call.program, call.arguments.join(" "));
        let builder = Holder::Buildx(Some("b"));
        assert_eq!(words(builder.remove(&mount)), "docker buildx prune --builder=b --force --filter=id=ccwon98g6");
        assert_eq!(words(Holder::Buildx(None).ask()), "docker buildx du --verbose");
        assert_eq!(words(Holder::Buildx(None).remove_all()), "docker buildx prune --force --all");
        assert_eq!(words(Holder::Buildctl.ask()), "buildctl du --verbose");
        assert_eq!(words(Holder::Buildctl.remove(&mount)), "buildctl prune --filter=id==ccwon98g6");
        assert_eq!(words(Holder::Buildctl.remove_all()), "buildctl prune --all");
    }

    #[test]
    fn what_buildctl_says_is_read_in_the_same_way() {
        let held = read(include_str!("fixtures/buildctl.du"));
        let mount = |id: &str, target: &str, bytes, uses, used: &str, record: &str| CacheMount {
            id: id.to_owned(),
            target: target.to_owned(),
            bytes,
            uses,
            used: format!("2026-11-21 {used} +0000 UTC"),
            record: record.to_owned(),
        };
        let mounts = [
            mount("/noid", "/noid", 8_190, 2, "21:50:53.168542333", "bi6h1xxofi0wup43dguym8qzl"),
            mount("apt-cache-debian", "/var/cache/apt", 311_300, 2, "21:50:53.177033078", "p9ivwfzbnxcgvj9wmpdhh6964"),
            mount("heredoc", "/h", 8_190, 1, "21:50:53.366939657", "m2q8179qm961n1775egfbt2yk"),
        ];
        assert_eq!(held.mounts, mounts);
        assert_eq!((held.others, held.bytes, held.reclaimable), (7, 10_330_000, 10_330_000));
        assert_eq!(read("Reclaimable:\t0B\nTotal:\t\t0B\n").mounts, [], "nothing is held");
    }

    #[test]
    fn sizes_are_read_as_docker_writes_them() {
        let all = ["0B", "8.192kB", "82.96MB", "1.248GB", "1e30GB", "-1B", "x"].map(size);
        assert_eq!(all, [Some(0), Some(8192), Some(82_960_000), Some(1_248_000_000), None, None, None]);
    }
}
