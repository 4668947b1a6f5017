//! The user's own configuration, `config.toml`: what holds for a person or a machine and for no project.
//!
//! Decides which mirrors may stand there. Leaves out where the file is (`cli/`) and asking mirrors (`remote/`). No lock
//! and no stage key depends on anything in it.

use std::collections::BTreeMap;

use deps_lock::Url;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::source::{Located, Source, Spanned};
use crate::typed_toml::{self, ShapeProblem};

/// `config.toml`: what holds for this user, whatever the project.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "config.toml")]
pub struct ConfigurationFile {
    /// Beginnings of URLs, and what stands in their place when something is downloaded. The longest one counts. Both end
    /// with `/`; locks keep the URL as it was, and what comes must be what they have.
    #[serde(default)]
    pub mirror: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// The user's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Configuration {
    /// Beginnings of URLs, and what stands in their place.
    pub mirrors: BTreeMap<String, String>,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It does not have the shape of a `config.toml`.
    #[error(transparent)]
    Shape(#[from] ShapeProblem),
    /// A text that cannot be the beginning of URLs. One with a credential is not shown.
    #[error("`{text}` cannot be the beginning of a url: it {why}")]
    BadBeginning {
        /// The text.
        text: String,
        /// Why.
        why: String,
    },
}

/// Reads `source` as a configuration.
///
/// # Errors
/// Every problem of the file, in its order.
pub fn parse(source: &Source) -> Result<Configuration, Vec<Located<Problem>>> {
    let shape = |problems: Vec<Located<ShapeProblem>>| {
        problems.into_iter().map(|Located { place, error }| Located { place, error: error.into() }).collect::<Vec<_>>()
    };
    let file: ConfigurationFile = typed_toml::parse(source).map_err(shape)?;
    let mut problems = Vec::new();
    for (from, to) in &file.mirror {
        let schemes: [(&Spanned<String>, &[&str]); 2] =
            [(from, &["https://", "http://"]), (to, &["https://", "http://", "file:///"])];
        for (text, schemes) in schemes {
            let problem = check(&text.value, schemes).err();
            problems.extend(problem.map(|problem| Located::new(source, text.span(), problem)));
        }
    }
    problems.sort_by_key(|problem| problem.place.span.start);
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Configuration { mirrors: file.mirror.into_iter().map(|(from, to)| (from.value, to.value)).collect() })
}

fn check(text: &str, schemes: &[&str]) -> Result<(), Problem> {
    let bad = |text: &str, why: String| Err(Problem::BadBeginning { text: text.to_owned(), why });
    match Url::new(text) {
        Err(deps_lock::ValueError::SecretInUrl) => return bad("…", "holds a credential".to_owned()),
        Err(error) => return bad(text, error.to_string()),
        Ok(_) => {}
    }
    let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
    match rest {
        None => bad(text, format!("begins with none of `{}`", schemes.join("`, `"))),
        Some(rest) if rest.contains(['?', '#']) => bad(text, "holds a query or a fragment".to_owned()),
        Some(rest) if rest.starts_with('/') || rest.is_empty() => bad(text, "has no host".to_owned()),
        // `https://example.com` is also how `https://example.com.evil.example/` begins.
        Some(rest) if !rest.ends_with('/') => bad(text, "does not end with `/`".to_owned()),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_read() {
        let text = "[mirror]\n\"https://github.com/\" = \"http://mirror.example/github/\"\n\"https://x.org/a/\" = \"file:///srv/a/\"\n";
        let found = parse(&Source::new("config.toml", text)).unwrap().mirrors;
        assert_eq!(found["https://github.com/"], "http://mirror.example/github/");
        assert_eq!(found["https://x.org/a/"], "file:///srv/a/");
        assert_eq!(parse(&Source::new("config.toml", "")).unwrap(), Configuration::default());
    }

    #[test]
    fn every_problem_is_told_at_its_place_and_no_credential() {
        let text = concat!(
            "[mirror]\n",
            "\"https://github.com\" = \"ftp://mirror.example/\"\n",
            "\"https://a.org/\" = \"https://ada:hunter2@mirror.example/\"\n",
            "\"file:///a/\" = \"https:///\"\n",
            "\"https://b.org/?x=1/\" = \"-x\"\n",
        );
        let problems = parse(&Source::new("config.toml", text)).expect_err("problems");
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems,
            [
                "config.toml:2:1: `https://github.com` cannot be the beginning of a url: it does not end with `/`",
                "config.toml:2:24: `ftp://mirror.example/` cannot be the beginning of a url: it begins with none of `https://`, `http://`, `file:///`",
                "config.toml:3:20: `…` cannot be the beginning of a url: it holds a credential",
                "config.toml:4:1: `file:///a/` cannot be the beginning of a url: it begins with none of `https://`, `http://`",
                "config.toml:4:16: `https:///` cannot be the beginning of a url: it has no host",
                "config.toml:5:1: `https://b.org/?x=1/` cannot be the beginning of a url: it holds a query or a fragment",
                "config.toml:5:25: `-x` cannot be the beginning of a url: it starts with `-`",
            ]
        );
        let unknown = parse(&Source::new("config.toml", "mirrors = {}\n")).expect_err("a problem");
        assert_eq!(unknown[0].to_string(), "config.toml:1:1: unknown key `mirrors` in the file");
    }
}
