//! What changed in a lock, one line an entry.

use deps_lock::{Entry, Fetch, Key, Lock, Pin, Revision};

use crate::resolve::Resolution;

/// Returns a line for each entry that was added, changed or removed, in the order of the lock.
pub fn lock_changes(before: &Lock, resolution: &Resolution) -> Vec<String> {
    keyed_changes(before, resolution).into_iter().map(|(_, line)| line).collect()
}

/// Returns these lines with their entries.
pub(super) fn keyed_changes<'a>(before: &Lock, resolution: &'a Resolution) -> Vec<(&'a Key, String)> {
    let Resolution { lock, added, changed, removed, moved_tags: _, replaced: _ } = resolution;
    let mut lines: Vec<(&Key, String)> = Vec::new();
    for key in added {
        lines.push((key, format!("+ {key} {}", version(lock, key))));
    }
    for key in changed {
        let (old, new) = (version(before, key), version(lock, key));
        let same = if old == new { same_version(before.get(key), lock.get(key)) } else { "" };
        lines.push((key, format!("~ {key} {old} → {new}{same}")));
    }
    for key in removed {
        lines.push((key, format!("- {key} {}", version(before, key))));
    }
    lines.sort();
    lines
}

/// Returns what differs in two entries of the same version.
fn same_version(old: Option<&Entry>, new: Option<&Entry>) -> &'static str {
    match (old, new) {
        (Some(Entry::Ext(old)), Some(Entry::Ext(new))) if old.digest != new.digest => " (other files)",
        _ => " (only its url or spelling)",
    }
}

fn version(lock: &Lock, key: &Key) -> String {
    lock.get(key).map(entry_version).unwrap_or_default()
}

/// Returns what an entry is pinned to in a few words: the version and the beginning of the pin.
pub fn entry_version(entry: &Entry) -> String {
    match entry {
        Entry::Ext(extension) => {
            let rev = extension.origin.as_ref().map(|origin| format!(" {}", short(&origin.rev)));
            let file = extension.detected.as_ref().map(|file| format!(", `{file}` shows it"));
            format!("{}{}{}", extension.version, rev.unwrap_or_default(), file.unwrap_or_default())
        }
        Entry::Fetch(fetch) => fetch_version(fetch),
        Entry::Image(image) => format!("{} {}", image.reference, short(&image.digest)),
        Entry::Repo(git) | Entry::Input(git) => match &git.reference {
            Some(reference) if git.rev.starts_with(&**reference) => short(&git.rev),
            Some(reference) => format!("{reference} {}", short(&git.rev)),
            None => format!("HEAD {}", short(&git.rev)),
        },
        Entry::Archive(archive) => short(&archive.digest),
        Entry::Revision(revision) => revision_version(revision),
    }
}

fn fetch_version(fetch: &Fetch) -> String {
    let sums = fetch.platforms.values().map(|sum| short(sum));
    fetch.reference.iter().map(ToString::to_string).chain(sums).collect::<Vec<_>>().join(" ")
}

fn revision_version(revision: &Revision) -> String {
    let rev = match &revision.pin {
        Pin::Hg(node) => short(node),
        Pin::Svn(number) => format!("r{number}"),
    };
    match &revision.reference {
        Some(reference) if revision.pin.rev().starts_with(&**reference) => rev,
        Some(reference) => format!("{reference} {rev}"),
        None => rev,
    }
}

fn short(id: &str) -> String {
    let (scheme, digits) = id.split_once(':').map_or(("", id), |(scheme, digits)| (scheme, digits));
    let short: String = digits.chars().take(8).collect();
    if scheme.is_empty() { short } else { format!("{scheme}:{short}") }
}
