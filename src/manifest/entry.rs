//! The tree of a manifest → its entries.
//!
//! Decides what each key means, in both formats, and checks every value where it stands. Leaves out YAML (`yaml`) and
//! what urls and versions may look like (`url`, `version`).

use std::collections::BTreeMap;

use deps_lock::{Name, Text, ValueError};

use super::problem::shown;
use super::yaml::{Content, Node, Pair};
use super::{
    Kind, Manifest, NameProblem, Problem, Repository, SkipReason, UrlProblem, Warning, Wish, WishError, url, version,
};
use crate::source::{Located, Source, Span, Spanned, nearest};

/// The keys of an entry below `repositories:`: type, url, version.
const REPOS_KEYS: [&str; 3] = ["type", "url", "version"];
/// The keys of an item of a rosinstall list.
const ROSINSTALL_KEYS: [&str; 3] = ["local-name", "uri", "version"];

/// Where names may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Below the destination.
    Inside,
    /// With `..` at their beginning out of it, too.
    Anywhere,
}

/// Returns the manifest that `root` says.
pub(super) fn manifest(source: &Source, root: &Node, names: Names) -> Result<Manifest, Vec<Located<Problem>>> {
    let mut reader = Reader { source, names, problems: Vec::new(), warnings: Vec::new() };
    let (extends, drafts) = reader.root(root);
    let repositories = reader.repositories(drafts);
    if !reader.problems.is_empty() {
        reader.problems.sort_by_key(|problem| problem.place.span.start);
        return Err(reader.problems);
    }
    reader.warnings.sort_by_key(|warning| warning.place.span.start);
    Ok(Manifest { repositories, extends, warnings: reader.warnings })
}

/// An entry before its values are checked.
struct Draft<'a> {
    name: &'a Node,
    kind: Option<&'a Node>,
    url: Option<&'a Node>,
    version: Option<&'a Node>,
    /// What its format calls the url.
    url_key: &'static str,
}

/// Collects what is wrong on the way.
struct Reader<'a> {
    source: &'a Source,
    names: Names,
    problems: Vec<Located<Problem>>,
    warnings: Vec<Located<Warning>>,
}

impl Reader<'_> {
    fn problem(&mut self, span: &Span, problem: Problem) {
        self.problems.push(Located::new(self.source, span.clone(), problem));
    }

    fn warn(&mut self, span: &Span, warning: Warning) {
        self.warnings.push(Located::new(self.source, span.clone(), warning));
    }

    fn skip(&mut self, span: &Span, name: Option<&str>, reason: SkipReason) {
        self.warn(span, Warning::Skipped { name: name.map(shown), reason });
    }

    fn wrong_shape(&mut self, span: &Span, key: &str, expected: &'static str, node: &Node) {
        let problem = Problem::WrongShape { key: shown(key), expected, found: node.content.phrase() };
        self.problem(span, problem);
    }

    fn root<'n>(&mut self, root: &'n Node) -> (Vec<Spanned<String>>, Vec<Draft<'n>>) {
        match &root.content {
            Content::Mapping(pairs) => self.top_level(pairs),
            Content::Sequence(items) => (Vec::new(), items.iter().filter_map(|item| self.item(item)).collect()),
            Content::Null => {
                self.warn(&root.span, Warning::Empty);
                (Vec::new(), Vec::new())
            }
            Content::Text { .. } => {
                self.problem(&root.span, Problem::NotAManifest { found: root.content.phrase() });
                (Vec::new(), Vec::new())
            }
        }
    }

    fn top_level<'n>(&mut self, pairs: &'n [Pair]) -> (Vec<Spanned<String>>, Vec<Draft<'n>>) {
        let (mut extends, mut drafts, mut has_repositories, mut unknown) = (None, Vec::new(), false, Vec::new());
        for (key, text, value) in self.last_of_each(pairs, |key, first| Warning::DuplicateKey { key, first }) {
            match text {
                "repositories" => {
                    has_repositories = true;
                    drafts = self.below_repositories(key, value);
                }
                "extends" => extends = Some(self.extends(key, value)),
                _ => unknown.push((key, text, value)),
            }
        }
        if has_repositories {
            unknown.into_iter().for_each(|(key, text, value)| self.unknown_at_top(key, text, value));
        } else if extends.is_none() {
            self.no_repositories(pairs, &unknown);
        }
        (extends.unwrap_or_default(), drafts)
    }

    fn no_repositories(&mut self, pairs: &[Pair], unknown: &[(&Node, &str, &Node)]) {
        let Some((key, first)) = pairs.iter().find_map(|(key, _)| Some((key, key.text()?))) else { return };
        let misspelt = unknown.iter().find(|(_, text, _)| nearest(text, ["repositories"]).is_some());
        let entries = unknown.iter().any(|(_, _, value)| looks_like_entry(value));
        let misspelt = misspelt.map(|(_, text, _)| shown(text));
        self.problem(&key.span, Problem::NoRepositories { first: shown(first), misspelt, entries });
    }

    fn unknown_at_top(&mut self, key: &Node, text: &str, value: &Node) {
        if looks_like_entry(value) {
            return self.warn(&key.span, Warning::MisindentedEntry { name: shown(text) });
        }
        let suggestion = nearest(&text.to_lowercase(), ["repositories", "extends"]).map(Into::into);
        self.warn(&key.span, Warning::UnknownKey { key: shown(text), suggestion });
    }

    fn extends(&mut self, key: &Node, value: &Node) -> Vec<Spanned<String>> {
        let items: Vec<&Node> = match &value.content {
            Content::Sequence(items) => items.iter().map(AsRef::as_ref).collect(),
            _ => vec![value],
        };
        let mut extends = Vec::new();
        for item in items {
            match item.text() {
                Some(text) => extends.push(Spanned::new(text.into(), item.span.clone())),
                None => self.wrong_shape(&key.span, "extends", "a path or a list of paths", item),
            }
        }
        extends
    }

    fn below_repositories<'n>(&mut self, key: &Node, value: &'n Node) -> Vec<Draft<'n>> {
        match &value.content {
            Content::Mapping(pairs) => {
                let entries = self.last_of_each(pairs, |name, first| Warning::DuplicateEntry { name, first });
                entries.into_iter().filter_map(|(key, name, value)| self.entry(key, name, value)).collect()
            }
            Content::Sequence(items) if items.is_empty() => Vec::new(),
            Content::Null => {
                self.warn(&key.span, Warning::Empty);
                Vec::new()
            }
            _ => {
                self.wrong_shape(&key.span, "repositories", "a mapping of folders to repositories", value);
                Vec::new()
            }
        }
    }

    fn entry<'n>(&mut self, key: &'n Node, name: &str, value: &'n Node) -> Option<Draft<'n>> {
        let Content::Mapping(pairs) = &value.content else {
            self.no_mapping(key, name, value);
            return None;
        };
        let [kind, url, version] = self.fields(pairs, REPOS_KEYS);
        Some(Draft { name: key, kind, url, version, url_key: "url" })
    }

    /// Reads `- <type>: {local-name: …, uri: …, version: …}`.
    fn item<'n>(&mut self, item: &'n Node) -> Option<Draft<'n>> {
        let pairs = match &item.content {
            Content::Mapping(pairs) => pairs,
            Content::Null => {
                self.skip(&item.span, None, SkipReason::Null);
                return None;
            }
            _ => {
                self.wrong_shape(&item.span, "item", "a mapping of a type to a repository", item);
                return None;
            }
        };
        let [(kind, value)] = &pairs[..] else {
            let keys = pairs.iter().take(5).map(|(key, _)| shown(key.text().unwrap_or("null"))).collect();
            self.problem(&pairs.first().map_or(&item.span, |(key, _)| &key.span).clone(), Problem::ItemKeys { keys });
            return None;
        };
        self.typed_item(kind, value)
    }

    fn typed_item<'n>(&mut self, kind: &'n Node, value: &'n Node) -> Option<Draft<'n>> {
        let Some(kind_text) = kind.text() else {
            self.problem(&kind.span, Problem::KeyNotText { found: kind.content.phrase() });
            return None;
        };
        if matches!(kind_text, "other" | "setup-file") {
            self.skip(&kind.span, None, SkipReason::NoRepository(kind_text.into()));
            return None;
        }
        let Content::Mapping(pairs) = &value.content else {
            self.no_mapping(kind, kind_text, value);
            return None;
        };
        let [name, url, version] = self.fields(pairs, ROSINSTALL_KEYS);
        if name.is_none() {
            self.skip(&kind.span, None, SkipReason::Missing("local-name"));
        }
        Some(Draft { name: name?, kind: Some(kind), url, version, url_key: "uri" })
    }

    fn no_mapping(&mut self, key: &Node, name: &str, value: &Node) {
        match value.content {
            Content::Null => self.skip(&key.span, Some(name), SkipReason::Null),
            _ => self.wrong_shape(&key.span, name, "a mapping with the repository's url", value),
        }
    }

    /// Returns the values of the `known` keys among `pairs`.
    fn fields<'n>(&mut self, pairs: &'n [Pair], known: [&str; 3]) -> [Option<&'n Node>; 3] {
        let mut fields = [None; 3];
        for (key, text, value) in self.last_of_each(pairs, |key, first| Warning::DuplicateKey { key, first }) {
            if let Some(index) = known.iter().position(|known| *known == text) {
                fields[index] = Some(value);
            } else {
                let suggestion = nearest(&text.to_lowercase(), known).map(Into::into);
                self.warn(&key.span, Warning::UnknownKey { key: shown(text), suggestion });
            }
        }
        fields
    }

    /// Returns key, text of the key and value of `pairs`: where a key repeats, its last value, and a warning.
    fn last_of_each<'n>(
        &mut self,
        pairs: &'n [Pair],
        duplicate: impl Fn(String, crate::source::Place) -> Warning,
    ) -> Vec<(&'n Node, &'n str, &'n Node)> {
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        for (index, (key, _)) in pairs.iter().enumerate() {
            let Some(text) = key.text() else {
                self.problem(&key.span, Problem::KeyNotText { found: key.content.phrase() });
                continue;
            };
            if let Some(before) = last.insert(text, index) {
                let first = self.source.at(pairs[before].0.span.clone());
                self.warn(&key.span, duplicate(shown(text), first));
            }
        }
        let mut kept: Vec<_> = last.into_iter().collect();
        kept.sort_by_key(|(_, index)| *index);
        kept.into_iter().map(|(text, index)| (&*pairs[index].0, text, &*pairs[index].1)).collect()
    }

    fn repositories(&mut self, drafts: Vec<Draft<'_>>) -> Vec<Repository> {
        let mut folders: BTreeMap<String, (&Node, usize)> = BTreeMap::new();
        let mut repositories: Vec<Option<Repository>> = Vec::new();
        for draft in drafts {
            let name = draft.name;
            let Some(path) = self.path(name) else { continue };
            let repository = self.repository(&draft, path.clone());
            if let Some((first, index)) = folders.get(&path).copied() {
                self.again(name, first);
                if repository.is_none() {
                    continue;
                }
                repositories[index] = None;
            }
            folders.insert(path, (name, repositories.len()));
            repositories.push(repository);
        }
        repositories.into_iter().flatten().collect()
    }

    /// Says that `name` has the folder of `first`: the same name again, which rosinstall lists can have, or another.
    fn again(&mut self, name: &Node, first: &Node) {
        let [text, other] = [name, first].map(|node| node.text().unwrap_or_default());
        let first = self.source.at(first.span.clone());
        if text == other {
            return self.warn(&name.span, Warning::DuplicateEntry { name: shown(text), first });
        }
        self.problem(&name.span, Problem::SameFolder { name: shown(text), other: shown(other), first });
    }

    fn path(&mut self, name: &Node) -> Option<String> {
        let Some(text) = name.text() else {
            self.wrong_shape(&name.span, "local-name", "text", name);
            return None;
        };
        let path = folder(text, self.names);
        path.map_err(|problem| self.problem(&name.span, Problem::BadName { name: shown(text), problem })).ok()
    }

    fn repository(&mut self, draft: &Draft<'_>, path: String) -> Option<Repository> {
        let name = path.as_str();
        let (Some(kind), Some(url)) = (draft.kind, draft.url) else {
            let missing = if draft.kind.is_none() { "type" } else { draft.url_key };
            self.skip(&draft.name.span, Some(name), SkipReason::Missing(missing));
            return None;
        };
        let kind = self.kind(name, kind);
        let url = self.url(name, draft.url_key, url, kind.as_ref().map_or(Kind::Git, |kind| kind.value));
        let is_git = kind.as_ref().is_none_or(|kind| kind.value == Kind::Git);
        let (version, wish) = self.version(name, draft.version, is_git)?;
        Some(Repository { kind: kind?, url: url?, version, wish, path: Spanned::new(path, draft.name.span.clone()) })
    }

    fn kind(&mut self, name: &str, node: &Node) -> Option<Spanned<Kind>> {
        let text = self.text(name, "type", node)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == text);
        if kind.is_none() {
            let suggestion = nearest(&text.to_lowercase(), Kind::ALL.map(Kind::name)).map(Into::into);
            let problem = Problem::UnknownType { name: shown(name), found: shown(text), suggestion };
            self.problem(&node.span, problem);
        }
        Some(Spanned::new(kind?, node.span.clone()))
    }

    fn url(&mut self, name: &str, key: &'static str, node: &Node, kind: Kind) -> Option<Spanned<String>> {
        let text = self.text(name, key, node)?;
        if url::is_local(text) {
            self.warn(&node.span, Warning::LocalUrl { name: shown(name) });
        }
        let problem = match url::check(text, kind) {
            Ok(()) => return Some(Spanned::new(text.into(), node.span.clone())),
            Err(UrlProblem::Value(ValueError::SecretInUrl)) => {
                Problem::SecretInUrl { name: shown(name), redacted: url::redacted(text) }
            }
            Err(problem) => Problem::BadUrl { name: shown(name), problem },
        };
        self.problem(&node.span, problem);
        None
    }

    /// Returns the version and what it asks for; none where it is wrong.
    fn version(&mut self, name: &str, node: Option<&Node>, is_git: bool) -> Option<(Option<Spanned<String>>, Wish)> {
        let Some(node) = node else { return Some((None, Wish::Head)) };
        let (text, plain) = match &node.content {
            Content::Null => ("", true),
            Content::Text { text, plain } => (text.as_str(), *plain),
            _ => {
                self.wrong_shape(&node.span, "version", "text", node);
                return None;
            }
        };
        if text.is_empty() {
            self.warn(&node.span, Warning::EmptyVersion { name: shown(name) });
            return Some((None, Wish::Head));
        }
        if plain && version::is_respelled(text) {
            self.warn(&node.span, Warning::Respelled { name: shown(name), text: shown(text) });
        }
        match if is_git { Wish::read(Some(text)) } else { other_version(text) } {
            Ok(wish) => Some((Some(Spanned::new(text.into(), node.span.clone())), wish)),
            Err(problem) => {
                self.problem(&node.span, Problem::BadVersion { name: shown(name), problem });
                None
            }
        }
    }

    /// Returns the text of a value that must have one.
    fn text<'n>(&mut self, name: &str, key: &'static str, node: &'n Node) -> Option<&'n str> {
        match &node.content {
            Content::Text { text, .. } if !text.is_empty() => return Some(text),
            Content::Text { .. } | Content::Null => {
                self.problem(&node.span, Problem::EmptyValue { name: shown(name), key });
            }
            _ => self.wrong_shape(&node.span, key, "text", node),
        }
        None
    }
}

/// Returns the folder that `name` names: the lock's rules for names, before and after `./a//b/` becomes `a/b`, and
/// `a/../../b`, where that is allowed, `../b`.
fn folder(name: &str, names: Names) -> Result<String, NameProblem> {
    if names == Names::Inside && name.split('/').any(|part| part == "..") {
        return Err(NameProblem::Outside);
    }
    Name::new(name.split('/').map(|part| if part == ".." { "above" } else { part }).collect::<Vec<_>>().join("/"))?;
    if name.contains(':') {
        return Err(NameProblem::Colon);
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." if parts.last().is_some_and(|last| *last != "..") => _ = parts.pop(),
            part => parts.push(part),
        }
    }
    match parts.last() {
        None => return Err(NameProblem::Destination),
        Some(&"..") => return Err(NameProblem::Above),
        Some(_) => {}
    }
    let folder = parts.join("/");
    Name::new(folder.as_str())?;
    Ok(folder)
}

/// Reads the version of a repository that is no git one: a revision, or the folder inside an archive.
fn other_version(text: &str) -> Result<Wish, WishError> {
    Text::new(text)?;
    if text.contains(char::is_whitespace) { Err(WishError::Whitespace) } else { Ok(Wish::Name(text.into())) }
}

fn looks_like_entry(value: &Node) -> bool {
    let Content::Mapping(pairs) = &value.content else { return false };
    pairs.iter().any(|(key, _)| matches!(key.text(), Some("type" | "url" | "uri")))
}
