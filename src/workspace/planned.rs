//! From everything that people wrote and its lock to plans: a function of both, nothing on disk is looked at.

use deps_lock::{Entry, Key, Kind, Lock};

use super::Loaded;
use crate::digest;
use crate::extent::Extent;
use crate::plan::{self, Base, Checkout, Ingredients, PinnedInput, Plan, Problem};
use crate::project::SCRATCH;
use crate::resolve::RepositoryWish;

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
        let inputs: Vec<PinnedInput> = self.wishes.inputs.keys().filter_map(|key| input(lock, key)).collect();
        let extensions = &self.configured;
        let ingredients =
            Ingredients { project, base, builder_base, extensions, inputs: &inputs, checkouts: &checkouts };
        project.platforms.iter().map(|platform| plan::plan(&ingredients, platform)).collect()
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
    let tree = digest::entry_id(lock.get(key)?, &wish.extent)?;
    Some(Checkout { set: wish.set.clone(), path: wish.path.clone(), dest: wish.dest.clone(), tree })
}

fn input(lock: &Lock, key: &Key) -> Option<PinnedInput> {
    let (extension, name) = key.name.split_once('/')?;
    let tree = digest::entry_id(lock.get(key)?, &Extent::default())?;
    Some(PinnedInput { extension: extension.to_owned(), name: name.to_owned(), tree })
}
