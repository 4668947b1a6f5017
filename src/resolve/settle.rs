//! A lock in which a merge stopped: which side of each entry stays, by what is asked for. Pure.
//!
//! Decides it for entries that both sides changed: the side that fits what the project asks for now. Where both fit, the
//! higher version of a requirement stays; of anything else nobody can say which is newer, so it is asked anew, as it is
//! where neither fits. Leaves out how the sides are read from the file (crate `deps-lock`).

use std::collections::BTreeSet;

use deps_lock::{Conflict, Entry, Key, Lock, Place, merge};

use super::drift::drift;
use super::origin::{self, OriginWish, Origins};
use super::wishes::Wishes;
use crate::manifest::Wish;
use crate::manifest::version::highest;

/// A merge of locks that stopped.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// What both sides began with, if the file shows it.
    pub base: Option<Lock>,
    /// The first side.
    pub ours: Lock,
    /// The second side.
    pub theirs: Lock,
}

/// One of its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first.
    Ours,
    /// The second.
    Theirs,
}

/// What becomes of an entry that the sides have differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// As on the side that alone changed it; without a base, on the side that alone has it.
    Alone(Side),
    /// Removed, as on the side that alone changed it.
    Removed(Side),
    /// What both sides changed, as neither depends on the other.
    Both,
    /// As on the side that alone fits what is asked for: without it, where that side has removed it and nothing asks for it.
    Fits(Side),
    /// As on the side that has the higher of two versions that fit.
    Higher(Side),
    /// Asked anew: both fit, and nothing says which is newer.
    Undecided,
    /// Asked anew: neither fits.
    Neither,
}

/// What became of a merge that stopped.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The entries that stay; what is asked anew is not among them.
    pub lock: Lock,
    /// Every entry that the sides have differently, in the order of the file.
    pub choices: Vec<(Key, Choice)>,
    /// What no wish can decide: keys and tables that this version does not know.
    pub open: Vec<Place>,
}

impl Stopped {
    /// Returns what stays before the files of extensions from git are known, from which follows what else is asked for.
    pub fn before_origins(&self, origins: &Origins) -> Lock {
        let fits = |key: &Key, side| origins.get(key).is_some_and(|wish| self.comes_from(key, wish, side));
        let wish = |key: &Key| origins.get(key).map(|origin| &origin.git.wish);
        self.choose(fits, wish).lock
    }

    /// Returns what stays, by what is asked for. Of an extension from git it is what [`Stopped::before_origins`] has kept: the
    /// files that `wishes` have of it are of that side.
    pub fn settle(&self, wishes: &Wishes) -> Settled {
        let unfit = |side| -> BTreeSet<Key> {
            drift(wishes, self.side(side), "").iter().filter_map(|drift| drift.key().cloned()).collect()
        };
        let (ours, theirs) = (unfit(Side::Ours), unfit(Side::Theirs));
        let fits = |key: &Key, side| match wishes.origins.get(key) {
            Some(wish) => self.comes_from(key, wish, side),
            None if side == Side::Ours => !ours.contains(key),
            None => !theirs.contains(key),
        };
        let wish = |key: &Key| {
            let git = wishes.repositories.get(key).map(|wish| &wish.git).or_else(|| wishes.inputs.get(key));
            let git = git.or_else(|| wishes.fetches.get(key)?.git.as_ref());
            git.or_else(|| Some(&wishes.origins.get(key)?.git)).map(|git| &git.wish)
        };
        self.choose(fits, wish)
    }

    /// Whether a side has an extension from where it shall come from; what its files hold is not asked.
    fn comes_from(&self, key: &Key, wish: &OriginWish, side: Side) -> bool {
        origin::drift(key, wish, self.side(side).get(key)).is_none()
    }

    fn side(&self, side: Side) -> &Lock {
        if side == Side::Ours { &self.ours } else { &self.theirs }
    }

    /// Merges, and takes the side of each conflict that `fits`; `wish` is what entries with tags are asked for by.
    fn choose<'a>(&self, fits: impl Fn(&Key, Side) -> bool, wish: impl Fn(&Key) -> Option<&'a Wish>) -> Settled {
        let nothing = Lock::new();
        let merge = merge(self.base.as_ref().unwrap_or(&nothing), &self.ours, &self.theirs);
        let mut settled = Settled { lock: merge.lock().clone(), choices: Vec::new(), open: Vec::new() };
        for conflict in merge.conflicts() {
            let Place::Entry(key) = conflict.place else {
                settled.open.push(conflict.place.clone());
                continue;
            };
            let choice = match (fits(key, Side::Ours), fits(key, Side::Theirs)) {
                (true, false) => Choice::Fits(Side::Ours),
                (false, true) => Choice::Fits(Side::Theirs),
                (true, true) => wish(key).and_then(|wish| higher(wish, &conflict)).unwrap_or(Choice::Undecided),
                (false, false) => Choice::Neither,
            };
            let kept = match choice {
                Choice::Fits(Side::Ours) | Choice::Higher(Side::Ours) => conflict.ours,
                Choice::Fits(Side::Theirs) | Choice::Higher(Side::Theirs) => conflict.theirs,
                _ => None,
            };
            settled.lock_in(key, kept);
            settled.choices.push((key.clone(), choice));
        }
        let keys: BTreeSet<&Key> = self.ours.iter().chain(self.theirs.iter()).map(|(key, _)| key).collect();
        let decided: BTreeSet<Key> = settled.choices.iter().map(|(key, _)| key.clone()).collect();
        for key in keys.into_iter().filter(|key| !decided.contains(key)) {
            settled.choices.extend(self.agreed(key, merge.lock()).map(|choice| (key.clone(), choice)));
        }
        settled.choices.sort_by(|(a, _), (b, _)| a.cmp(b));
        settled
    }

    /// Returns how an entry was merged without a conflict; none where there was nothing to merge.
    fn agreed(&self, key: &Key, merged: &Lock) -> Option<Choice> {
        let (ours, theirs) = (self.ours.get(key), self.theirs.get(key));
        match merged.get(key) {
            _ if ours == theirs => None,
            None if ours.is_none() => Some(Choice::Removed(Side::Ours)),
            None => Some(Choice::Removed(Side::Theirs)),
            merged if merged == ours => Some(Choice::Alone(Side::Ours)),
            merged if merged == theirs => Some(Choice::Alone(Side::Theirs)),
            Some(_) => Some(Choice::Both),
        }
    }
}

impl Settled {
    fn lock_in(&mut self, key: &Key, entry: Option<&Entry>) {
        if let Some(entry) = entry {
            self.lock.insert(key.name.clone(), entry.clone());
        }
    }
}

/// Returns the side with the higher of two versions that meet a requirement.
fn higher(wish: &Wish, conflict: &Conflict<'_>) -> Option<Choice> {
    let Wish::Requirement(requirement, _) = wish else { return None };
    let (ours, theirs) = (tag(conflict.ours?)?, tag(conflict.theirs?)?);
    let higher = highest(requirement, [ours, theirs]).filter(|_| ours != theirs)?;
    Some(Choice::Higher(if higher == ours { Side::Ours } else { Side::Theirs }))
}

fn tag(entry: &Entry) -> Option<&str> {
    match entry {
        Entry::Repo(git) | Entry::Input(git) => git.reference.as_deref(),
        Entry::Fetch(fetch) => fetch.reference.as_deref(),
        Entry::Ext(extension) => extension.origin.as_ref()?.reference.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project;
    use crate::resolve::{origins, tests::wishes as wishes_of};
    use crate::source::Source;

    /// Reads `path=version@digit` a word; the version is the ref, or a requirement and the tag chosen for it: `^1:1.2.0`.
    fn lock(words: &str) -> Lock {
        let entry = |word: &str| {
            let (path, rest) = word.split_once('=').unwrap();
            let (version, digit) = rest.split_once('@').unwrap();
            let version = match version.split_once(':') {
                Some((want, tag)) => format!("want = \"{want}\"\nref = \"{tag}\""),
                None => format!("ref = \"{version}\""),
            };
            let rev = digit.repeat(40);
            format!("\n[repo.{path}]\n{version}\nrev = \"{rev}\"\nurl = \"https://git.example/a\"\n")
        };
        let entries: String = words.split_whitespace().map(entry).collect();
        Lock::parse(&format!("schema = 1\n{entries}")).unwrap()
    }

    /// Reads `path=version` a word.
    fn wishes(words: &str) -> Wishes {
        let entry = |word: &str| {
            let (path, version) = word.split_once('=').unwrap();
            (path.to_owned(), version.to_owned(), "a".to_owned())
        };
        wishes_of(&words.split_whitespace().map(entry).collect::<Vec<_>>(), "scratch")
    }

    fn stopped(base: Option<&str>, ours: &str, theirs: &str) -> Stopped {
        Stopped { base: base.map(lock), ours: lock(ours), theirs: lock(theirs) }
    }

    /// What becomes of every entry that the sides have differently: the choice, and the first digit of the commit that stays.
    fn outcome(settled: &Settled) -> Vec<String> {
        let digit = |key: &Key| match settled.lock.get(key) {
            Some(Entry::Repo(git)) => git.rev[..1].to_owned(),
            _ => "-".to_owned(),
        };
        settled.choices.iter().map(|(key, choice)| format!("{} {choice:?} {}", key.name, digit(key))).collect()
    }

    #[test]
    fn what_one_side_alone_changed_is_as_that_side_has_it() {
        let base = "a=main@1 b=main@1 c=main@1 d=main@1";
        let stopped = stopped(Some(base), "a=main@2 b=main@1 d=main@1 e=main@1", "a=main@1 c=main@1 d=main@1");
        let settled = stopped.settle(&wishes("a=main"));
        assert_eq!(
            outcome(&settled),
            ["a Alone(Ours) 2", "b Removed(Theirs) -", "c Removed(Ours) -", "e Alone(Ours) 1"]
        );
        assert_eq!(settled.lock, lock("a=main@2 d=main@1 e=main@1"));
    }

    #[test]
    fn without_a_base_nobody_knows_what_was_removed() {
        let stopped = stopped(None, "a=main@1 b=main@1 c=main@1", "a=main@1 b=main@2 d=main@1");
        let settled = stopped.settle(&wishes("a=main b=main"));
        assert_eq!(outcome(&settled), ["b Undecided -", "c Alone(Ours) 1", "d Alone(Theirs) 1"]);
    }

    #[test]
    fn of_what_both_changed_the_side_stays_that_is_asked_for() {
        let all = |version: &str| ["a", "b", "c"].map(|path| format!("{path}={version}")).join(" ");
        let stopped = stopped(Some(&all("main@1")), &all("humble@2"), &all("1.2.0@3"));
        let settled = stopped.settle(&wishes("a=humble b=1.2.0 c=main"));
        assert_eq!(outcome(&settled), ["a Fits(Ours) 2", "b Fits(Theirs) 3", "c Neither -"]);
    }

    #[test]
    fn of_two_that_fit_the_higher_version_stays_and_of_branches_neither() {
        let base = "a=^1:1.1.0@1 b=^1:1.1.0@1 c=main@1 d=^1:1.1.0@1";
        let ours = "a=^1:1.3.0@2 b=^1:1.9.0@2 c=main@2 d=^1:1.2.0@2";
        let theirs = "a=^1:1.2.0@3 b=^1:v1.10.0@3 c=main@3 d=^1:1.2.0@3";
        let settled = stopped(Some(base), ours, theirs).settle(&wishes("a=^1 b=^1 c=main d=^1"));
        let expected = ["a Higher(Ours) 2", "b Higher(Theirs) 3", "c Undecided -", "d Undecided -"];
        assert_eq!(outcome(&settled), expected, "a tag that moved is no higher version");
    }

    #[test]
    fn what_one_side_removed_and_the_other_changed_stays_where_it_is_asked_for() {
        let base = "a=main@1 b=main@1 c=main@1";
        let stopped = stopped(Some(base), "", "a=main@2 b=main@2 c=humble@2");
        let settled = stopped.settle(&wishes("a=main c=main"));
        assert_eq!(outcome(&settled), ["a Fits(Theirs) 2", "b Fits(Ours) -", "c Neither -"]);
    }

    #[test]
    fn images_are_chosen_by_their_reference() {
        let image = |reference: &str, digit: &str| {
            let digest = digit.repeat(64);
            Lock::parse(&format!("schema = 1\n[image.base]\nref = \"{reference}\"\ndigest = \"sha256:{digest}\"\n"))
                .unwrap()
        };
        let stopped = |ours, theirs| Stopped { base: Some(image("debian:11", "1")), ours, theirs };
        let choice = |stopped: Stopped| stopped.settle(&wishes_of(&[], "debian:13")).choices.remove(0).1;
        assert_eq!(choice(stopped(image("debian:12", "2"), image("debian:13", "3"))), Choice::Fits(Side::Theirs));
        assert_eq!(choice(stopped(image("debian:13", "2"), image("debian:13", "3"))), Choice::Undecided);
        assert_eq!(choice(stopped(image("debian:12", "2"), image("debian:14", "3"))), Choice::Neither);
    }

    #[test]
    fn an_extension_from_git_is_chosen_by_its_commit_and_again_once_its_files_are_known() {
        let extension = |tag: &str, digit: &str| {
            let (rev, digest) = (digit.repeat(40), digit.repeat(64));
            Lock::parse(&format!(
                "schema = 1\n[ext.team]\nwant = \"^2\"\nref = \"{tag}\"\nrev = \"{rev}\"\nversion = \"{tag}\"\n\
                 digest = \"b3:{digest}\"\nurl = \"https://git.example/ext\"\n"
            ))
            .unwrap()
        };
        let toml = "[project]\nname = \"p\"\nbase = \"scratch\"\n[extensions]\n\
                    team = { git = \"https://git.example/ext\", ref = \"^2\" }\n";
        let project = project::parse(&Source::new("deps.toml", toml)).unwrap();
        let origins = origins(&project, "").unwrap();
        let (base, ours, theirs) = (extension("2.0.0", "1"), extension("2.2.0", "2"), extension("2.3.0", "3"));
        let stopped = Stopped { base: Some(base), ours, theirs: theirs.clone() };
        assert_eq!(stopped.before_origins(&origins), theirs);

        let key = Key { kind: deps_lock::Kind::Ext, name: deps_lock::Name::new("team").unwrap() };
        let Some(Entry::Ext(brought)) = theirs.get(&key).cloned() else { panic!("it is an extension") };
        let wishes = Wishes { origins, extensions: [(key.clone(), brought)].into(), ..wishes("") };
        let settled = stopped.settle(&wishes);
        assert_eq!((settled.lock, settled.choices), (theirs, vec![(key, Choice::Higher(Side::Theirs))]));
    }

    #[test]
    fn platforms_that_each_side_added_are_both_kept_and_unknown_tables_stay_open() {
        let fetch = |platforms: &[&str], rest: &str| {
            let sum = |platform: &&str| format!("{platform} = \"sha256:{}\"\n", "a".repeat(64));
            let sums: String = platforms.iter().map(sum).collect();
            Lock::parse(&format!("schema = 1\n[fetch.\"t/src\"]\n{sums}url = \"https://t.example/t.tar.gz\"\n{rest}"))
                .unwrap()
        };
        let stopped = Stopped {
            base: Some(fetch(&["linux-amd64"], "")),
            ours: fetch(&["linux-amd64", "linux-arm64"], "[odd.b]\nx = 1\n"),
            theirs: fetch(&["linux-amd64", "linux-riscv64"], "[odd.b]\nx = 2\n"),
        };
        let settled = stopped.settle(&wishes(""));
        assert_eq!(settled.choices.iter().map(|(_, choice)| *choice).collect::<Vec<_>>(), [Choice::Both]);
        assert_eq!(settled.lock, fetch(&["linux-amd64", "linux-arm64", "linux-riscv64"], ""));
        assert_eq!(settled.open, [Place::Block("odd".to_owned(), Some("b".to_owned()))]);
    }

    /// Every state of one entry, at all three places, under every wish.
    #[test]
    fn sides_may_be_exchanged_and_whatever_stays_was_on_a_side() {
        let states = ["", "a=main@1", "a=main@2", "a=1.2.0@7", "a=^1:1.2.0@6", "a=^1:1.2.0@7", "a=^1:1.3.0@8"];
        let other = |side| if side == Side::Ours { Side::Theirs } else { Side::Ours };
        let mirrored = |choice| match choice {
            Choice::Alone(side) => Choice::Alone(other(side)),
            Choice::Removed(side) => Choice::Removed(other(side)),
            Choice::Fits(side) => Choice::Fits(other(side)),
            Choice::Higher(side) => Choice::Higher(other(side)),
            Choice::Both | Choice::Undecided | Choice::Neither => choice,
        };
        for wishes in ["", "a=main", "a=1.2.0", "a=^1"].map(wishes) {
            for base in states.map(Some).into_iter().chain([None]) {
                for (ours, theirs) in states.into_iter().flat_map(|ours| states.map(|theirs| (ours, theirs))) {
                    let (one, two) = (stopped(base, ours, theirs), stopped(base, theirs, ours));
                    let (settled, exchanged) = (one.settle(&wishes), two.settle(&wishes));
                    let choices = exchanged.choices.into_iter().map(|(key, choice)| (key, mirrored(choice)));
                    assert_eq!(settled.choices, choices.collect::<Vec<_>>(), "{base:?} {ours} {theirs}");
                    assert_eq!(settled.lock, exchanged.lock, "{base:?} {ours} {theirs}");
                    assert_eq!(settled.choices.is_empty(), ours == theirs, "{base:?} {ours} {theirs}");
                    let stays = |side: &Lock| *side == settled.lock;
                    let asked_anew = matches!(settled.choices[..], [(_, Choice::Undecided | Choice::Neither)]);
                    assert!(stays(&one.ours) || stays(&one.theirs) || asked_anew, "{base:?} {ours} {theirs}");
                }
            }
        }
    }
}
