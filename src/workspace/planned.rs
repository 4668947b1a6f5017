//! From everything that people wrote and its lock to plans: a function of both, nothing on disk is looked at.

use deps_lock::{Entry, Key, Kind, Lock};

use super::Loaded;
use crate::digest;
use crate::extension::Packing;
use crate::extent::{Extent, Submodules};
use crate::plan::{self, Base, Checkout, Fetched, Ingredients, PinnedInput, Plan, Problem};
use crate::project::{Platform, SCRATCH, Sources};
use crate::resolve::{PinnedFile, RepositoryWish};

impl Loaded {
    /// Returns the plan for each platform of the project, in their order. `lock` must be in sync.
    ///
    /// # Errors
    /// As [`plan::plan`].
    pub fn plans(&self, lock: &Lock) -> Result<Vec<Plan>, Vec<Problem>> {
        let project = &self.project;
        let base = base(lock, "base", &project.base.value);
        let name = if project.builder_base.value == project.base.value { "base" } else { "builder-base" };
        let builder_base = self::base(lock, name, &project.builder_base.value);
        let checkouts: Vec<Checkout> =
            self.wishes.repositories.iter().filter_map(|(key, wish)| checkout(lock, key, wish)).collect();
        let repositories: Vec<PinnedInput> = self.wishes.inputs.keys().filter_map(|key| input(lock, key)).collect();
        let extensions = &self.configured;
        let plan = |platform: &Platform| {
            let files = self.files(lock).into_iter().filter(|(_, file)| file.is_for(platform));
            let files = files.filter_map(|(key, file)| named(&key, file_tree(&file)));
            let inputs: Vec<PinnedInput> = repositories.iter().cloned().chain(files).collect();
            let (base, builder_base) = (base.clone(), builder_base.clone());
            let ingredients =
                Ingredients { project, base, builder_base, extensions, inputs: &inputs, checkouts: &checkouts };
            plan::plan(&ingredients, platform)
        };
        project.platforms.iter().map(plan).collect()
    }

    /// Returns the files that extensions fetch by url, for every platform of the project. `lock` must be in sync.
    pub fn files(&self, lock: &Lock) -> Vec<(Key, PinnedFile)> {
        let entries = self.wishes.fetches.iter().filter_map(|(key, wish)| match lock.get(key) {
            Some(Entry::Fetch(locked)) => Some((key, wish.files(locked))),
            _ => None,
        });
        entries.flat_map(|(key, files)| files.into_iter().map(|file| (key.clone(), file))).collect()
    }

    /// Returns the ids of the trees of [`Loaded::files`].
    pub fn file_trees(&self, lock: &Lock) -> Vec<String> {
        self.files(lock).iter().map(|(_, file)| file_tree(file)).collect()
    }
}

/// Returns the id of the tree that becomes of a file.
fn file_tree(file: &PinnedFile) -> String {
    match &file.packing {
        Packing::Archive { format, folder } => {
            digest::archive_id(format.name(), &file.sha256, folder.as_deref().unwrap_or_default())
        }
        Packing::File { name, executable } => digest::file_id(&file.sha256, name, *executable),
    }
}

/// The lock is in sync, so what is not `scratch` has an entry.
fn base(lock: &Lock, name: &str, reference: &str) -> Base {
    let image = match lock.find(Kind::Image, name) {
        Some(Entry::Image(image)) if reference != SCRATCH => image,
        _ => return Base::Scratch,
    };
    let reference = image.reference.split_once('@').map_or(&*image.reference, |(reference, _)| reference);
    Base::Image { reference: reference.to_owned(), digest: image.digest.to_string() }
}

fn checkout(lock: &Lock, key: &Key, wish: &RepositoryWish) -> Option<Checkout> {
    let entry = lock.get(key)?;
    let tree = digest::entry_id(entry, &wish.extent)?;
    let fetched = match entry {
        Entry::Repo(git) if wish.sources == Sources::Mount => Some(Fetched {
            url: wish.git.remote.clone(),
            rev: git.rev.to_string(),
            submodules: wish.extent.submodules == Submodules::All,
            pointers: wish.extent.pointers,
        }),
        _ => None,
    };
    Some(Checkout { set: wish.set.clone(), path: wish.path.clone(), dest: wish.dest.clone(), tree, fetched })
}

fn input(lock: &Lock, key: &Key) -> Option<PinnedInput> {
    named(key, digest::entry_id(lock.get(key)?, &Extent::default())?)
}

/// Returns the input that `key` is the pin of.
fn named(key: &Key, tree: String) -> Option<PinnedInput> {
    let (extension, name) = key.name.split_once('/')?;
    Some(PinnedInput { extension: extension.to_owned(), name: name.to_owned(), tree })
}
