//! What became of a merge of locks that had stopped, one line an entry.

use deps_lock::Key;

use super::lock::entry_version;
use crate::resolve::{Choice, Settled, Side, Stopped};

/// Returns a line for each entry that the sides have differently, in the order of the lock; `names` are what the sides are
/// called, ours first.
pub fn settled_lines(stopped: &Stopped, settled: &Settled, names: [&str; 2]) -> Vec<String> {
    let line = |(key, choice): &(Key, Choice)| format!("{key}: {}", words(stopped, key, *choice, names));
    settled.choices.iter().map(line).collect()
}

fn words(stopped: &Stopped, key: &Key, choice: Choice, [ours, theirs]: [&str; 2]) -> String {
    let name = |side| if side == Side::Ours { ours } else { theirs };
    let entry = |side| if side == Side::Ours { &stopped.ours } else { &stopped.theirs }.get(key);
    let version = |side| entry(side).map_or_else(|| "nothing".to_owned(), entry_version);
    let both = || format!("`{ours}` has {}, `{theirs}` has {}", version(Side::Ours), version(Side::Theirs));
    match choice {
        Choice::Alone(side) if stopped.base.is_none() => format!("{}, only in `{}`", version(side), name(side)),
        Choice::Alone(side) => format!("{}, changed by `{}` only", version(side), name(side)),
        Choice::Removed(side) => format!("removed by `{}`", name(side)),
        Choice::Both => "what each side changed of it".to_owned(),
        Choice::Fits(side) if entry(side).is_none() => format!("removed by `{}`, and nothing asks for it", name(side)),
        Choice::Fits(side) => format!("{} of `{}`, which is what is asked for", version(side), name(side)),
        Choice::Higher(side) => format!("{}: both fit, and the higher, of `{}`, stays", both(), name(side)),
        Choice::Undecided => format!("{}: both fit, and neither is newer for certain, so it is asked anew", both()),
        Choice::Neither => format!("{}: neither is what is asked for", both()),
    }
}
