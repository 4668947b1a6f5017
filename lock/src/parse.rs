//! Text to lock, with every problem of the text in one go.
//!
//! Decides what a lock must be, and where in the text it is not. Leaves out whether the text is canonical (compare it
//! with [`write`](crate::write())) and whether it fits the project (drift).

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use toml_edit::{Document, Item, TableLike};

use crate::entry::{Archive, Entry, Fetch, Format, Git, Image, Key, Kind, Pin, Revision, System};
use crate::extension::{Extension, Origin};
use crate::extra::Extra;
use crate::value::{Name, Platform, ValueError, shown};
use crate::{Lock, SCHEMA};

/// A problem of a lock's text.
///
/// The text of the span may hold a credential if `kind` is a [`ValueError::SecretInUrl`]: do not show it then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The bytes of the text that it is about; empty at a place where something is missing.
    pub span: Range<usize>,
}

/// What can be wrong with a lock's text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// More text than is read.
    #[error("the text has {bytes} bytes, more than {MAX_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// More keys, tables and values than are read.
    #[error("the text has {marks} line ends, dots, commas, `=`, `[` and `{{`, more than {MAX_MARKS}")]
    TooMuch {
        /// How many.
        marks: usize,
    },
    /// It is not TOML.
    #[error("not valid TOML: {message}")]
    TomlSyntax {
        /// The parser's own words.
        message: String,
    },
    /// A merge stopped in it.
    #[error("line {line} is a conflict marker that a merge left")]
    ConflictMarkers {
        /// The line of the first marker, from 1.
        line: usize,
    },
    /// A key or a table that stands twice, as after a merge that went wrong without a conflict.
    #[error("`{key}` is defined twice")]
    DuplicateKey {
        /// The last part of the key.
        key: String,
    },
    /// No `schema`.
    #[error("`schema` is missing")]
    SchemaMissing,
    /// A `schema` that no version ever wrote.
    #[error("`schema` is `{found}`, not a whole number from 1")]
    BadSchema {
        /// Its text.
        found: String,
    },
    /// A `schema` of a newer version.
    #[error("`schema` is {found}, newer than {known}, the newest that this version reads")]
    SchemaTooNew {
        /// The schema of the text.
        found: i64,
        /// The newest schema that this version reads.
        known: u32,
    },
    /// A value in the place of a kind or an entry.
    #[error("{subject} has type {found}, not table")]
    NotATable {
        /// What should be a table, as a phrase.
        subject: String,
        /// The type that it has.
        found: &'static str,
    },
    /// A name that an entry may not have.
    #[error("the name `{name}` in `[{kind}]` {error}")]
    BadName {
        /// The table that it stands in.
        kind: Kind,
        /// The name, shortened.
        name: String,
        /// Why it may not.
        error: ValueError,
    },
    /// A field that the entry must have.
    #[error("{key} has no `{field}`")]
    MissingField {
        /// The entry.
        key: Key,
        /// The field.
        field: &'static str,
    },
    /// A `type` that no entry has. A git repository has none.
    #[error("{key}: `type` is `{found}`, not `tar`, `zip`, `hg` or `svn`")]
    UnknownType {
        /// The entry.
        key: Key,
        /// Its type, shortened.
        found: String,
    },
    /// A field that other types have.
    #[error("{key}: `{field}` is no field of {kind}")]
    WrongField {
        /// The entry.
        key: Key,
        /// The field.
        field: &'static str,
        /// What the entry is, as a phrase.
        kind: &'static str,
    },
    /// A field that is not a string.
    #[error("{key}: `{field}` has type {found}, not string")]
    WrongType {
        /// The entry.
        key: Key,
        /// The field.
        field: String,
        /// The type that it has.
        found: &'static str,
    },
    /// A field with a string that may not stand there.
    #[error("{key}: `{field}` {error}")]
    BadValue {
        /// The entry.
        key: Key,
        /// The field.
        field: String,
        /// Why it may not.
        error: ValueError,
    },
}

/// The most bytes that are read.
const MAX_BYTES: usize = 32 << 20;
/// The most line ends, `=`, `.`, `,`, `[` and `{` that are read: each can begin a key, a table or a value, for which the TOML
/// parser takes up to 500 bytes of memory. A hundred thousand entries have about 1.5 million.
const MAX_MARKS: usize = 2_000_000;

/// Where problems are collected.
type Errors = Vec<ParseError>;

pub(crate) fn parse(text: &str) -> Result<Lock, Errors> {
    if let Some(kind) = too_large(text) {
        return Err(vec![ParseError { kind, span: 0..0 }]);
    }
    if let Some(error) = conflict_marker(text) {
        return Err(vec![error]);
    }
    let document = Document::parse(text).map_err(|error| vec![syntax_error(text, &error)])?;
    let mut errors = Errors::new();
    let schema = schema(document.as_table(), &mut errors)?;
    let mut lock = Lock { schema, ..Lock::new() };
    for kind in Kind::ALL {
        if let Some((key, item)) = document.get_key_value(kind.table()) {
            entries(kind, item, key.span().unwrap_or_default(), &mut lock, &mut errors);
        }
    }
    lock.extra = Extra::of(document.as_table(), |key| key == "schema" || Kind::of_table(key).is_some());
    errors.sort_by_key(|error| error.span.start);
    if errors.is_empty() { Ok(lock) } else { Err(errors) }
}

/// Finds what would need more memory than a lock is worth.
fn too_large(text: &str) -> Option<ParseErrorKind> {
    if text.len() > MAX_BYTES {
        return Some(ParseErrorKind::TooLong { bytes: text.len() });
    }
    let marks = text.bytes().filter(|byte| matches!(byte, b'\n' | b'=' | b'.' | b',' | b'[' | b'{')).count();
    (marks > MAX_MARKS).then_some(ParseErrorKind::TooMuch { marks })
}

/// Returns the first conflict marker. TOML would call it a bare key, and the canonical text has no line like it.
fn conflict_marker(text: &str) -> Option<ParseError> {
    let mut start = 0;
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        if content.starts_with("<<<<<<<") || content.starts_with(">>>>>>>") {
            let span = start..start + content.trim_end().len();
            return Some(ParseError { kind: ParseErrorKind::ConflictMarkers { line }, span });
        }
        start += content.len();
    }
    None
}

fn syntax_error(text: &str, error: &toml_edit::TomlError) -> ParseError {
    let span = error.span().unwrap_or(text.len()..text.len());
    let kind = match error.message() {
        "duplicate key" => {
            let key = text.get(span.clone()).unwrap_or_default();
            ParseErrorKind::DuplicateKey { key: shown(key.trim_matches(['"', '\''])) }
        }
        message => ParseErrorKind::TomlSyntax { message: message.to_owned() },
    };
    ParseError { kind, span }
}

/// Returns the schema, or [`SCHEMA`] and an error in `errors` where the entries can still be read.
fn schema(table: &dyn TableLike, errors: &mut Errors) -> Result<u32, Errors> {
    let Some((key, item)) = table.get_key_value("schema") else {
        errors.push(ParseError { kind: ParseErrorKind::SchemaMissing, span: 0..0 });
        return Ok(SCHEMA);
    };
    let span = item.span().or(key.span()).unwrap_or_default();
    match item.as_integer() {
        Some(found) if found > i64::from(SCHEMA) => {
            Err(vec![ParseError { kind: ParseErrorKind::SchemaTooNew { found, known: SCHEMA }, span }])
        }
        Some(found @ 1..) => Ok(u32::try_from(found).expect("it is at most SCHEMA")),
        found => {
            let found = found.map_or_else(|| item.type_name().to_owned(), |found| found.to_string());
            errors.push(ParseError { kind: ParseErrorKind::BadSchema { found }, span });
            Ok(SCHEMA)
        }
    }
}

/// Reads the table of a kind into `lock`.
fn entries(kind: Kind, item: &Item, span: Range<usize>, lock: &mut Lock, errors: &mut Errors) {
    let Some(table) = table(item, &format!("`{kind}`"), &span, errors) else { return };
    for (name, entry) in table.iter() {
        let span = table.key(name).and_then(toml_edit::Key::span).unwrap_or_else(|| span.clone());
        match Name::new(name) {
            Ok(name) => block(&Key { kind, name }, entry, span, lock, errors),
            Err(error) => {
                let kind = ParseErrorKind::BadName { kind, name: shown(name), error };
                errors.push(ParseError { kind, span });
            }
        }
    }
}

/// Reads the table of an entry into `lock`.
fn block(key: &Key, item: &Item, span: Range<usize>, lock: &mut Lock, errors: &mut Errors) {
    let Some(table) = table(item, &key.to_string(), &span, errors) else { return };
    if let Some(entry) = (Block { key, table, span, errors }).entry() {
        lock.insert(key.name.clone(), entry);
    }
}

/// Returns `item` as a table, or nothing and an error in `errors`.
fn table<'a>(item: &'a Item, subject: &str, span: &Range<usize>, errors: &mut Errors) -> Option<&'a dyn TableLike> {
    let table = item.as_table_like();
    if table.is_none() {
        let kind = ParseErrorKind::NotATable { subject: subject.to_owned(), found: item.type_name() };
        errors.push(ParseError { kind, span: item.span().unwrap_or_else(|| span.clone()) });
    }
    table
}

/// What an entry of `[repo]` is.
enum Type {
    Git,
    Archive(Format),
    Revision(System),
}

/// The table of one entry while it is read.
struct Block<'a> {
    key: &'a Key,
    table: &'a dyn TableLike,
    /// Where the name stands.
    span: Range<usize>,
    errors: &'a mut Errors,
}

impl Block<'_> {
    /// Reads every field before giving up for a missing one, so that all problems are found.
    fn entry(mut self) -> Option<Entry> {
        Some(match self.key.kind {
            Kind::Ext => Entry::Ext(self.extension()?),
            Kind::Fetch => Entry::Fetch(self.fetch()?),
            Kind::Image => Entry::Image(self.image()?),
            Kind::Input => Entry::Input(self.git()?),
            Kind::Repo => self.repo()?,
        })
    }

    /// Reads an entry whose `type` decides its other fields.
    fn repo(&mut self) -> Option<Entry> {
        Some(match self.repo_type()? {
            Type::Git => {
                self.refuse(&["digest"], "a git repository");
                Entry::Repo(self.git()?)
            }
            Type::Archive(format) => {
                self.refuse(&["want", "rev"], "an archive");
                Entry::Archive(self.archive(format)?)
            }
            Type::Revision(system) => {
                self.refuse(
                    &["want", "digest"],
                    if system == System::Hg { "an hg repository" } else { "an svn repository" },
                );
                Entry::Revision(self.revision(system)?)
            }
        })
    }

    fn repo_type(&mut self) -> Option<Type> {
        let Some((name, item)) = self.table.get_key_value("type") else { return Some(Type::Git) };
        let (key, found) = (self.key.clone(), item.type_name());
        let kind = match item.as_str() {
            Some("tar") => return Some(Type::Archive(Format::Tar)),
            Some("zip") => return Some(Type::Archive(Format::Zip)),
            Some("hg") => return Some(Type::Revision(System::Hg)),
            Some("svn") => return Some(Type::Revision(System::Svn)),
            Some(found) => ParseErrorKind::UnknownType { key, found: shown(found) },
            None => ParseErrorKind::WrongType { key, field: "type".to_owned(), found },
        };
        let span = item.span().or(name.span()).unwrap_or_else(|| self.span.clone());
        self.errors.push(ParseError { kind, span });
        None
    }

    /// Notes every one of `fields` that is there: `kind` has no such field.
    fn refuse(&mut self, fields: &[&'static str], kind: &'static str) {
        for &field in fields {
            let Some((name, item)) = self.table.get_key_value(field) else { continue };
            let span = name.span().or(item.span()).unwrap_or_else(|| self.span.clone());
            let kind = ParseErrorKind::WrongField { key: self.key.clone(), field, kind };
            self.errors.push(ParseError { kind, span });
        }
    }

    fn archive(&mut self, format: Format) -> Option<Archive> {
        let (reference, digest, url) = (self.optional("ref"), self.required("digest"), self.required("url"));
        let extra = self.others(&["type", "ref", "digest", "url"]);
        Some(Archive { format, reference: reference?, digest: digest?, url: url?, extra })
    }

    fn revision(&mut self, system: System) -> Option<Revision> {
        let reference = self.optional("ref");
        let pin = match system {
            System::Hg => self.required("rev").map(Pin::Hg),
            System::Svn => self.required("rev").map(Pin::Svn),
        };
        let url = self.required("url");
        let extra = self.others(&["type", "ref", "rev", "url"]);
        Some(Revision { reference: reference?, pin: pin?, url: url?, extra })
    }

    /// What says where an extension comes from makes it one of git.
    fn extension(&mut self) -> Option<Extension> {
        const ORIGIN: [&str; 5] = ["want", "ref", "rev", "dir", "url"];
        let (version, digest) = (self.required("version"), self.required("digest"));
        let is_git = ORIGIN.iter().any(|field| self.table.get(field).is_some());
        let (detected, origin) = match is_git {
            true => {
                self.refuse(&["detected"], "an extension from git");
                (Some(None), self.origin().map(Some))
            }
            false => (self.optional("detected"), Some(None)),
        };
        let extra =
            Extra::of(self.table, |key| matches!(key, "version" | "digest" | "detected") || ORIGIN.contains(&key));
        Some(Extension { version: version?, digest: digest?, detected: detected?, origin: origin?, extra })
    }

    fn origin(&mut self) -> Option<Origin> {
        let (want, reference) = (self.optional("want"), self.optional("ref"));
        let (rev, dir, url) = (self.required("rev"), self.optional("dir"), self.required("url"));
        Some(Origin { want: want?, reference: reference?, rev: rev?, dir: dir?, url: url? })
    }

    fn fetch(&mut self) -> Option<Fetch> {
        let (want, reference) = (self.optional("want"), self.optional("ref"));
        let url = self.required("url");
        let mut platforms = BTreeMap::new();
        for platform in self.table.iter().filter_map(|(key, _)| Platform::new(key).ok()) {
            platforms.insert(platform.clone(), self.optional(&platform));
        }
        let sums = platforms.into_iter().map(|(platform, sum)| Some((platform, sum??))).collect::<Option<_>>();
        let known = |key: &str| matches!(key, "want" | "ref" | "url") || Platform::new(key).is_ok();
        let extra = Extra::of(self.table, known);
        Some(Fetch { want: want?, reference: reference?, platforms: sums?, url: url?, extra })
    }

    fn image(&mut self) -> Option<Image> {
        let (reference, digest) = (self.required("ref"), self.required("digest"));
        Some(Image { reference: reference?, digest: digest?, extra: self.others(&["ref", "digest"]) })
    }

    fn git(&mut self) -> Option<Git> {
        let (want, reference) = (self.optional("want"), self.optional("ref"));
        let (rev, url) = (self.required("rev"), self.required("url"));
        let extra = self.others(&["want", "ref", "rev", "url"]);
        Some(Git { want: want?, reference: reference?, rev: rev?, url: url?, extra })
    }

    fn others(&self, known: &[&str]) -> Extra {
        Extra::of(self.table, |key| known.contains(&key))
    }

    fn required<T: FromStr<Err = ValueError>>(&mut self, field: &'static str) -> Option<T> {
        let value = self.optional(field)?;
        if value.is_none() {
            let kind = ParseErrorKind::MissingField { key: self.key.clone(), field };
            self.errors.push(ParseError { kind, span: self.span.clone() });
        }
        value
    }

    /// Returns `Some(None)` for a field that is not there, and none for one that is wrong.
    fn optional<T: FromStr<Err = ValueError>>(&mut self, field: &str) -> Option<Option<T>> {
        let Some((name, item)) = self.table.get_key_value(field) else { return Some(None) };
        let (key, field) = (self.key.clone(), field.to_owned());
        let kind = match item.as_str().map(str::parse) {
            Some(Ok(value)) => return Some(Some(value)),
            Some(Err(error)) => ParseErrorKind::BadValue { key, field, error },
            None => ParseErrorKind::WrongType { key, field, found: item.type_name() },
        };
        let span = item.span().or(name.span()).unwrap_or_else(|| self.span.clone());
        self.errors.push(ParseError { kind, span });
        None
    }
}
