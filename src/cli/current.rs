//! Whether the image of a build is there already, so that no build has to be started.
//!
//! Decides what must be the same: all that the build's key holds, under every tag, in every place where the build would
//! put the image; and that the last instruction is the one that `deps` writes, because an image that was made from ours
//! has our labels too. What impure stages would find today does not count, as it does not for the engine's cache.

use super::Network;
use super::session::Session;
use crate::dockerfile::{BUILD_LABEL, last_instruction};
use crate::engine::image;
use crate::plan::{BuildKey, PlanKey};
use crate::remote::published;

/// An image as a build would make it.
pub(super) struct Wanted<'a> {
    /// Its names.
    pub(super) tags: &'a [String],
    /// What its label says.
    pub(super) key: &'a BuildKey,
    /// What its last instruction says.
    pub(super) plan: &'a PlanKey,
    /// How many platforms it is for.
    pub(super) platforms: usize,
    /// Whether it is pushed.
    pub(super) push: bool,
    /// Whether it is in the local image store.
    pub(super) load: bool,
}

/// Returns the digest of the image where all of its places have it.
pub(super) fn digest(session: &Session, wanted: &Wanted<'_>, network: &Network) -> Option<String> {
    let local = if wanted.load { Some(local(wanted)?) } else { None };
    let remote = if wanted.push { Some(remote(session, wanted, network)?) } else { None };
    remote.or(local)
}

fn local(wanted: &Wanted<'_>) -> Option<String> {
    let images = image::local(wanted.tags, BUILD_LABEL)?;
    let ours = images.iter().all(|image| wanted.is(&image.label, &image.last));
    only(images.into_iter().filter(|_| ours).map(|image| image.id))
}

fn remote(session: &Session, wanted: &Wanted<'_>, network: &Network) -> Option<String> {
    // What fails here is better said by the push itself.
    let remotes = session.remotes(network).ok()?;
    let found = wanted.tags.iter().map(|tag| {
        let found = published(tag, &remotes, session.interrupted()).ok()?;
        let ours = found
            .images
            .iter()
            .all(|image| image.labels.get(BUILD_LABEL).is_some_and(|label| wanted.is(label, &image.last)));
        (ours && found.images.len() == wanted.platforms).then_some(found.digest)
    });
    only(found.collect::<Option<Vec<String>>>()?.into_iter())
}

impl Wanted<'_> {
    fn is(&self, label: &str, last: &str) -> bool {
        label == self.key.to_string() && last == last_instruction(self.plan)
    }
}

/// Returns what all of `all` are, if they are the same.
fn only(mut all: impl Iterator<Item = String>) -> Option<String> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_different_images_are_not_one_image() {
        let only = |words: &[&str]| only(words.iter().map(|word| (*word).to_owned()));
        assert_eq!(only(&["a", "a"]), Some("a".to_owned()));
        assert_eq!(only(&["a", "b"]), None);
        assert_eq!(only(&[]), None);
    }
}
