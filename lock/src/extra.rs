//! What a newer version wrote and this one does not know.
//!
//! Decides which data is kept: all of TOML's, without its layout and comments. Leaves out what it means.

use std::collections::BTreeMap;

use toml_edit::{Array, Datetime, Item, TableLike, Value as Toml};

/// Unknown keys with their values. Only [`Lock::parse`](crate::Lock::parse) makes one that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra(BTreeMap<String, Value>);

impl Extra {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    pub(crate) fn insert(&mut self, key: &str, value: Value) {
        self.0.insert(key.to_owned(), value);
    }

    /// Returns those of `table` whose key is not `known`.
    pub(crate) fn of(table: &dyn TableLike, known: impl Fn(&str) -> bool) -> Self {
        let unknown = table.iter().filter(|(key, _)| !known(key));
        Self(unknown.filter_map(|(key, item)| Some((key.to_owned(), Value::of_item(item)?))).collect())
    }
}

/// A TOML value without its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A string.
    String(String),
    /// A number, a boolean or a time: its canonical text, which holds no quotes, brackets or line ends.
    Literal(String),
    /// A list.
    Array(Vec<Self>),
    /// A table, whether it was written inline or not.
    Table(Extra),
}

impl Value {
    fn of_item(item: &Item) -> Option<Self> {
        match item {
            Item::None => None,
            Item::Value(value) => Some(Self::of_value(value)),
            Item::Table(table) => Some(Self::of_table(table)),
            Item::ArrayOfTables(tables) => {
                Some(Self::Array(tables.iter().map(|table| Self::of_table(table)).collect()))
            }
        }
    }

    fn of_value(value: &Toml) -> Self {
        match value {
            Toml::String(string) => Self::String(string.value().clone()),
            Toml::Integer(integer) => Self::Literal(integer.value().to_string()),
            Toml::Float(float) => Self::Literal(float_text(*float.value())),
            Toml::Boolean(boolean) => Self::Literal(boolean.value().to_string()),
            Toml::Datetime(datetime) => Self::Literal(datetime_text(*datetime.value())),
            Toml::Array(array) => Self::of_array(array),
            Toml::InlineTable(table) => Self::of_table(table),
        }
    }

    fn of_array(array: &Array) -> Self {
        Self::Array(array.iter().map(Self::of_value).collect())
    }

    fn of_table(table: &dyn TableLike) -> Self {
        Self::Table(Extra::of(table, |_| false))
    }
}

/// Rust's shortest form that reads back as the same number; TOML differs in the case of `nan` only.
fn float_text(float: f64) -> String {
    if float.is_nan() { "nan".to_owned() } else { format!("{float:?}") }
}

/// TOML 1.0 has no times without seconds.
fn datetime_text(mut datetime: Datetime) -> String {
    if let Some(time) = &mut datetime.time {
        time.second = time.second.or(Some(0));
    }
    datetime.to_string()
}
