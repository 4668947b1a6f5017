//! Why an extension is refused: every reason, with its facts. Leaves out hints (`cli/hints.rs`).

use semver::Version;

use super::MOST_TEXT;
use crate::typed_toml::ShapeProblem;

/// Why an extension is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It does not have the shape of an `extension.toml`.
    #[error(transparent)]
    Shape(#[from] ShapeProblem),
    /// A folder without `extension.toml`.
    #[error("extension `{name}` has no file `extension.toml`")]
    NoExtensionFile {
        /// The extension.
        name: String,
    },
    /// A file with more text than is read.
    #[error("`{file}` of extension `{name}` has {bytes} bytes; at most {MOST_TEXT} are read")]
    TooLong {
        /// The extension.
        name: String,
        /// The file.
        file: String,
        /// Its length.
        bytes: usize,
    },
    /// The file names another extension than the folder it stands in.
    #[error("the folder of extension `{folder}` holds an extension called `{name}`")]
    OtherName {
        /// The name that was asked for.
        folder: String,
        /// The name in the file.
        name: String,
    },
    /// A value that must look otherwise.
    #[error("`{text}` is not {expected}")]
    BadValue {
        /// The value.
        text: String,
        /// What it must be, as a phrase.
        expected: &'static str,
    },
    /// A file that is named and not there, or not text.
    #[error("extension `{name}` has no text file `{file}`")]
    NoFile {
        /// The extension.
        name: String,
        /// The file.
        file: String,
    },
    /// A builder that goes on from one that there is not, or from itself.
    #[error("this builder cannot go on from `{name}`: there is none, or it goes on from this one")]
    NoBuilder {
        /// The name.
        name: String,
    },
    /// An input that a builder wants, and the extension does not have.
    #[error("there is no input `{name}`")]
    NoInput {
        /// The name.
        name: String,
    },
    /// Two repositories of Debian packages with one name.
    #[error("two repositories of the extension are called `{name}`")]
    RepositoryTwice {
        /// The name.
        name: String,
    },
    /// A repository of Debian packages without a key that it could be signed by.
    #[error("the key of repository `{name}` {why}")]
    BadKey {
        /// The repository.
        name: String,
        /// Why, as the rest of a sentence.
        why: &'static str,
    },
    /// Two files of the extension for one place of the image.
    #[error("two files of the extension are for `{path}`")]
    FileTwice {
        /// The path of the image.
        path: String,
    },
    /// An input that is nothing, or two things.
    #[error(
        "input `{name}` must have one of `git`, `path`, `project`, `url` and `manifest = true`, or `url` with `git`"
    )]
    UnclearInput {
        /// The input.
        name: String,
    },
    /// A key of an input beside others that leave it without a meaning.
    #[error("`{key}` means nothing here: {why}")]
    IdleKey {
        /// The key.
        key: &'static str,
        /// Why.
        why: &'static str,
    },
    /// A url whose version comes from a repository, without what chooses it.
    #[error("input `{name}` has a `git` repository beside its `url`, but no `ref` that chooses one of its tags")]
    NoTag {
        /// The input.
        name: String,
    },
    /// A url that cannot be pinned. One with a credential is not shown.
    #[error("the url `{url}` {why}")]
    BadUrl {
        /// The url, rendered.
        url: String,
        /// Why, as the rest of a sentence.
        why: String,
    },
    /// A platform that a url has no file for.
    #[error("there is no file for the platform `{platform}`: `arch` has {}", known.join(", "))]
    NoPlatform {
        /// The platform.
        platform: String,
        /// The architectures that there is a file for.
        known: Vec<String>,
    },
    /// The project sets an option that the extension does not have.
    #[error("extension `{extension}` has no option `{option}`")]
    UnknownOption {
        /// The extension.
        extension: String,
        /// The option.
        option: String,
        /// The options it has.
        known: Vec<String>,
    },
    /// An option with a value of another type.
    #[error("option `{option}` must be {expected}")]
    WrongOption {
        /// The option.
        option: String,
        /// What it must be, as a phrase.
        expected: &'static str,
    },
    /// An option with a value that is not among those it may have.
    #[error("option `{option}` cannot be `{value}`")]
    NotAllowed {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// The values that it may have.
        allowed: Vec<String>,
    },
    /// The project asks for another version of the extension than there is.
    #[error("extension `{name}` is version {version}, but the project asks for `{requirement}`")]
    OtherVersion {
        /// The extension.
        name: String,
        /// Its version.
        version: Version,
        /// The project's requirement.
        requirement: String,
    },
    /// A template that cannot be rendered.
    #[error("template: {message}")]
    Template {
        /// Why.
        message: String,
    },
    /// A snippet that is not Dockerfile syntax.
    #[error("not valid Dockerfile syntax: {message}")]
    Snippet {
        /// Why.
        message: String,
    },
    /// An instruction or a mount that a snippet may not hold.
    #[error("{what} is not allowed in a snippet: {why}")]
    Forbidden {
        /// What is refused.
        what: String,
        /// Why.
        why: String,
    },
}
