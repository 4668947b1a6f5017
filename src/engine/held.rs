//! What a builder holds: cache mounts and the build cache, as `docker buildx du --verbose` says, and how to remove it.
//!
//! Decides what of that text is believed and which calls ask and remove. Leaves out starting them (`run`).
//!
//! buildx writes a record as lines of `Key:<tabs>value`, and an empty line behind it. A description holds the command of
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
    /// The size of all records, in bytes, as buildx rounds it.
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
    /// Its size in bytes, as buildx rounds it.
    pub bytes: u64,
    /// How often it was used.
    pub uses: u64,
    /// When it was used last, in buildx's words.
    pub used: String,
    /// What the builder calls it: `[a-z0-9]+`.
    pub record: String,
}

/// Returns the arguments of `docker` that ask what `builder` holds.
pub fn ask(builder: Option<&str>) -> Vec<String> {
    call("du", builder, &["--verbose"])
}

/// Returns the arguments of `docker` that remove the cache mount `mount`.
pub fn remove(builder: Option<&str>, mount: &CacheMount) -> Vec<String> {
    call("prune", builder, &["--force", &format!("--filter=id={}", mount.record)])
}

/// Returns the arguments of `docker` that remove everything that no build uses.
pub fn remove_all(builder: Option<&str>) -> Vec<String> {
    call("prune", builder, &["--force", "--all"])
}

fn call(verb: &str, builder: Option<&str>, flags: &[&str]) -> Vec<String> {
    let builder = builder.map(|name| format!("--builder={name}"));
    let words = ["buildx", verb].into_iter().chain(builder.as_deref()).chain(flags.iter().copied());
    words.map(str::to_owned).collect()
}

/// Reads what `docker buildx du --verbose` says.
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
        assert_eq!(remove(Some("b"), &mount), ["buildx", "prune", "--builder=b", "--force", "--filter=id=ccwon98g6"]);
        assert_eq!(ask(None), ["buildx", "du", "--verbose"]);
        assert_eq!(remove_all(None), ["buildx", "prune", "--force", "--all"]);
    }

    #[test]
    fn sizes_are_read_as_docker_writes_them() {
        let all = ["0B", "8.192kB", "82.96MB", "1.248GB", "1e30GB", "-1B", "x"].map(size);
        assert_eq!(all, [Some(0), Some(8192), Some(82_960_000), Some(1_248_000_000), None, None, None]);
    }
}
