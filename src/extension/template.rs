//! Templates: minijinja with strict undefined, and which line of the template every line of the result came from.
//!
//! Decides what a template can see (`name`, `version`, `out`, `options`; in a url what `url.rs` adds) and how its errors are placed. Leaves out
//! what the text means (`snippet.rs`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, filters};

use super::{Problem, tags};
use crate::project::OptionValue;
use crate::source::{Located, Source};

/// What a template can see.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) out: String,
    pub(super) options: BTreeMap<String, OptionValue>,
    /// Names that are words here, whatever they are elsewhere; those without a word are not defined.
    pub(super) words: BTreeMap<&'static str, Option<String>>,
}

/// A rendered text with the way back to its template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The text.
    pub text: String,
    /// For each line of `text`, the line of the template that it came from; both from 0.
    pub origin: Vec<usize>,
}

/// Marks the beginning of a line of the template; a private character that no checked value holds.
const MARK: char = '\u{E000}';

/// The most bytes of a rendered text.
const MOST_RENDERED: usize = 4 << 20;
/// The most steps of a template: those of the catalogue take fewer than a hundred.
const MOST_STEPS: u64 = 100_000;

/// Renders `source`, in bounded time and memory.
///
/// # Errors
/// The template's syntax error, undefined name or tag that it may not have, at its place.
pub(super) fn render(source: &Source, scope: &Scope) -> Result<Rendered, Located<Problem>> {
    if is_plain(source.text()) {
        let text = source.text().to_owned();
        return Ok(Rendered { origin: (0..text.split_inclusive('\n').count()).collect(), text });
    }
    if let Some((span, message)) = tags::forbidden(source.text()) {
        return Err(Located::new(source, span, Problem::Template { message }));
    }
    let marked = marked(source.text());
    let mut text = Bounded(Vec::new());
    let template = ENVIRONMENT.template_from_str(&marked);
    template
        .and_then(|template| template.render_captured_to(names(scope), &mut text).map(drop))
        .map_err(|error| problem(source, &error, &marked))?;
    Ok(unmarked(&String::from_utf8(text.0).expect("templates are text, and so is what they become")))
}

/// Whether `text` is its own result: most values are, and need no template.
fn is_plain(text: &str) -> bool {
    !text.contains(['{', MARK])
}

fn names(scope: &Scope) -> Value {
    let Scope { name, version, out, options, words } = scope;
    let options: BTreeMap<&str, Value> = options.iter().map(|(name, value)| (name.as_str(), plain(value))).collect();
    let mut names = BTreeMap::from([
        ("name", Value::from(name.as_str())),
        ("version", Value::from(version.as_str())),
        ("out", Value::from(out.as_str())),
        ("options", Value::from_pairs(options)),
    ]);
    for (name, word) in words {
        match word {
            Some(word) => _ = names.insert(name, Value::from(word.as_str())),
            None => _ = names.remove(name),
        }
    }
    Value::from_pairs(names)
}

/// What templates know besides their scope.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(environment);

/// Few filters, and none that makes a value much longer.
fn environment() -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.add_filter("dashes", dashes);
    environment.add_filter("default", filters::default);
    environment.add_filter("join", join);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("quote", quote);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", minijinja::tests::is_defined);
    environment.set_fuel(Some(MOST_STEPS));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).keep_trailing_newline(true);
    environment.set_syntax(syntax.build().expect("the default delimiters are good"));
    environment.set_debug(true);
    environment
}

/// Puts the values of a list together, with `between` between them.
fn join(list: &Value, between: Option<&str>) -> Result<String, minijinja::Error> {
    if list.kind() != ValueKind::Seq {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "`join` takes a list"));
    }
    let values: Vec<String> = list.try_iter()?.map(|value| value.to_string()).collect();
    short(values.join(between.unwrap_or_default()))
}

/// Spells a name or a version as Debian packages have it: with `-` for `_` and `.`.
fn dashes(text: &str) -> String {
    text.replace(['_', '.'], "-")
}

/// Makes one word of the shell of any text.
fn quote(value: &Value) -> Result<String, minijinja::Error> {
    short(format!("'{}'", value.to_string().replace('\'', "'\\''")))
}

/// A filter that makes a value longer can be used again and again.
fn short(text: String) -> Result<String, minijinja::Error> {
    if text.len() > MOST_RENDERED {
        return Err(minijinja::Error::new(ErrorKind::WriteFailure, "too long"));
    }
    Ok(text)
}

/// A text that ends at [`MOST_RENDERED`].
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, more: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + more.len() > MOST_RENDERED {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Renders one value of `extension.toml`, in which nothing but names and plain text stands.
///
/// # Errors
/// As [`render`], with the words alone: the caller knows the place.
pub(super) fn render_value(text: &str, scope: &Scope) -> Result<String, Problem> {
    if is_plain(text) {
        return Ok(text.to_owned());
    }
    render(&Source::new("value", text), scope).map(|rendered| rendered.text).map_err(|located| located.error)
}

fn plain(value: &OptionValue) -> Value {
    match value {
        OptionValue::Boolean(value) => Value::from(*value),
        OptionValue::Integer(value) => Value::from(*value),
        OptionValue::String(value) => Value::from(value.as_str()),
        OptionValue::List(values) => values.iter().map(String::as_str).collect(),
    }
}

/// Puts a mark with its number at the beginning of each line that does not begin inside a tag.
fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut open = 0_usize;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if open == 0 {
            out.extend([MARK.to_string(), number.to_string(), MARK.to_string()]);
        }
        out.push_str(line);
        let count = |words: [&str; 3]| words.iter().map(|word| line.matches(word).count()).sum::<usize>();
        open = (open + count(["{{", "{%", "{#"])).saturating_sub(count(["}}", "%}", "#}"]));
    }
    out
}

/// Takes the marks out again.
fn unmarked(text: &str) -> Rendered {
    let mut rendered = Rendered { text: String::with_capacity(text.len()), origin: Vec::new() };
    let mut line_of_template = 0;
    for line in text.split_inclusive('\n') {
        for (index, piece) in line.split(MARK).enumerate() {
            match (index % 2, piece.parse()) {
                (1, Ok(number)) => line_of_template = number,
                _ => rendered.text.push_str(piece),
            }
        }
        rendered.origin.push(line_of_template);
    }
    rendered
}

fn problem(source: &Source, error: &minijinja::Error, marked: &str) -> Located<Problem> {
    let line = error.line().unwrap_or(1).saturating_sub(1);
    let start: usize = source.text().split_inclusive('\n').take(line).map(str::len).sum();
    let length = source.text()[start..].lines().next().map_or(0, str::len);
    let name = error.range().and_then(|range| marked.get(range)).filter(|text| !text.contains(MARK));
    let span = name.and_then(|name| source.text()[start..start + length].find(name).map(|at| (at, name.len())));
    let span = span.map_or(start..start + length, |(at, length)| start + at..start + at + length);
    let message = match (error.kind(), name) {
        (ErrorKind::UndefinedError, Some(name)) => format!("`{name}` is not defined"),
        (ErrorKind::OutOfFuel, _) => format!("it takes more than {MOST_STEPS} steps"),
        (ErrorKind::WriteFailure, _) => format!("it becomes more than {MOST_RENDERED} bytes"),
        (kind, _) => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
    };
    Located::new(source, span, Problem::Template { message })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let options = [("jobs", OptionValue::Integer(4)), ("fast", OptionValue::Boolean(true))];
        Scope {
            name: "tool".to_owned(),
            version: "1.2.3".to_owned(),
            out: "/opt/deps/tool".to_owned(),
            options: options.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            words: BTreeMap::new(),
        }
    }

    #[test]
    fn every_line_knows_the_line_of_the_template_it_came_from() {
        let text = "RUN a\n{% if options.fast %}\nRUN make -j{{ options.jobs }}\n{% endif %}\n{% for i in [1, 2] %}\nRUN {{ i }}\n{% endfor %}\nRUN z\n";
        let rendered = render(&Source::new("b", text), &scope()).unwrap();
        assert_eq!(rendered.text, "RUN a\nRUN make -j4\nRUN 1\nRUN 2\nRUN z\n");
        assert_eq!(rendered.origin, [0, 2, 5, 5, 7]);
    }

    #[test]
    fn a_misspelt_name_is_an_error_at_its_place() {
        let source = Source::new("builder.Dockerfile", "RUN a\nRUN make -j{{ options.jbos }}\n");
        let error = render(&source, &scope()).expect_err("`jbos` is undefined").to_string();
        assert_eq!(error, "builder.Dockerfile:2:15: template: `options.jbos` is not defined");
    }

    #[test]
    fn broken_syntax_is_an_error_at_its_line() {
        let error = render(&Source::new("s", "RUN a\nRUN {{ x\n"), &scope()).expect_err("an open tag").to_string();
        assert!(error.starts_with("s:2:"), "{error}");
    }

    #[test]
    fn a_template_cannot_run_or_grow_without_end() {
        let digits = (0..100).map(|digit| digit.to_string()).collect::<Vec<_>>().join(", ");
        let nested = |body: &str| {
            let open = (0..4).map(|depth| format!("{{% for a{depth} in [{digits}] %}}")).collect::<String>();
            format!("{open}{body}{}", "{% endfor %}".repeat(4))
        };
        let error = |text: &str| render(&Source::new("s", text), &scope()).expect_err("no end").error.to_string();
        assert_eq!(error(&nested("")), "template: it takes more than 100000 steps");
        assert_eq!(error(&nested(&"x".repeat(1000))), "template: it becomes more than 4194304 bytes");
        let quoted = format!("{{{{ name {}}}}}", "| quote ".repeat(40));
        assert_eq!(error(&quoted), "template: it becomes more than 4194304 bytes");
        assert!(error("{{ name * 9 }}").starts_with("template: `*` is not allowed here"));
    }
}
