//! What the values of `extension.toml` mean, and what an extension says once its options are known.
//!
//! Decides which values are words, packages, paths and versions: whatever reaches a Dockerfile is checked here.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::file::{BuilderTable, ExtensionFile, FileTable, OptionTable};
use super::options::fits;
use super::snippet::Place;
use super::template::{self, Rendered, Scope};
use super::words::{Good, is_absolute, is_account, is_line, is_name, is_package, is_relative, is_variable, is_word};
use super::*;

/// Where a builder writes, per extension.
const OUT: &str = "/opt/deps";

/// Checks what does not depend on options; returns the version.
pub(super) fn file(source: &Source, name: &str, file: &ExtensionFile) -> Result<Version, Vec<Located<Problem>>> {
    let mut problems = Problems { source, found: Vec::new() };
    let table = &file.extension.value;
    if table.name.value != name {
        let problem = Problem::OtherName { folder: name.to_owned(), name: table.name.value.clone() };
        problems.push(&table.name, problem);
    }
    for line in [&table.summary].into_iter().chain(&table.deprecated) {
        problems.check(line, is_line, "one line of text");
    }
    let others = table.requires.iter().chain(&table.after).chain(&table.conflicts).chain(&file.apt.repositories_of);
    for name in others.chain(file.options.keys()).chain(file.inputs.keys()).chain(file.builders.keys()) {
        problems.check(name, is_name, "a name (`[a-z][a-z0-9_-]*`)");
    }
    for (name, option) in &file.options {
        let (free, limited) = (OptionTable { allowed: Vec::new(), ..option.value.clone() }, &option.value);
        for value in &limited.allowed {
            let single = OptionTable { kind: limited.kind.of_one(), ..free.clone() };
            problems.extend(value, fits(&name.value, &single, &value.value));
        }
        problems.extend(&limited.default, fits(&name.value, limited, &limited.default.value));
    }
    for pattern in file.detect.iter().flat_map(|detect| &detect.files) {
        problems.check(pattern, |text| globset::Glob::new(text).is_ok(), "a glob like `**/package.json`");
    }
    for (name, input) in &file.inputs {
        let InputTable { git, path, url, manifest, project, .. } = &input.value;
        let manifest = manifest.as_ref().is_some_and(|manifest| manifest.value);
        let ways = [git.is_some() || url.is_some(), path.is_some(), manifest, project.is_some()];
        if ways.into_iter().filter(|one| *one).count() != 1 {
            problems.push(input, Problem::UnclearInput { name: name.value.clone() });
        }
        url::check_keys(name, &input.value, &mut problems);
    }
    let version = Version::parse(&table.version.value);
    if version.is_err() {
        problems.push(
            &table.version,
            Problem::BadValue { text: table.version.value.clone(), expected: "a version like `1.2.0`" },
        );
    }
    problems.into_result()?;
    Ok(version.expect("a bad version is among the problems"))
}

/// Returns what `extension` says with `options`.
pub(super) fn configure(
    extension: &Extension,
    project: &Source,
    options: BTreeMap<String, OptionValue>,
    wish: Option<&ExtensionWish>,
) -> Result<Configured, Vec<Located<Problem>>> {
    let out = format!("{OUT}/{}", extension.name);
    let (name, version) = (extension.name.clone(), extension.version.to_string());
    let scope = Scope { name, version, out, options, words: BTreeMap::new() };
    let set = wish.iter().flat_map(|wish| &wish.with);
    let set = set.map(|(name, value)| (name.value.clone(), project.at(value.span()))).collect();
    let problems = Problems { source: &extension.source, found: Vec::new() };
    let mut render = Render { extension, scope, set, problems };
    let configured = render.all(wish);
    render.problems.into_result().map(|()| configured)
}

/// Renders and checks the parts of one extension.
pub(super) struct Render<'a> {
    pub(super) extension: &'a Extension,
    scope: Scope,
    /// Where the project sets options, by their names.
    pub(super) set: BTreeMap<String, crate::source::Place>,
    pub(super) problems: Problems<'a>,
}

impl Render<'_> {
    fn all(&mut self, wish: Option<&ExtensionWish>) -> Configured {
        let extension = self.extension;
        let ExtensionFile { extension: table, inputs, apt, runtime, user, account, cache, run, test, .. } =
            &*extension.file;
        let names = table.value.requires.iter().chain(&table.value.after);
        let inputs = inputs.iter().filter_map(|(name, input)| self.input(name, &input.value)).collect();
        Configured {
            name: extension.name.clone(),
            version: extension.version.clone(),
            tier: table.value.tier,
            after: names.map(|name| name.value.clone()).collect(),
            caches: table.value.caches.unwrap_or(true),
            apt_builder: self.packages(&apt.builder),
            apt_runtime: self.packages(&apt.runtime),
            apt_repositories: self.repositories(apt, &inputs),
            apt_repositories_of: apt.repositories_of.iter().map(|name| name.value.clone()).collect(),
            inputs,
            builders: self.builders(),
            files: self.files(runtime),
            env: runtime.env.iter().map(|(name, value)| self.variable(name, value)).collect(),
            path: runtime.path.iter().map(|path| self.value(path, is_absolute, "a plain absolute path")).collect(),
            paths: runtime.paths.iter().map(|(name, folders)| self.folders(name, folders)).collect(),
            runtime: runtime.snippet.as_ref().map(|file| self.snippet(file, Place::Final)),
            user: user.as_ref().map(|user| self.snippet(&user.snippet, Place::Final)),
            account: account.as_ref().map(|account| self.account(&account.value, wish)),
            cache_mounts: self.cache_mounts(cache),
            conflicts: table.value.conflicts.iter().map(|name| name.value.clone()).collect(),
            running: self.running(run),
            test: test.as_ref().map(|test| self.script(&test.script)),
        }
    }

    pub(super) fn variable(&mut self, name: &Spanned<String>, value: &Spanned<String>) -> (String, String) {
        self.problems.check(name, is_variable, "a variable name");
        (name.value.clone(), self.value(value, is_line, "one line of text"))
    }

    /// Folders for a variable that holds a list of them.
    fn folders(&mut self, name: &Spanned<String>, folders: &[Spanned<String>]) -> (String, Vec<String>) {
        let good = |name: &str| is_variable(name) && name != "PATH";
        self.problems.check(name, good, "a variable name, and not `PATH`, which `path` is for");
        (name.value.clone(), self.list(folders, is_absolute, "a plain absolute path"))
    }

    fn packages(&mut self, packages: &[Spanned<String>]) -> BTreeSet<String> {
        self.list(packages, is_package, "the name of a Debian package").into_iter().collect()
    }

    fn input(&mut self, name: &Spanned<String>, input: &InputTable) -> Option<(String, Input)> {
        let input = match (&input.git, &input.path) {
            _ if input.url.is_some() => Input::Url(Box::new(self.url_input(input)?)),
            (Some(url), _) => {
                let url = Spanned { value: self.value(url, is_line, "a URL"), span: url.span };
                let reference = input.reference.as_ref();
                let reference =
                    reference.map(|text| Spanned { value: self.value(text, is_word, "one word"), span: text.span });
                Input::Git { url, reference, source: self.extension.source.clone() }
            }
            (None, Some(path)) => {
                let files = self.extension.folder(&path.value);
                if files.is_empty() || !is_relative(&path.value) {
                    let (name, file) = (self.extension.name.clone(), path.value.clone());
                    self.problems.push(path, Problem::NoFile { name, file });
                }
                Input::Folder { files }
            }
            (None, None) => match &input.project {
                Some(path) => self.project_input(path)?,
                None => Input::Checkouts,
            },
        };
        Some((name.value.clone(), input))
    }

    fn url_input(&mut self, input: &InputTable) -> Option<UrlInput> {
        let mut value = |text: &Option<Spanned<String>>, good: Good, expected| {
            let text = text.as_ref()?;
            Some(Spanned { value: self.value(text, good, expected), span: text.span })
        };
        let version = match (value(&input.git, is_line, "a URL"), value(&input.version, is_word, "one word")) {
            (Some(git), _) => UrlVersion::Tag { git, reference: value(&input.reference, is_word, "one word")? },
            (None, Some(version)) => UrlVersion::Exact(version),
            (None, None) => UrlVersion::Unnamed,
        };
        let input = UrlInput::new(input, version, self.extension.source.clone(), self.scope.clone())?;
        self.problems.found.extend(input.sample().err());
        Some(input)
    }

    /// `[builder]` and `[builders.<name>]`, one that goes on from another after it.
    fn builders(&mut self) -> Vec<Builder> {
        let file = &self.extension.file;
        let named = file.builders.iter().map(|(name, table)| (name.value.as_str(), &table.value));
        let all: Vec<_> = file.builder.iter().map(|table| ("", &table.value)).chain(named).collect();
        let mut followers: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
        for (at, (_, table)) in all.iter().enumerate() {
            followers.entry(table.from.as_ref().map(|from| from.value.as_str())).or_default().push(at);
        }
        let mut ready: BTreeSet<usize> = followers.remove(&None).unwrap_or_default().into_iter().collect();
        let mut builders = Vec::new();
        while let Some(at) = ready.pop_first() {
            let (name, table) = all[at];
            builders.push(self.builder(name, table));
            ready.extend(followers.remove(&Some(name)).unwrap_or_default());
        }
        let left: BTreeSet<usize> = followers.into_values().flatten().collect();
        for from in left.into_iter().filter_map(|at| all[at].1.from.as_ref()) {
            self.problems.push(from, Problem::NoBuilder { name: from.value.clone() });
        }
        builders
    }

    fn builder(&mut self, name: &str, table: &BuilderTable) -> Builder {
        let snippet = self.snippet(&table.snippet, Place::Builder);
        let mut copies: Vec<Copy> = table.copy.iter().map(|copy| self.copy(&copy.value)).collect();
        copies.sort();
        copies.dedup();
        let from = table.from.as_ref().map(|from| self.stage(&from.value));
        for input in table.inputs.iter().flatten() {
            if !self.extension.file.inputs.keys().any(|name| name.value == input.value) {
                self.problems.push(input, Problem::NoInput { name: input.value.clone() });
            }
        }
        let inputs = table.inputs.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect());
        Builder { stage: self.stage(name), from, snippet, inputs, network: table.network, copies }
    }

    /// Names have no dots, so that no extension's stage is called as another's.
    fn stage(&self, name: &str) -> String {
        let dot = if name.is_empty() { "" } else { "." };
        format!("{}{dot}{name}-builder", self.extension.name)
    }

    /// `files` and `profile` of `[runtime]`.
    fn files(&mut self, table: &file::RuntimeTable) -> BTreeMap<String, File> {
        let mut files: BTreeMap<String, File> = BTreeMap::new();
        for Spanned { value: FileTable { from, to }, .. } in &table.files {
            let path =
                self.value(to, |text| is_absolute(text) && !text.ends_with('/'), "a plain absolute path of a file");
            let Some(file) = self.extension.files.iter().find(|file| file.path == from.value).cloned() else {
                let (name, file) = (self.extension.name.clone(), from.value.clone());
                self.problems.push(from, Problem::NoFile { name, file });
                continue;
            };
            if files.insert(path.clone(), file).is_some() {
                self.problems.push(to, Problem::FileTwice { path });
            }
        }
        if let Some(profile) = &table.profile {
            let content = self.script(profile).text.into_bytes();
            let path = format!("/etc/profile.d/deps-{}.sh", self.extension.name);
            files.insert(path, File { path: profile.value.clone(), executable: false, content });
        }
        files
    }

    /// A file of the extension as a template.
    fn script(&mut self, file: &Spanned<String>) -> Script {
        let rendered = self.template(file).map(|(source, rendered)| (source.name().to_owned(), rendered.text));
        let (file, text) = rendered.unwrap_or_else(|| (file.value.clone(), String::new()));
        Script { file, text }
    }

    fn copy(&mut self, table: &file::CopyTable) -> Copy {
        let from = self.value(&table.from, is_relative, "a plain path relative to the extension's output folder");
        let to = self.value(&table.to, is_absolute, "a plain absolute path");
        if from.ends_with('/') && !to.ends_with('/') {
            let expected = "a folder (it must end with `/`, as `from` does)";
            self.problems.push(&table.to, Problem::BadValue { text: to.clone(), expected });
        }
        let from = if from == "./" { String::new() } else { from };
        Copy { from: format!("{}/{from}", self.scope.out), to }
    }

    fn snippet(&mut self, file: &Spanned<String>, place: Place) -> Snippet {
        let Some((source, rendered)) = self.template(file) else {
            return Snippet { file: file.value.clone(), steps: Vec::new(), rendered: Default::default() };
        };
        let steps = snippet::parse(&source, &rendered, place).unwrap_or_else(|problems| {
            self.problems.found.extend(problems);
            Vec::new()
        });
        Snippet { file: source.name().to_owned(), steps, rendered }
    }

    /// Renders a file of the extension; none when there is a problem with it, which is noted.
    fn template(&mut self, file: &Spanned<String>) -> Option<(Source, Rendered)> {
        let Some(source) = self.extension.text(&file.value) else {
            let name = self.extension.name.clone();
            self.problems.push(file, Problem::NoFile { name, file: file.value.clone() });
            return None;
        };
        if source.text().len() > MOST_TEXT {
            let (name, bytes) = (self.extension.name.clone(), source.text().len());
            self.problems.push(file, Problem::TooLong { name, file: file.value.clone(), bytes });
            return None;
        }
        match template::render(&source, &self.scope) {
            Ok(rendered) => Some((source, rendered)),
            Err(problem) => {
                self.problems.found.push(problem);
                None
            }
        }
    }

    fn account(&mut self, table: &file::AccountTable, wish: Option<&ExtensionWish>) -> Account {
        let mut value = |option: &Spanned<String>| {
            let fixed = wish.is_some_and(|wish| wish.with.keys().any(|name| name.value == option.value));
            let value = match self.scope.options.get(&option.value) {
                Some(OptionValue::String(text)) if is_account(text) => text.clone(),
                Some(OptionValue::Integer(number)) if *number >= 0 => number.to_string(),
                _ => {
                    let expected = "an option that holds a user name or a numeric id";
                    self.problems.push(option, Problem::BadValue { text: option.value.clone(), expected });
                    String::new()
                }
            };
            AccountValue { value, fixed }
        };
        Account { name: value(&table.name), uid: value(&table.uid), gid: value(&table.gid) }
    }

    fn cache_mounts(&mut self, tables: &[Spanned<file::CacheTable>]) -> Vec<CacheMount> {
        let mut mounts: Vec<CacheMount> = Vec::new();
        for Spanned { value: table, .. } in tables {
            let id = self.value(&table.id, is_word, "one word");
            mounts.push(CacheMount { target: self.value(&table.target, is_absolute, "a plain absolute path"), id });
        }
        mounts.sort();
        mounts.dedup();
        mounts
    }

    /// Renders the values of a list and checks each. One with `{{ options.<name> }}` of a list option stands for as many
    /// values as that has, and one that a template makes empty for none.
    pub(super) fn list(&mut self, texts: &[Spanned<String>], good: Good, expected: &'static str) -> Vec<String> {
        let mut values = Vec::new();
        for text in texts {
            let Some((option, items)) = self.listed(&text.value) else {
                values.extend(self.entry(text, good, expected));
                continue;
            };
            for item in &items {
                self.scope.options.insert(option.clone(), OptionValue::String(item.clone()));
                values.extend(self.entry(text, good, expected));
            }
            self.scope.options.insert(option, OptionValue::List(items));
        }
        values
    }

    /// One value of a list; none where its template makes nothing.
    fn entry(&mut self, text: &Spanned<String>, good: Good, expected: &'static str) -> Option<String> {
        let is_nothing =
            text.value.contains('{') && template::render_value(&text.value, &self.scope) == Ok(String::new());
        (!is_nothing).then(|| self.value(text, good, expected))
    }

    /// The list option that a `{{ options.<name> }}` in `text` names, filters or not, but for `join`, and its values.
    fn listed(&self, text: &str) -> Option<(String, Vec<String>)> {
        let tags = text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
        tags.filter(|tag| !tag.contains("join")).find_map(|tag| {
            let name = tag.split('|').next()?.trim().strip_prefix("options.")?;
            let OptionValue::List(items) = self.scope.options.get(name)? else { return None };
            Some((name.to_owned(), items.clone()))
        })
    }

    /// Renders a value and checks the result.
    pub(super) fn value(&mut self, text: &Spanned<String>, good: Good, expected: &'static str) -> String {
        match template::render_value(&text.value, &self.scope) {
            Ok(value) if good(&value) => value,
            Ok(value) => {
                self.problems.push(text, Problem::BadValue { text: value.clone(), expected });
                value
            }
            Err(problem) => {
                self.problems.push(text, problem);
                String::new()
            }
        }
    }
}

/// Problems of one file, collected.
pub(super) struct Problems<'a> {
    pub(super) source: &'a Source,
    pub(super) found: Vec<Located<Problem>>,
}

impl Problems<'_> {
    pub(super) fn push<T>(&mut self, at: &Spanned<T>, problem: Problem) {
        self.found.push(Located::new(self.source, at.span(), problem));
    }

    fn extend<T>(&mut self, at: &Spanned<T>, result: Result<(), Problem>) {
        if let Err(problem) = result {
            self.push(at, problem);
        }
    }

    pub(super) fn check(&mut self, text: &Spanned<String>, good: Good, expected: &'static str) {
        if !good(&text.value) {
            self.push(text, Problem::BadValue { text: text.value.clone(), expected });
        }
    }

    pub(super) fn into_result(mut self) -> Result<(), Vec<Located<Problem>>> {
        self.found.sort_by(|a, b| {
            (a.place.source.name(), a.place.span.start).cmp(&(b.place.source.name(), b.place.span.start))
        });
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }
}
