//! Where a build takes cached results from and leaves its own: `cache-from` and `cache-to`, as flags and in `deps.toml`.
//!
//! Decides what a plain reference means, what an export always has, and which folder a relative path is in. Leaves out
//! which kinds of cache there are and what each is told: the engine knows.

use std::fmt;
use std::path::Path;

/// One place for cached results, as buildx writes it: `type=registry,ref=ghcr.io/acme/cache`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildCache {
    /// Keys and values in the order they were written; one of them is `type`.
    fields: Vec<(String, String)>,
}

/// Why a text names no cache. The text may hold credentials and is not repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoBuildCache {
    /// It is empty, or begins with a dash.
    #[error("a cache is empty or looks like an option")]
    LooksLikeOption,
    /// It holds a control character.
    #[error("a cache holds a character that is not allowed: {0:?}")]
    Character(char),
    /// A field is not `key=value`.
    #[error("a cache must be an image reference or `type=…,key=value,…`")]
    NotFields,
    /// It does not say of which type it is.
    #[error("a cache of several fields must have a `type`")]
    NoType,
    /// A reference that is none.
    #[error("a cache's reference holds a character that no image reference has: {0:?}")]
    Reference(char),
}

impl BuildCache {
    /// Reads a plain reference, which means `type=registry,ref=…`, or what buildx's `--cache-from` and `--cache-to` take.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, NoBuildCache> {
        if text.is_empty() || text.starts_with('-') {
            return Err(NoBuildCache::LooksLikeOption);
        }
        if let Some(character) = text.chars().find(|c| c.is_control()) {
            return Err(NoBuildCache::Character(character));
        }
        if !text.contains('=') {
            return Self::registry(text);
        }
        let fields = split(text).ok_or(NoBuildCache::NotFields)?;
        let field = |field: String| {
            let (key, value) = field.split_once('=')?;
            let word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
            word.then(|| (key.to_ascii_lowercase(), value.to_owned()))
        };
        let fields: Vec<_> = fields.into_iter().map(field).collect::<Option<_>>().ok_or(NoBuildCache::NotFields)?;
        let cache = Self { fields };
        if cache.get("type").is_some_and(|kind| !kind.is_empty()) { Ok(cache) } else { Err(NoBuildCache::NoType) }
    }

    fn registry(reference: &str) -> Result<Self, NoBuildCache> {
        if let Some(character) = unfit(reference) {
            return Err(NoBuildCache::Reference(character));
        }
        let field = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Ok(Self { fields: vec![field("type", "registry"), field("ref", reference)] })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns the cache with the paths of a `local` one taken as relative to `folder`.
    pub fn in_folder(mut self, folder: &Path) -> Self {
        if self.get("type") == Some("local") {
            for (key, value) in &mut self.fields {
                if matches!(key.as_str(), "src" | "dest") {
                    *value = folder.join(&*value).to_string_lossy().into_owned();
                }
            }
        }
        self
    }

    /// Returns the cache as one that a build leaves: with the results of all stages, and no build fails because of it,
    /// unless it says otherwise.
    pub fn exported(mut self) -> Self {
        for (key, value) in [("mode", "max"), ("ignore-error", "true")] {
            if self.get(key).is_none() {
                self.fields.push((key.to_owned(), value.to_owned()));
            }
        }
        self
    }

    /// Whether it is part of the image: every engine can leave such a one.
    pub fn is_inline(&self) -> bool {
        self.get("type") == Some("inline")
    }

    /// Returns it as buildx reads it: fields with a comma or a quote are quoted (RFC 4180).
    pub fn value(&self) -> String {
        let field = |(key, value): &(String, String)| match value.contains([',', '"']) {
            true => format!("\"{key}={}\"", value.replace('"', "\"\"")),
            false => format!("{key}={value}"),
        };
        self.fields.iter().map(field).collect::<Vec<_>>().join(",")
    }
}

/// Its type and place, without fields that may hold credentials.
impl fmt::Display for BuildCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = ["type", "ref", "src", "dest", "bucket", "name"];
        let value = |key| self.get(key).filter(|value| key != "ref" || unfit(value).is_none());
        let fields = shown.into_iter().filter_map(|key| Some(format!("{key}={}", value(key)?)));
        f.write_str(&fields.collect::<Vec<_>>().join(","))
    }
}

/// Returns a character that keeps `reference` from being one; an `@` that no digest follows could end a password.
fn unfit(reference: &str) -> Option<char> {
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_./:@[]".contains(c);
    let at = reference.split_once('@').filter(|(_, digest)| !digest.starts_with("sha256:")).map(|_| '@');
    reference.chars().find(|c| !fit(*c)).or(at)
}

/// Returns the fields of one line of comma-separated values (RFC 4180); none when its quotes do not fit.
fn split(line: &str) -> Option<Vec<String>> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => plain(rest)?,
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(fields),
        }
    }
}

/// Reads up to the quote that ends a field.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut field, mut rest) = (String::new(), text);
    loop {
        let (before, after) = rest.split_once('"')?;
        field.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Some((field, after)),
        }
    }
}

/// Reads up to the next comma.
fn plain(text: &str) -> Option<(String, &str)> {
    let (field, after) = text.split_at(text.find(',').unwrap_or(text.len()));
    (!field.contains('"')).then(|| (field.to_owned(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> String {
        BuildCache::parse(text).unwrap().value()
    }

    #[test]
    fn a_plain_reference_is_a_registry_s() {
        assert_eq!(value("ghcr.io/acme/cache:main"), "type=registry,ref=ghcr.io/acme/cache:main");
        assert_eq!(value("[::1]:5000/c@sha256:00"), "type=registry,ref=[::1]:5000/c@sha256:00");
    }

    #[test]
    fn what_buildx_reads_stays_as_it_is() {
        for text in
            ["type=gha,scope=a b", "type=local,\"src=/a,b\",tag=x", "type=s3,\"name=a\"\"b\"", "ref=x=y,type=registry"]
        {
            assert_eq!(value(text), text);
        }
    }

    #[test]
    fn an_export_has_all_stages_and_fails_no_build_unless_it_says_otherwise() {
        let exported = |text: &str| BuildCache::parse(text).unwrap().exported().value();
        assert_eq!(exported("a/b"), "type=registry,ref=a/b,mode=max,ignore-error=true");
        let text = "type=registry,ref=a/b,mode=min,ignore-error=false";
        assert_eq!(exported(text), text);
    }

    #[test]
    fn only_paths_of_local_caches_are_relative_to_a_folder() {
        let there = |text: &str| BuildCache::parse(text).unwrap().in_folder(Path::new("/p,q")).value();
        assert_eq!(there("type=local,src=cache"), "type=local,\"src=/p,q/cache\"");
        assert_eq!(there("type=local,dest=/cache"), "type=local,dest=/cache");
        assert_eq!(there("type=registry,ref=cache"), "type=registry,ref=cache");
    }

    #[test]
    fn what_is_shown_of_a_cache_has_no_credentials() {
        let cache = BuildCache::parse("type=s3,bucket=b,access_key_id=AK,secret_access_key=SK").unwrap();
        assert_eq!(cache.to_string(), "type=s3,bucket=b");
        let cache = BuildCache::parse("type=registry,ref=user:secret@example.com/x").unwrap();
        assert_eq!(cache.to_string(), "type=registry");
    }

    #[test]
    fn what_names_no_cache_is_refused() {
        for (text, error) in [
            ("", NoBuildCache::LooksLikeOption),
            ("--push", NoBuildCache::LooksLikeOption),
            ("type=local\n", NoBuildCache::Character('\n')),
            ("ref=x", NoBuildCache::NoType),
            ("type=,ref=x", NoBuildCache::NoType),
            ("type=local,src", NoBuildCache::NotFields),
            ("type=local,=x", NoBuildCache::NotFields),
            ("type=local,\"src=x", NoBuildCache::NotFields),
            ("type=local,\"src=x\"y", NoBuildCache::NotFields),
            ("type=lo\"cal", NoBuildCache::NotFields),
            ("user:secret;x", NoBuildCache::Reference(';')),
            ("user:secret@example.com/x", NoBuildCache::Reference('@')),
        ] {
            assert_eq!(BuildCache::parse(text), Err(error), "{text}");
        }
    }
}
