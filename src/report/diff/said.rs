//! What an entry says, whatever its kind: its place, what was asked for, what it is pinned to.
//!
//! Decides which of its words a reader needs. Leaves out comparing two of them (`entries.rs`).

use deps_lock::Entry;

use super::place::Place;
use super::short;
use super::version::Asked;

/// What an entry says, whatever its kind.
pub(super) struct Said<'a> {
    /// What fetches it: `git`, `tar`, `zip`, `hg`, `svn`, `url`, `image`, or `built in`.
    pub(super) system: &'static str,
    pub(super) want: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    /// What it is pinned to; of a file for several platforms, all digests.
    pub(super) pin: String,
    /// None for images and what is built in.
    pub(super) url: Option<&'a str>,
    pub(super) place: Option<Place>,
}

impl<'a> Said<'a> {
    /// Returns what `entry` says.
    pub(super) fn of(entry: &'a Entry) -> Self {
        let text = |text: &'a Option<deps_lock::Text>| text.as_deref();
        let said = |system, want, reference, pin: &str, url: &'a str| {
            let place = Some(if matches!(system, "tar" | "zip" | "url") {
                Place::of_file(url)
            } else {
                Place::of_repository(url)
            });
            Self { system, want, reference, pin: pin.to_owned(), url: Some(url), place }
        };
        match entry {
            Entry::Repo(git) | Entry::Input(git) => {
                said("git", text(&git.want), text(&git.reference), &git.rev, &git.url)
            }
            Entry::Archive(archive) => {
                said(archive.format.name(), None, text(&archive.reference), &archive.digest, &archive.url)
            }
            Entry::Revision(revision) => {
                said(revision.pin.system().name(), None, text(&revision.reference), revision.pin.rev(), &revision.url)
            }
            Entry::Fetch(fetch) => {
                let sums: Vec<String> =
                    fetch.platforms.iter().map(|(platform, sum)| format!("{platform} {sum}")).collect();
                said("url", text(&fetch.want), text(&fetch.reference), &sums.join(", "), &fetch.url)
            }
            Entry::Image(image) => {
                let place = Some(Place::of_image(&image.reference));
                let (want, url, pin) = (None, None, image.digest.to_string());
                Self { system: "image", want, reference: Some(&image.reference), pin, url, place }
            }
            Entry::Ext(extension) => match &extension.origin {
                Some(origin) => said("git", text(&origin.want), text(&origin.reference), &origin.rev, &origin.url),
                None => {
                    let (want, reference, url, place) = Default::default();
                    Self { system: "built in", want, reference, pin: extension.digest.to_string(), url, place }
                }
            },
        }
    }

    pub(super) fn asked(&self) -> Asked<'a> {
        Asked::of(self.want, self.reference, &self.pin)
    }

    /// Returns it in a few words: the ref, and the pin where that moves.
    pub(super) fn label(&self) -> String {
        match self.reference {
            Some(reference) if self.pin.starts_with(reference) => self.short_pin(),
            Some(reference) if self.system == "image" => format!("{reference} {}", self.short_pin()),
            Some(reference) if !self.asked().moves() || self.system == "url" => reference.to_owned(),
            Some(reference) => format!("{reference} {}", self.short_pin()),
            None if self.system == "git" => format!("HEAD {}", self.short_pin()),
            None => self.short_pin(),
        }
    }

    /// Returns the beginning of the pin: of a file, of its first digest.
    pub(super) fn short_pin(&self) -> String {
        match self.system {
            "svn" => format!("r{}", self.pin),
            "url" => self.pin.split([' ', ',']).find(|word| word.contains(':')).map(short).unwrap_or_default(),
            _ => short(&self.pin),
        }
    }
}
