//! Changes of a `deps.toml` that leave everything else as it was written: comments, order, spelling.
//!
//! Decides where a new line goes: in order where the lines around it are, else at the end. Leaves out whether the result
//! is a good project (`parse`), and writing it (`workspace/`).

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, TomlError, Value};

use super::OptionValue;

/// An extension to add.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// The requirement on its version; any when absent.
    pub requirement: Option<String>,
    /// The folder of one that the project brings itself.
    pub path: Option<String>,
    /// The repository of one that others keep.
    pub git: Option<String>,
    /// What to take of that repository.
    pub reference: Option<String>,
    /// The folder in that repository.
    pub dir: Option<String>,
    /// Options to set, by name.
    pub with: Vec<(String, OptionValue)>,
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file is not TOML.
    #[error("deps.toml is not valid TOML: {0}")]
    Syntax(String),
    /// The extension is there already.
    #[error("deps.toml has the extension `{0}` already")]
    Present(String),
    /// The extension is not there.
    #[error("deps.toml has no extension `{0}`")]
    Absent(String),
    /// Something else stands where a table must be.
    #[error("`{0}` in deps.toml is not a table")]
    NotATable(String),
}

/// Returns `text` with the extension `name`.
///
/// # Errors
/// When it is there already, or `text` is not a `deps.toml`.
pub fn add(text: &str, name: &str, addition: &Addition) -> Result<String, EditError> {
    change(text, |document| {
        let table = table(document.as_table_mut(), "extensions")?;
        if table.contains_key(name) {
            return Err(EditError::Present(name.to_owned()));
        }
        insert(table, name, described(addition));
        Ok(())
    })
}

/// Returns `text` without the extension `name`.
///
/// # Errors
/// When it is not there, or `text` is not a `deps.toml`.
pub fn remove(text: &str, name: &str) -> Result<String, EditError> {
    change(text, |document| {
        let table = table(document.as_table_mut(), "extensions")?;
        table.remove(name).map(|_| ()).ok_or_else(|| EditError::Absent(name.to_owned()))
    })
}

/// Returns `text` with the option `option` of the extension `name` set to `value`.
///
/// # Errors
/// When the extension is not there, or `text` is not a `deps.toml`.
pub fn set_option(text: &str, name: &str, option: &str, value: &OptionValue) -> Result<String, EditError> {
    change(text, |document| {
        let extensions = table(document.as_table_mut(), "extensions")?;
        let item = extensions.get_mut(name).ok_or_else(|| EditError::Absent(name.to_owned()))?;
        if let Some(version) = item.as_str().map(str::to_owned) {
            let mut long = InlineTable::new();
            if version != "*" {
                long.insert("version", version.into());
            }
            put(item, long.into());
        }
        make_room(item, "with");
        let wish = item.as_table_like_mut().ok_or_else(|| EditError::NotATable(format!("extensions.{name}")))?;
        wish.get_mut("with").into_iter().for_each(|with| make_room(with, option));
        if !wish.contains_key("with") {
            wish.insert("with", Item::Value(InlineTable::new().into()));
        }
        let with = wish.get_mut("with").and_then(Item::as_table_like_mut);
        replace(with.ok_or_else(|| EditError::NotATable(format!("extensions.{name}.with")))?, option, literal(value));
        Ok(())
    })
}

/// Returns `text` with the key `key` of the table `name`, `project` or `build`, set to `value`.
///
/// # Errors
/// When `text` is not a `deps.toml`.
pub fn set(text: &str, name: &str, key: &str, value: &OptionValue) -> Result<String, EditError> {
    change(text, |document| {
        replace(table(document.as_table_mut(), name)?, key, literal(value));
        Ok(())
    })
}

fn change(text: &str, edit: impl FnOnce(&mut DocumentMut) -> Result<(), EditError>) -> Result<String, EditError> {
    let parsed = text.parse();
    let mut document: DocumentMut = parsed.map_err(|error: TomlError| EditError::Syntax(error.message().to_owned()))?;
    edit(&mut document)?;
    Ok(document.to_string())
}

/// The table `name`, made at the end where there is none.
fn table<'t>(root: &'t mut Table, name: &str) -> Result<&'t mut dyn TableLike, EditError> {
    let item = root.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut().ok_or_else(|| EditError::NotATable(name.to_owned()))
}

/// Inserts in the order of names where the names are in order; `insert` alone appends.
fn insert(table: &mut dyn TableLike, name: &str, value: Value) {
    let names: Vec<String> = table.iter().map(|(name, _)| name.to_owned()).collect();
    let sorted = names.is_sorted();
    table.insert(name, Item::Value(value));
    if !sorted {
        return;
    }
    // What comes after is taken out and put back with its comments.
    let after: Vec<_> = names.iter().filter(|other| other.as_str() > name).collect();
    for other in after {
        let key = table.key(other).cloned();
        if let (Some(key), Some(item)) = (key, table.remove(other)) {
            table.entry_format(&key).or_insert(item);
        }
    }
}

/// Sets `key`, with the comment behind the old value kept.
fn replace(table: &mut dyn TableLike, key: &str, value: Value) {
    match table.get_mut(key) {
        Some(item) => put(item, value),
        None => _ = table.insert(key, Item::Value(value)),
    }
}

/// Takes the space before the brace away from the last value of an inline table that `key` will be added to.
fn make_room(item: &mut Item, key: &str) {
    let Some(inline) = item.as_inline_table_mut().filter(|inline| !inline.contains_key(key)) else { return };
    if let Some((_, last)) = inline.iter_mut().last() {
        last.decor_mut().set_suffix("");
    }
}

fn put(item: &mut Item, mut value: Value) {
    if let Some(old) = item.as_value() {
        *value.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(value);
}

fn described(addition: &Addition) -> Value {
    let Addition { requirement, path, git, reference, dir, with } = addition;
    if path.is_none() && git.is_none() && with.is_empty() {
        return requirement.as_deref().unwrap_or("*").into();
    }
    let mut long = InlineTable::new();
    for (key, value) in [("version", requirement), ("path", path), ("git", git), ("ref", reference), ("dir", dir)] {
        if let Some(value) = value {
            long.insert(key, value.as_str().into());
        }
    }
    if !with.is_empty() {
        let options: InlineTable = with.iter().map(|(name, value)| (name.as_str(), literal(value))).collect();
        long.insert("with", options.into());
    }
    long.into()
}

fn literal(value: &OptionValue) -> Value {
    match value {
        OptionValue::Boolean(value) => (*value).into(),
        OptionValue::Integer(value) => (*value).into(),
        OptionValue::String(value) => value.as_str().into(),
        OptionValue::List(values) => values.iter().collect::<toml_edit::Array>().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# the robot\n[project]\nname = \"p\"   # its name\nbase = 'debian:12'\n\n[extensions]\n# caches\nccache = \"*\"\nuv = \"^1\" # fast\n\n[build]\ntag = \"x\"\n";

    fn text(value: &str) -> OptionValue {
        OptionValue::String(value.to_owned())
    }

    #[test]
    fn a_line_goes_where_it_belongs_and_nothing_else_moves() {
        let added = add(TEXT, "npm", &Addition::default()).unwrap();
        assert_eq!(added, TEXT.replace("uv = \"^1\" # fast\n", "npm = \"*\"\nuv = \"^1\" # fast\n"));
        assert_eq!(remove(&added, "npm").unwrap(), TEXT);
        let last = Addition { requirement: Some("^2".into()), ..Addition::default() };
        assert_eq!(add(TEXT, "zz", &last).unwrap(), TEXT.replace("# fast\n", "# fast\nzz = \"^2\"\n"));
        let unsorted = "[extensions]\nuv = \"*\"\nccache = \"*\"\n";
        assert_eq!(add(unsorted, "npm", &Addition::default()).unwrap(), format!("{unsorted}npm = \"*\"\n"));
        assert_eq!(add("a = 1\n", "npm", &Addition::default()).unwrap(), "a = 1\n\n[extensions]\nnpm = \"*\"\n");
    }

    #[test]
    fn an_extension_with_options_takes_the_long_form() {
        let with = vec![("node".to_owned(), text("24.9.0")), ("jobs".to_owned(), OptionValue::Integer(4))];
        let addition =
            Addition { requirement: Some("^1".into()), path: Some("ext/a".into()), with, ..Addition::default() };
        let added = add("[extensions]\n", "a", &addition).unwrap();
        assert_eq!(
            added,
            "[extensions]\na = { version = \"^1\", path = \"ext/a\", with = { node = \"24.9.0\", jobs = 4 } }\n"
        );
        let git = Addition { git: Some("../a".into()), dir: Some("x".into()), ..Addition::default() };
        let line = "a = { git = \"../a\", dir = \"x\" }";
        assert_eq!(add("[extensions]\n", "a", &git).unwrap(), format!("[extensions]\n{line}\n"));
        let changed = set_option(&added, "a", "jobs", &OptionValue::Integer(8)).unwrap();
        assert_eq!(changed, added.replace("jobs = 4", "jobs = 8"));
        let long = set_option(TEXT, "uv", "version", &text("0.9")).unwrap();
        assert_eq!(long, TEXT.replace("\"^1\" # fast", "{ version = \"^1\", with = { version = \"0.9\" } } # fast"));
        let short = "[extensions]\na = { path = \"x\" } # mine\nb = {path=\"y\"}\n";
        let one = set_option(short, "a", "n", &OptionValue::Integer(1)).unwrap();
        assert_eq!(one, short.replace("\"x\" }", "\"x\", with = { n = 1 } }"));
        let two = set_option(&one, "a", "o", &OptionValue::Integer(2)).unwrap();
        assert_eq!(two, one.replace("n = 1 }", "n = 1, o = 2 }"));
        let tight = set_option(short, "b", "n", &OptionValue::Integer(1)).unwrap();
        assert!(tight.ends_with("b = {path=\"y\", with = { n = 1 } }\n"), "{tight}");
    }

    #[test]
    fn values_change_and_their_comments_stay() {
        assert_eq!(set(TEXT, "project", "name", &text("q")).unwrap(), TEXT.replace("\"p\"", "\"q\""));
        let added = set(TEXT, "build", "ca-certificates", &OptionValue::Boolean(true)).unwrap();
        assert_eq!(added, format!("{TEXT}ca-certificates = true\n"));
    }

    #[test]
    fn what_cannot_be_done_is_told() {
        assert_eq!(add(TEXT, "uv", &Addition::default()), Err(EditError::Present("uv".into())));
        assert_eq!(remove(TEXT, "npm"), Err(EditError::Absent("npm".into())));
        assert_eq!(set_option(TEXT, "npm", "a", &text("b")), Err(EditError::Absent("npm".into())));
        assert_eq!(add("extensions = 1\n", "a", &Addition::default()), Err(EditError::NotATable("extensions".into())));
        assert!(matches!(add("[", "a", &Addition::default()), Err(EditError::Syntax(_))));
    }
}
