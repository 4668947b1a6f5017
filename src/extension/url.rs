//! Inputs that are downloaded: what their URLs are, for a version and a platform.
//!
//! Decides which URLs can be pinned (https, or http on this machine alone), how platforms may differ in them, and what
//! becomes of the file: a tree, by its ending, or a file. Leaves out choosing the version (`resolve/`), mirrors and the
//! download (`remote/`).

use std::collections::BTreeMap;

use deps_lock::{Format, Url, ValueError};

use super::Problem;
use super::check::Problems;
use super::file::InputTable;
use super::template::{self, Scope};
use super::words;
use crate::project::Platform;
use crate::source::{Located, Place, Source, Spanned};

/// A file that is downloaded, as its extension asks for it.
#[derive(Clone, Debug)]
pub struct UrlInput {
    /// What says which version it is.
    pub version: UrlVersion,
    /// The URL, a template.
    url: Spanned<String>,
    /// The folder of the archive that is wanted, a template.
    folder: Option<Spanned<String>>,
    /// What the URL calls the architectures that there is a file for; empty for all, as Docker calls them.
    arch: BTreeMap<String, String>,
    unpack: Option<bool>,
    executable: Option<Spanned<bool>>,
    source: Source,
    scope: Scope,
}

/// What says which version of a file is wanted.
#[derive(Clone, Debug)]
pub enum UrlVersion {
    /// The URL alone.
    Unnamed,
    /// This is it.
    Exact(Spanned<String>),
    /// The highest tag of a repository that satisfies a requirement, or the tag that it names.
    Tag {
        /// The URL of the repository.
        git: Spanned<String>,
        /// The requirement or the tag.
        reference: Spanned<String>,
    },
}

/// The file for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlFile {
    /// Where it is.
    pub url: String,
    /// What becomes of it.
    pub packing: Packing,
}

/// What becomes of a file that was downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packing {
    /// It is unpacked.
    Archive {
        /// What it must be.
        format: Format,
        /// The folder of it that is wanted; none for all.
        folder: Option<String>,
    },
    /// It stands in a folder of its own.
    File {
        /// Its name there: the end of the URL.
        name: String,
        /// Whether it is a program (mode 755 instead of 644).
        executable: bool,
    },
}

/// A tag when none is known yet.
const ANY_TAG: &str = "v0.0.0";

/// Endings of archives that are unpacked unless the input says otherwise …
const ARCHIVES: [(&str, Format); 11] = [
    (".tar", Format::Tar),
    (".tar.gz", Format::Tar),
    (".tgz", Format::Tar),
    (".tar.bz2", Format::Tar),
    (".tbz", Format::Tar),
    (".tbz2", Format::Tar),
    (".tar.xz", Format::Tar),
    (".txz", Format::Tar),
    (".tar.zst", Format::Tar),
    (".tzst", Format::Tar),
    (".zip", Format::Zip),
];

/// … and of files that are archives only to who asks for it.
const PACKAGES: [(&str, Format); 7] = [
    (".conda", Format::Zip),
    (".crate", Format::Tar),
    (".gem", Format::Tar),
    (".jar", Format::Zip),
    (".nupkg", Format::Zip),
    (".vsix", Format::Zip),
    (".whl", Format::Zip),
];

/// Notes the keys of an input that mean nothing beside its others, and values that no option can make good.
pub(super) fn check_keys(name: &Spanned<String>, input: &InputTable, problems: &mut Problems<'_>) {
    let InputTable { git, reference, path: _, url, version, arch, folder, unpack, executable, manifest: _, project: _ } =
        input;
    let mut idle = |key: &'static str, at: Option<(usize, usize)>, why: &'static str| {
        if let Some(span) = at {
            problems.push(&Spanned { value: (), span }, Problem::IdleKey { key, why });
        }
    };
    let text = |text: &Option<Spanned<String>>| text.as_ref().map(|text| text.span);
    let flag = |flag: &Option<Spanned<bool>>| flag.as_ref().map(|flag| flag.span);
    if git.is_none() {
        idle("ref", text(reference), "it chooses from a `git` repository");
    }
    if url.is_none() {
        let own = "it belongs to a `url`";
        idle("version", text(version), own);
        idle("arch", arch.keys().next().map(|name| name.span), own);
        idle("folder", text(folder), own);
        idle("unpack", flag(unpack), own);
        idle("executable", flag(executable), own);
    } else if git.is_some() {
        idle("version", text(version), "the version is that of the tag that `ref` chooses");
        if reference.is_none() {
            problems.push(name, Problem::NoTag { name: name.value.clone() });
        }
    }
    for (name, word) in arch {
        problems.check(
            name,
            |name| Platform::parse(&format!("linux/{name}")).is_some(),
            "an architecture like `amd64`",
        );
        problems.check(word, words::is_plain, "a part of a URL");
    }
}

impl UrlInput {
    /// Returns the input that `table` describes; none where it has no URL.
    pub(super) fn new(table: &InputTable, version: UrlVersion, source: Source, scope: Scope) -> Option<Self> {
        Some(Self {
            version,
            url: table.url.clone()?,
            folder: table.folder.clone(),
            arch: table.arch.iter().map(|(name, word)| (name.value.clone(), word.value.clone())).collect(),
            unpack: table.unpack.as_ref().map(|unpack| unpack.value),
            executable: table.executable.clone(),
            source,
            scope,
        })
    }

    /// Returns where the URL is written.
    pub fn place(&self) -> Place {
        self.source.at(self.url.span())
    }

    /// Returns the file that says so.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the URL for people: as a lock would have it where the version is known, else as it is written.
    pub fn example(&self) -> String {
        match (&self.version, self.sample()) {
            (UrlVersion::Unnamed | UrlVersion::Exact(_), Ok(url)) => url.to_string(),
            _ => self.url.value.clone(),
        }
    }

    /// Returns the file for `platform`. `tag` is the one that was chosen, where one has to be.
    ///
    /// # Errors
    /// There is no file for the platform, a template does not render, or it becomes no URL that can be pinned.
    pub fn file(&self, tag: Option<&str>, platform: &Platform) -> Result<UrlFile, Located<Problem>> {
        let arch = self.arch(platform)?;
        let url = self.rendered(&self.url, tag, &arch)?;
        check_url(&url).map_err(|why| self.bad_url(&url, why))?;
        let packing = self.packing(&url, tag, &arch)?;
        Ok(UrlFile { url, packing })
    }

    /// Returns the URL of the files for `platforms`, as a lock has it: where they differ, `{x64,arm64}` stands for what is
    /// theirs, in that order.
    ///
    /// # Errors
    /// As [`UrlInput::file`], for any of them; or they differ and hold a comma.
    pub fn url(&self, tag: Option<&str>, platforms: &[&Platform]) -> Result<Url, Located<Problem>> {
        let words = platforms.iter().map(|platform| self.arch(platform)).collect::<Result<Vec<_>, _>>()?;
        let urls = platforms.iter().map(|platform| Ok(self.file(tag, platform)?.url));
        let urls = urls.collect::<Result<Vec<_>, Located<Problem>>>()?;
        if urls.windows(2).all(|pair| pair[0] == pair[1]) {
            return self.lockable(urls.first().map_or("", String::as_str));
        }
        if let Some(url) = urls.iter().find(|url| url.contains(',')) {
            return Err(self.bad_url(url, "holds a `,`, and is another one on another platform".to_owned()));
        }
        let all = format!("{{{}}}", words.join(","));
        let url = self.rendered(&self.url, tag, &all)?;
        let is_all = words.iter().zip(&urls).all(|(word, own)| url.replace(&all, word) == *own);
        self.lockable(&if is_all { url } else { together(&urls) })
    }

    fn lockable(&self, url: &str) -> Result<Url, Located<Problem>> {
        Url::new(url).map_err(|error| self.bad_url(url, error.to_string()))
    }

    /// Returns the URL for every architecture that is known, or the first problem that there is whatever the project's
    /// platforms are.
    pub(super) fn sample(&self) -> Result<Url, Located<Problem>> {
        let known = self.arch.keys().filter_map(|name| Platform::parse(&format!("linux/{name}")));
        let mut platforms: Vec<Platform> = known.collect();
        if platforms.is_empty() {
            platforms.push(Platform::default());
        }
        self.url(None, &platforms.iter().collect::<Vec<_>>())
    }

    fn arch(&self, platform: &Platform) -> Result<String, Located<Problem>> {
        let (machine, variant) = (platform.architecture(), platform.variant());
        if self.arch.is_empty() {
            return Ok(format!("{machine}{}", variant.unwrap_or_default()));
        }
        let exact = variant.and_then(|variant| self.arch.get(&format!("{machine}/{variant}")));
        exact.or_else(|| self.arch.get(machine)).cloned().ok_or_else(|| {
            let (platform, known) = (platform.to_string(), self.arch.keys().map(|name| format!("`{name}`")).collect());
            self.problem(&self.url, Problem::NoPlatform { platform, known })
        })
    }

    fn rendered(&self, text: &Spanned<String>, tag: Option<&str>, arch: &str) -> Result<String, Located<Problem>> {
        let mut scope = self.scope.clone();
        let (version, tag) = match &self.version {
            UrlVersion::Unnamed => (None, None),
            UrlVersion::Exact(version) => (Some(version.value.as_str()), None),
            UrlVersion::Tag { .. } => {
                let tag = tag.unwrap_or(ANY_TAG);
                (Some(version_of(tag)), Some(tag))
            }
        };
        let word = |word: Option<&str>| word.map(str::to_owned);
        scope.words = [("version", word(version)), ("tag", word(tag)), ("arch", word(Some(arch)))].into();
        template::render_value(&text.value, &scope).map_err(|problem| self.problem(text, problem))
    }

    fn packing(&self, url: &str, tag: Option<&str>, arch: &str) -> Result<Packing, Located<Problem>> {
        let name = base_name(url);
        let is = |(ending, format): &(&str, Format)| name.to_ascii_lowercase().ends_with(ending).then_some(*format);
        let format = ARCHIVES.iter().find_map(is);
        let format = match self.unpack {
            Some(false) => None,
            Some(true) => Some(format.or_else(|| PACKAGES.iter().find_map(is)).ok_or_else(|| {
                self.bad_url(url, "is to be unpacked, and has no ending of an archive that is known".to_owned())
            })?),
            None => format,
        };
        match (format, &self.folder, &self.executable) {
            (Some(_), _, Some(at)) => Err(self.idle(at, "executable", "an archive has modes of its own")),
            (None, Some(at), _) => Err(self.idle(at, "folder", "the file is not unpacked")),
            (Some(format), folder, None) => {
                let folder = folder.as_ref().map(|folder| self.folder(folder, tag, arch)).transpose()?;
                Ok(Packing::Archive { format, folder })
            }
            (None, None, _) if name.is_empty() || name.starts_with('.') || !words::is_plain(name) => {
                Err(self.bad_url(url, "ends in no plain name that its file could have".to_owned()))
            }
            (None, None, executable) => {
                let executable = executable.as_ref().is_some_and(|executable| executable.value);
                Ok(Packing::File { name: name.to_owned(), executable })
            }
        }
    }

    fn folder(&self, folder: &Spanned<String>, tag: Option<&str>, arch: &str) -> Result<String, Located<Problem>> {
        let text = self.rendered(folder, tag, arch)?;
        let plain = text.trim_end_matches('/').to_owned();
        if text == "./" || !words::is_relative(&text) {
            let expected = "the plain path of a folder in the archive";
            return Err(self.problem(folder, Problem::BadValue { text, expected }));
        }
        Ok(plain)
    }

    fn idle<T>(&self, at: &Spanned<T>, key: &'static str, why: &'static str) -> Located<Problem> {
        self.problem(at, Problem::IdleKey { key, why })
    }

    fn bad_url(&self, url: &str, why: String) -> Located<Problem> {
        let secret = Url::new(url).err() == Some(ValueError::SecretInUrl);
        let url = if secret { "…".to_owned() } else { url.to_owned() };
        self.problem(&self.url, Problem::BadUrl { url, why })
    }

    fn problem<T>(&self, at: &Spanned<T>, problem: Problem) -> Located<Problem> {
        Located::new(&self.source, at.span(), problem)
    }
}

/// Returns `urls` as one, with `{…,…}` for the words in which they differ.
fn together(urls: &[String]) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric();
    let common = |all: Vec<&str>| {
        let first = all[0];
        let length = all.iter().map(|one| first.bytes().zip(one.bytes()).take_while(|(a, b)| a == b).count()).min();
        let common = &first[..length.unwrap_or_default()];
        common.trim_end_matches(is_word).len()
    };
    let start = common(urls.iter().map(String::as_str).collect());
    let backwards: Vec<String> = urls.iter().map(|url| url[start..].chars().rev().collect()).collect();
    let end = common(backwards.iter().map(String::as_str).collect());
    let middles: Vec<&str> = urls.iter().map(|url| &url[start..url.len() - end]).collect();
    let first = &urls[0];
    format!("{}{{{}}}{}", &first[..start], middles.join(","), &first[first.len() - end..])
}

/// Returns the version that a tag is: without a `v` before a number.
fn version_of(tag: &str) -> &str {
    tag.strip_prefix('v').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(tag)
}

/// Returns the last part of the path of a URL.
fn base_name(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest).split('?').next().unwrap_or_default();
    path.split_once('/').map_or("", |(_, path)| path.rsplit('/').next().unwrap_or_default())
}

/// Returns `Ok` for a URL that can be pinned, else the rest of a sentence that begins with it.
fn check_url(url: &str) -> Result<(), String> {
    Url::new(url).map_err(|error| error.to_string())?;
    // RFC 3986, without a fragment, which no server ever sees.
    let foreign = |c: char| !c.is_ascii_alphanumeric() && !"-._~:/?[]@!$&'()*+,;=%".contains(c);
    if let Some(c) = url.chars().find(|c| foreign(*c)) {
        return Err(format!("holds `{c}`, which no url has that names a file"));
    }
    let host = |rest: &str| rest.split(['/', '?']).next().unwrap_or_default().to_owned();
    match url.split_once("://") {
        Some(("https", rest)) if !host(rest).is_empty() => Ok(()),
        Some(("http", rest)) if is_loopback(&host(rest)) => Ok(()),
        Some(("http" | "https", rest)) if host(rest).is_empty() => Err("has no host".to_owned()),
        _ => Err("does not begin with `https://`".to_owned()),
    }
}

/// Whether `authority` is this machine by its own name or address.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_platforms_are_one_with_what_differs_in_braces() {
        let one = |urls: &[&str]| together(&urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>());
        assert_eq!(one(&["https://x.org/a/x64.zip", "https://x.org/a/x86.zip"]), "https://x.org/a/{x64,x86}.zip");
        assert_eq!(one(&["https://x.org/ab/c.zip", "https://x.org/d.tar"]), "https://x.org/{ab/c.zip,d.tar}");
        assert_eq!(one(&["https://x.org/a-a", "https://x.org/a"]), "https://x.org/{a-a,a}");
        assert_eq!(one(&["https://x.org/a", "https://y.org/b/a"]), "https://{x.org,y.org/b}/a");
    }

    #[test]
    fn only_https_and_this_machine_can_be_pinned() {
        for url in ["https://x.org/a?b=c", "http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:80/a"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "http://x.org/a",
            "http://127.0.0.1.evil.example/a",
            "ftp://x.org/a",
            "file:///etc/passwd",
            "/etc/passwd",
            "x.org/a",
            "https:///a",
            "https://x.org/a b",
            "https://x.org/a#b",
            "https://x.org/{a}",
            "https://ada:hunter2@x.org/a",
            "-o",
            "",
        ] {
            check_url(url).expect_err(url);
        }
    }

    #[test]
    fn the_name_of_a_file_is_the_end_of_its_path() {
        assert_eq!(base_name("https://x.org/a/b.zip?c=/d"), "b.zip");
        assert_eq!((base_name("https://x.org"), base_name("https://x.org/a/")), ("", ""));
        assert_eq!((version_of("v1.2"), version_of("1.2"), version_of("vine-1")), ("1.2", "1.2", "vine-1"));
    }
}
