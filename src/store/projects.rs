//! The projects that use the store, and what their locks need: the roots of `deps cache gc`.
//!
//! Decides when something counts as needed: a lock that is on this machine now has its id in it, in whatever field, or
//! it names a tree that is made of an entry, or a commit that is needed has it as a submodule. Besides that, the record of a project says on which day each id was last in its lock, for locks of other branches. Leaves out
//! what becomes of the rest (`collect.rs`).

#![expect(clippy::disallowed_methods, reason = "the store reads and writes files, and what is recent says the clock")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use deps_lock::Lock;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, name};
use crate::digest;
use crate::extent::Extent;

/// The name of the lock in a project's folder.
const LOCK_FILE: &str = "deps.lock";

/// The largest lock that is read, in bytes: ten times what 10,000 repositories take.
const MOST_LOCK: u64 = 32 << 20;

/// How many days an id is remembered.
const REMEMBERED: u64 = 400;

/// A project that has used the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    /// Its folder.
    pub folder: PathBuf,
    /// The name of its record.
    record: String,
    used: Used,
}

/// When an id was last in a project's lock, in days since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    /// The digest of the lock's text when it was recorded last, and the day.
    seen: (String, u64),
    last: BTreeMap<String, u64>,
}

/// What must stay in the store, and for whom.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Ids, with the folders of the projects whose locks have them.
    by_id: BTreeMap<String, BTreeSet<PathBuf>>,
    /// Ids that were in a lock recently.
    recent: BTreeSet<String>,
    /// Projects whose lock cannot be read, and why: nobody knows what they need.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Projects that are gone, and of which nothing is recent.
    pub gone: Vec<Project>,
}

/// What the lock of a project says now.
enum Locked {
    /// The project or its lock is not there.
    Nothing {
        /// Whether there is not even the folder.
        gone: bool,
    },
    Ids(BTreeSet<String>),
    Unreadable(String),
}

impl Store {
    /// Notes that the project in `folder` uses the store, and which ids its lock has. Writes at most once a day when the
    /// lock does not change.
    ///
    /// # Errors
    /// When the record cannot be written. A lock that cannot be read is not this function's business.
    pub fn record(&self, folder: &Path) -> Result<(), StoreError> {
        let folder = std::path::absolute(folder).map_err(StoreError::io("find", folder))?;
        let record = record_name(&folder);
        let link = self.projects_folder().join(&record);
        if link.symlink_metadata().is_err() {
            match symlink(&folder, &link) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(StoreError::io("make the link", &link)(error));
                }
                _ => {}
            }
        }
        let (mut used, today) = (self.used(&record), today());
        let seen = (fs::read(folder.join(LOCK_FILE)).map_or_else(|_| String::new(), digest_of), today);
        if used.seen == seen {
            return Ok(());
        }
        let Locked::Ids(ids) = locked(&folder) else { return Ok(()) };
        used.seen = seen;
        used.last.retain(|_, day| *day + REMEMBERED >= today);
        used.last.extend(ids.into_iter().map(|id| (id, today)));
        self.replace(&self.used_path(&record), &serde_json::to_vec(&used).expect("words and numbers are JSON"))
    }

    /// Returns all projects that have used the store, by folder.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub fn projects(&self) -> Result<Vec<Project>, StoreError> {
        let folder = self.projects_folder();
        let mut projects = Vec::new();
        for entry in fs::read_dir(&folder).map_err(StoreError::io("read", &folder))? {
            let entry = entry.map_err(StoreError::io("read", &folder))?;
            let Some(record) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                let link = entry.path();
                let folder = fs::read_link(&link).map_err(StoreError::io("read", &link))?;
                projects.push(Project { folder, used: self.used(&record), record });
            }
        }
        projects.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(projects)
    }

    /// Forgets a project: what only it needs may go.
    ///
    /// # Errors
    /// When its record cannot be removed.
    pub fn forget_project(&self, project: &Project) -> Result<(), StoreError> {
        self.forget_builds(&project.record)?;
        for path in [self.used_path(&project.record), self.projects_folder().join(&project.record)] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Returns what the locks of `projects` need now, and what they needed in the last `keep_days` days.
    pub fn needs(&self, projects: &[Project], keep_days: u64) -> Needs {
        let mut needs = Needs::default();
        let first = today().saturating_sub(keep_days);
        for project in projects {
            // Today is recent only where somebody asks for days.
            let recent = project.used.last.iter().filter(|(_, day)| keep_days > 0 && **day >= first);
            let recent: BTreeSet<String> = recent.map(|(id, _)| id.clone()).collect();
            match locked(&project.folder) {
                Locked::Ids(ids) => {
                    for id in ids {
                        needs.by_id.entry(id).or_default().insert(project.folder.clone());
                    }
                }
                Locked::Unreadable(why) => needs.unreadable.push((project.folder.clone(), why)),
                Locked::Nothing { gone: true } if recent.is_empty() => needs.gone.push(project.clone()),
                Locked::Nothing { .. } => {}
            }
            needs.recent.extend(recent);
        }
        needs
    }

    fn projects_folder(&self) -> PathBuf {
        self.root.join("meta/projects")
    }

    fn used_path(&self, record: &str) -> PathBuf {
        self.projects_folder().join(format!("{record}.json"))
    }

    /// No record, or one that cannot be read, says that nothing is recent; what the lock needs does not depend on it.
    fn used(&self, record: &str) -> Used {
        fs::read(self.used_path(record)).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
    }
}

/// Returns the name of what is noted of the project in `folder`.
pub(super) fn record_name(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    blake3::hash(folder.as_os_str().as_bytes()).to_hex()[..32].to_owned()
}

impl Needs {
    /// Returns the projects whose locks need `id`, an id of content such as a commit, by folder.
    pub fn of(&self, id: &str) -> impl Iterator<Item = &Path> {
        self.by_id.get(id).into_iter().flatten().map(PathBuf::as_path)
    }

    /// Whether a lock needs `id` now.
    pub fn has(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether a lock needed `id` recently.
    pub fn is_recent(&self, id: &str) -> bool {
        self.recent.contains(id)
    }

    /// Whether `id` must stay.
    pub fn keeps(&self, id: &str) -> bool {
        self.has(id) || self.is_recent(id)
    }

    /// Adds the tree `tree`, which the project in `folder` needs without its lock saying so.
    pub fn add(&mut self, tree: &str, folder: &Path) {
        for id in name::ids(tree) {
            self.by_id.entry(id.to_owned()).or_default().insert(folder.to_owned());
        }
    }

    /// Adds `id`, which comes with `cause` and stays as long as that. Returns whether that is news.
    pub(super) fn add_with(&mut self, id: &str, cause: &str) -> bool {
        let mut news = self.recent.contains(cause) && self.recent.insert(id.to_owned());
        if let Some(folders) = self.by_id.get(cause).cloned() {
            let known = self.by_id.entry(id.to_owned()).or_default();
            let before = known.len();
            known.extend(folders);
            news |= known.len() > before;
        }
        news
    }
}

/// Reads the lock of the project in `folder`.
fn locked(folder: &Path) -> Locked {
    let path = folder.join(LOCK_FILE);
    let length = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        // Whether the folder is there is asked for itself: `NotFound` says the same of both.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match folder.try_exists() {
                Ok(exists) => Locked::Nothing { gone: !exists },
                Err(error) => Locked::Unreadable(error.to_string()),
            };
        }
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Locked::Nothing { gone: true },
        Err(error) => return Locked::Unreadable(error.to_string()),
    };
    if length > MOST_LOCK {
        return Locked::Unreadable(format!("it has {length} bytes"));
    }
    match fs::read_to_string(&path) {
        Err(error) => Locked::Unreadable(error.to_string()),
        Ok(text) => match Lock::parse(&text) {
            Ok(lock) => {
                let trees: Vec<String> =
                    lock.iter().filter_map(|(_, entry)| digest::entry_id(entry, &Extent::default())).collect();
                let ids = name::ids(&text).chain(trees.iter().flat_map(|tree| name::ids(tree)));
                Locked::Ids(ids.map(str::to_owned).collect())
            }
            Err(errors) => Locked::Unreadable(
                errors.first().map_or_else(|| "it is no lock".to_owned(), |error| error.kind.to_string()),
            ),
        },
    }
}

fn digest_of(text: Vec<u8>) -> String {
    blake3::hash(&text).to_hex().to_string()
}

fn today() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs() / 86_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";

    fn lock_of(rev: &str) -> String {
        format!(
            "# Generated\nschema = 1\n\n[repo.\"a\"]\nref = \"main\"\nrev = \"{rev}\"\nurl = \"https://x.org/a.git\"\n"
        )
    }

    struct Scene {
        folder: tempfile::TempDir,
        store: Store,
    }

    fn scene() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("robot")).unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        Scene { store, folder }
    }

    impl Scene {
        fn project(&self) -> PathBuf {
            self.folder.path().join("robot")
        }

        fn locks(&self, text: &str) {
            fs::write(self.project().join(LOCK_FILE), text).unwrap();
            self.store.record(&self.project()).unwrap();
        }

        fn needs(&self, keep_days: u64) -> Needs {
            self.store.needs(&self.store.projects().unwrap(), keep_days)
        }
    }

    #[test]
    fn a_lock_needs_what_it_names_now_and_for_a_while_what_it_named() {
        let scene = scene();
        scene.locks(&lock_of(ONE));
        scene.locks(&lock_of(TWO));
        let needs = scene.needs(0);
        assert!(needs.has(TWO) && !needs.has(ONE) && !needs.is_recent(ONE));
        assert_eq!(needs.of(TWO).collect::<Vec<_>>(), [scene.project()]);
        let needs = scene.needs(1);
        assert!(needs.is_recent(ONE) && !needs.has(ONE));
    }

    #[test]
    fn a_lock_is_read_when_it_is_asked_for_and_not_when_it_was_recorded() {
        let scene = scene();
        scene.locks(&lock_of(ONE));
        fs::write(scene.project().join(LOCK_FILE), lock_of(TWO)).unwrap();
        assert!(scene.needs(0).has(TWO));
    }

    #[test]
    fn what_a_project_needs_is_unknown_while_its_lock_cannot_be_read() {
        let scene = scene();
        scene.locks(&lock_of(ONE));
        fs::write(scene.project().join(LOCK_FILE), "<<<<<<< ours\n").unwrap();
        assert_eq!(scene.needs(0).unreadable.len(), 1);
        fs::write(scene.project().join(LOCK_FILE), "schema = 99\n").unwrap();
        assert_eq!(scene.needs(0).unreadable.len(), 1);
    }

    #[test]
    fn a_project_that_is_gone_needs_nothing_and_is_forgotten_when_nothing_of_it_is_recent() {
        let scene = scene();
        scene.locks(&lock_of(ONE));
        fs::remove_dir_all(scene.project()).unwrap();
        let needs = scene.needs(1);
        assert!(needs.is_recent(ONE) && needs.gone.is_empty());
        let needs = scene.needs(0);
        assert!(!needs.has(ONE) && needs.gone.len() == 1);
        scene.store.forget_project(&needs.gone[0]).unwrap();
        assert!(scene.store.projects().unwrap().is_empty());
    }

    #[test]
    fn a_record_is_written_again_only_when_something_changed() {
        let scene = scene();
        scene.locks(&lock_of(ONE));
        let project = scene.store.projects().unwrap().remove(0);
        let written = || fs::metadata(scene.store.used_path(&project.record)).unwrap();
        use std::os::unix::fs::MetadataExt as _;
        let before = written().ino();
        scene.locks(&lock_of(ONE));
        assert_eq!(written().ino(), before);
    }
}
