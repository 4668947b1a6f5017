//! What the store holds, as text and as JSON (`schema/cache.json`).

use schemars::JsonSchema;
use serde::Serialize;

/// What `deps cache ls --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "deps cache ls --json")]
pub struct CacheReport {
    /// The version of this format.
    pub schema: u32,
    /// The store's folder on this machine.
    pub store: String,
    /// Everything in it, sorted by kind and name.
    pub things: Vec<ThingReport>,
}

/// Something in the store.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ThingReport {
    /// `git` (a bare repository), `hg` (a Mercurial one), `trees` (an exported folder), `files` (a download) or `tmp` (a leftover).
    pub kind: String,
    /// The name below the folder of its kind.
    pub name: String,
    /// How many bytes its files have.
    pub bytes: u64,
    /// The commits that are pinned in a repository, sorted.
    pub pins: Vec<String>,
    /// Whether the lock of a project on this machine needs it, or one of its commits.
    pub needed: bool,
}

impl CacheReport {
    /// Returns one line a thing.
    pub fn list(&self) -> String {
        let width = self.things.iter().map(|thing| bytes(thing.bytes).chars().count()).max().unwrap_or(0);
        let line = |thing: &ThingReport| {
            let mark = if thing.needed { "*" } else { " " };
            let pins: Vec<&str> = thing.pins.iter().map(|pin| &pin[..pin.len().min(8)]).collect();
            let pins = if pins.is_empty() { String::new() } else { format!("  {}", pins.join(" ")) };
            format!("{mark} {:>width$}  {}/{}{pins}\n", bytes(thing.bytes), thing.kind, thing.name)
        };
        self.things.iter().map(line).collect()
    }

    /// Returns a line for each kind and one for all.
    pub fn sums(&self) -> String {
        let kinds = ["git", "hg", "trees", "files", "tmp"];
        let line = |label: &str, things: &[&ThingReport]| {
            let sum = |things: &mut dyn Iterator<Item = &&ThingReport>| things.map(|thing| thing.bytes).sum::<u64>();
            let (all, unneeded) = (sum(&mut things.iter()), sum(&mut things.iter().filter(|thing| !thing.needed)));
            format!(
                "{label:6} {:>10}  in {:>5}, {:>10} needed by no project\n",
                bytes(all),
                things.len(),
                bytes(unneeded)
            )
        };
        let of = |kind: &str| self.things.iter().filter(|thing| thing.kind == kind).collect::<Vec<_>>();
        let lines: String = kinds.iter().map(|kind| line(kind, &of(kind))).collect();
        lines + &line("all", &self.things.iter().collect::<Vec<_>>())
    }
}

/// Returns a number of bytes for people: three digits and a unit of 1,000.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 99.95 { 0 } else { 1 };
    format!("{value:.digits$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_three_digits_and_a_unit() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (99_949, "99.9 kB"),
            (123_456, "123 kB"),
            (999_500, "1.0 MB"),
            (5_000_000_000, "5.0 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }
}
