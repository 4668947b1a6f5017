//! TOML files with a type: `deps.toml` and `extension.toml`.
//!
//! Decides how a file becomes a Rust type, and, when it does not, what is wrong with it: the type's own JSON Schema
//! is walked over the text, so that one run reports *every* unknown key, missing key and wrong type, and the
//! published schema can never say something else than the parser. Leaves out what values mean (`project/`,
//! `extension/`).

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;
use toml_edit::{Document, Item, TableLike, Value};

use crate::source::{Located, Source, Span, nearest};

/// Why a TOML file does not have the shape that its type asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeProblem {
    /// It is not TOML.
    #[error("not valid TOML: {message}")]
    Syntax {
        /// The parser's own words.
        message: String,
    },
    /// A key that the table does not have.
    #[error("unknown key `{key}` in {table}")]
    UnknownKey {
        /// The key as written.
        key: String,
        /// The table, as a phrase.
        table: String,
        /// The known key that is nearest to it.
        nearest: Option<String>,
        /// All known keys.
        known: Vec<String>,
    },
    /// A key that must be there.
    #[error("{table} has no `{key}`")]
    MissingKey {
        /// The missing key.
        key: String,
        /// The table, as a phrase.
        table: String,
    },
    /// A value of another type.
    #[error("`{key}` is {found}, but must be {expected}")]
    WrongType {
        /// The key, dotted.
        key: String,
        /// What it must be, as a phrase.
        expected: String,
        /// What it is, as a phrase.
        found: &'static str,
    },
    /// A string outside its list of values.
    #[error("`{key}` is `{found}`, but must be one of {}", list(allowed))]
    NotOneOf {
        /// The key, dotted.
        key: String,
        /// The value.
        found: String,
        /// The values it may have.
        allowed: Vec<String>,
    },
    /// Anything else that the type refuses.
    #[error("{message}")]
    Other {
        /// The deserializer's words.
        message: String,
    },
}

/// A value that is a string in its short form and a table in its long one, like `ccache = "*"`.
#[derive(Clone, Debug)]
pub enum StringOr<T> {
    /// The short form.
    String(String),
    /// The long form.
    Table(T),
}

/// A value that is true or false in its short form and a table, which means true, in its long one.
#[derive(Clone, Debug)]
pub enum BooleanOr<T> {
    /// The short form.
    Boolean(bool),
    /// The long form.
    Table(T),
}

impl<T> Default for BooleanOr<T> {
    fn default() -> Self {
        Self::Boolean(false)
    }
}

/// Reads `source` as a `T`.
///
/// # Errors
/// Every difference between the text and the type, in the order of the text.
pub fn parse<T: DeserializeOwned + JsonSchema>(source: &Source) -> Result<T, Vec<Located<ShapeProblem>>> {
    let document = Document::parse(source.text()).map_err(|error| {
        let message = error.message().replace('\n', ", ");
        vec![Located::new(source, error.span().unwrap_or(0..0), ShapeProblem::Syntax { message })]
    })?;
    T::deserialize(toml_edit::de::Deserializer::from(document)).map_err(|error| {
        // Read again, because reading the type has taken the document to pieces.
        let document = Document::parse(source.text()).expect("it was read before");
        let schema = schemars::schema_for!(T).to_value();
        let mut problems = Walk::over(source, &schema, document.as_item());
        if problems.is_empty() {
            let message = error.message().to_owned();
            problems.push(Located::new(source, error.span().unwrap_or(0..0), ShapeProblem::Other { message }));
        }
        problems.sort_by_key(|problem| problem.place.span.start);
        problems
    })
}

/// One walk of a schema over a document.
struct Walk<'a> {
    source: &'a Source,
    schema: &'a Json,
    problems: Vec<Located<ShapeProblem>>,
}

/// A node of the document with what is needed to speak of it.
#[derive(Clone, Copy)]
struct Node<'a> {
    item: &'a Item,
    path: &'a str,
    span: &'a Span,
}

impl<'a> Walk<'a> {
    fn over(source: &'a Source, schema: &'a Json, root: &Item) -> Vec<Located<ShapeProblem>> {
        let mut walk = Walk { source, schema, problems: Vec::new() };
        walk.check(schema, Node { item: root, path: "", span: &(0..0) });
        walk.problems
    }

    fn check(&mut self, schema: &'a Json, node: Node<'_>) {
        let schema = self.resolve(schema);
        if let Some(branches) = schema.get("anyOf").or(schema.get("oneOf")).and_then(Json::as_array) {
            return self.check_any(branches, node);
        }
        if !accepts(schema, node.item) {
            return self.wrong_type(vec![describe(schema)], node);
        }
        if let Some(table) = node.item.as_table_like() {
            self.check_table(schema, table, node);
        } else if let Some(tables) = node.item.as_array_of_tables() {
            for table in tables {
                let span = table.span().unwrap_or(node.span.clone());
                let item = Item::Table(table.clone());
                self.check(&schema["items"], Node { item: &item, path: node.path, span: &span });
            }
        } else if let Some(array) = node.item.as_array() {
            for value in array {
                let span = value.span().unwrap_or(node.span.clone());
                let item = Item::Value(value.clone());
                self.check(&schema["items"], Node { item: &item, path: node.path, span: &span });
            }
        }
        self.check_listed(schema, node);
    }

    fn check_any(&mut self, branches: &'a [Json], node: Node<'_>) {
        let branches: Vec<&'a Json> = branches.iter().map(|branch| self.resolve(branch)).collect();
        let literals: Vec<String> = branches.iter().flat_map(|branch| listed(branch)).collect();
        match branches.iter().find(|branch| accepts(branch, node.item) && listed(branch).is_empty()) {
            Some(branch) => self.check(branch, node),
            None if !literals.is_empty() && node.item.is_str() => self.not_one_of(literals, node),
            None => self.wrong_type(branches.iter().map(|branch| describe(branch)).collect(), node),
        }
    }

    fn check_table(&mut self, schema: &'a Json, table: &dyn TableLike, node: Node<'_>) {
        let properties = schema["properties"].as_object();
        let known = || properties.into_iter().flat_map(|map| map.keys().cloned()).collect::<Vec<String>>();
        let others = schema.get("additionalProperties");
        for (name, item) in table.iter() {
            let (key, _) = table.get_key_value(name).expect("the key was just iterated over");
            let key_span = key.span().unwrap_or(node.span.clone());
            let path = if node.path.is_empty() { name.to_owned() } else { format!("{}.{name}", node.path) };
            let span = item.span().filter(|_| item.is_value()).unwrap_or(key_span.clone());
            let child = Node { item, path: &path, span: &span };
            match (properties.and_then(|map| map.get(name)), others) {
                (Some(schema), _) => self.check(schema, child),
                (None, Some(schema @ Json::Object(_))) => self.check(schema, child),
                (None, Some(Json::Bool(false))) => {
                    let known = known();
                    let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
                    let table = phrase(node.path);
                    self.problem(
                        key_span,
                        ShapeProblem::UnknownKey { key: name.to_owned(), table, nearest: near, known },
                    );
                }
                (None, _) => {}
            }
        }
        for key in strings(schema.get("required")).into_iter().filter(|key| !table.contains_key(key)) {
            self.problem(node.span.clone(), ShapeProblem::MissingKey { key, table: phrase(node.path) });
        }
    }

    fn check_listed(&mut self, schema: &'a Json, node: Node<'_>) {
        let allowed = listed(schema);
        if !allowed.is_empty() && node.item.as_str().is_some_and(|text| !allowed.iter().any(|one| one == text)) {
            self.not_one_of(allowed, node);
        }
    }

    fn not_one_of(&mut self, allowed: Vec<String>, node: Node<'_>) {
        let found = node.item.as_str().unwrap_or_default().to_owned();
        if !allowed.contains(&found) {
            self.problem(node.span.clone(), ShapeProblem::NotOneOf { key: node.path.to_owned(), found, allowed });
        }
    }

    fn wrong_type(&mut self, mut expected: Vec<String>, node: Node<'_>) {
        expected.dedup();
        let problem = ShapeProblem::WrongType {
            key: node.path.to_owned(),
            expected: expected.join(" or "),
            found: found(node.item),
        };
        self.problem(node.span.clone(), problem);
    }

    fn problem(&mut self, span: Span, problem: ShapeProblem) {
        self.problems.push(Located::new(self.source, span, problem));
    }

    fn resolve(&self, schema: &'a Json) -> &'a Json {
        let target = schema.get("$ref").and_then(Json::as_str).and_then(|pointer| pointer.strip_prefix('#'));
        target.and_then(|pointer| self.schema.pointer(pointer)).unwrap_or(schema)
    }
}

/// The JSON Schema types of a schema; none when it accepts everything.
fn types(schema: &Json) -> Vec<String> {
    match &schema["type"] {
        Json::String(one) => vec![one.clone()],
        other => strings(Some(other)),
    }
}

fn accepts(schema: &Json, item: &Item) -> bool {
    let types = types(schema);
    let is = |name: &str| types.iter().any(|one| one == name);
    types.is_empty()
        || match item {
            Item::Value(Value::String(_) | Value::Datetime(_)) => is("string") && item.is_str(),
            Item::Value(Value::Integer(_)) => is("integer") || is("number"),
            Item::Value(Value::Float(_)) => is("number"),
            Item::Value(Value::Boolean(_)) => is("boolean"),
            Item::Value(Value::Array(_)) | Item::ArrayOfTables(_) => is("array"),
            Item::Value(Value::InlineTable(_)) | Item::Table(_) => is("object"),
            Item::None => true,
        }
}

fn describe(schema: &Json) -> String {
    let phrases = types(schema).into_iter().filter(|name| name != "null").map(|name| match name.as_str() {
        "string" => "a string".to_owned(),
        "integer" => "an integer".to_owned(),
        "number" => "a number".to_owned(),
        "boolean" => "true or false".to_owned(),
        "array" => "an array".to_owned(),
        _ => "a table".to_owned(),
    });
    phrases.collect::<Vec<_>>().join(" or ")
}

fn found(item: &Item) -> &'static str {
    match item {
        Item::Value(Value::String(_)) => "a string",
        Item::Value(Value::Integer(_)) => "an integer",
        Item::Value(Value::Float(_)) => "a number",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date",
        Item::Value(Value::Array(_)) => "an array",
        Item::ArrayOfTables(_) => "an array of tables",
        Item::Value(Value::InlineTable(_)) | Item::Table(_) => "a table",
        Item::None => "nothing",
    }
}

/// The strings that a schema lists as the only ones.
fn listed(schema: &Json) -> Vec<String> {
    schema["const"].as_str().map(|one| vec![one.to_owned()]).unwrap_or_else(|| strings(schema.get("enum")))
}

fn strings(json: Option<&Json>) -> Vec<String> {
    json.and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn phrase(path: &str) -> String {
    if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") }
}

fn list(words: &[String]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for StringOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Forms<T> {
            type Value = StringOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(StringOr::String(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(StringOr::Table)
            }
        }
        deserializer.deserialize_any(Forms(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for StringOr<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("StringOr{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for BooleanOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Forms<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Forms<T> {
            type Value = BooleanOr<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or a table")
            }
            fn visit_bool<E: serde::de::Error>(self, boolean: bool) -> Result<Self::Value, E> {
                Ok(BooleanOr::Boolean(boolean))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(BooleanOr::Table)
            }
        }
        deserializer.deserialize_any(Forms(std::marker::PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for BooleanOr<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        format!("BooleanOr{}", T::schema_name()).into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<T>();
        schemars::json_schema!({ "anyOf": [{ "type": "boolean" }, table] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Spanned;
    use std::collections::BTreeMap;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "some fields only shape the schema")]
    struct File {
        name: Spanned<String>,
        #[serde(default)]
        jobs: Option<u32>,
        #[serde(default)]
        mode: Option<Mode>,
        #[serde(default)]
        item: Vec<Entry>,
        #[serde(default)]
        tools: BTreeMap<Spanned<String>, Spanned<StringOr<Entry>>>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    enum Mode {
        Fast,
        Slow,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        path: Spanned<String>,
    }

    fn problems(text: &str) -> Vec<String> {
        let source = Source::new("deps.toml", text);
        parse::<File>(&source).expect_err("the text is wrong").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_file_keeps_the_spans_of_its_values() {
        let source = Source::new("deps.toml", "name = \"a\"\n[tools]\nccache = \"*\"\nnpm = { path = \"x\" }\n");
        let file: File = parse(&source).unwrap();
        assert_eq!(&source.text()[file.name.span()], "\"a\"");
        let keys: Vec<_> = file.tools.keys().map(|key| &source.text()[key.span()]).collect();
        assert_eq!(keys, ["ccache", "npm"]);
        let StringOr::Table(entry) = &file.tools.values().nth(1).unwrap().value else { panic!("a table") };
        assert_eq!(&source.text()[entry.path.span()], "\"x\"");
    }

    #[test]
    fn every_problem_of_a_file_is_reported_at_its_place() {
        let text =
            "jobs = \"four\"\nmodes = 1\nmode = \"fsat\"\n[[item]]\npaht = \"x\"\n[tools]\na = 3\nb = { path = 1 }\n";
        assert_eq!(
            problems(text),
            [
                "deps.toml:1:1: the file has no `name`",
                "deps.toml:1:8: `jobs` is a string, but must be an integer",
                "deps.toml:2:1: unknown key `modes` in the file",
                "deps.toml:3:8: `mode` is `fsat`, but must be one of `fast`, `slow`",
                "deps.toml:4:1: `item` has no `path`",
                "deps.toml:5:1: unknown key `paht` in `item`",
                "deps.toml:7:5: `tools.a` is an integer, but must be a string or a table",
                "deps.toml:8:14: `tools.b.path` is an integer, but must be a string",
            ]
        );
    }

    #[test]
    fn broken_toml_is_reported_where_it_breaks() {
        let found = problems("name = \"a\"\njobs = = 3\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("deps.toml:2:8: not valid TOML: "), "{found:?}");
    }
}
