//! YAML text → a tree whose nodes know their place.
//!
//! Decides how much of YAML a manifest may use: one document, the standard tags, anchors, aliases and merge keys,
//! within limits of size and depth, so that a small file cannot stand for a huge one. A scalar keeps its spelling
//! (`1.10` is not 1.1), and a mapping keeps its order and its repeated keys. Leaves out what the tree means.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::problem::shown;
use crate::source::{Located, Source, Span};

/// Bytes of text that are read: the largest real manifest has 20 thousand, and the parser needs up to 230 bytes of
/// memory for each (a list in brackets is queued as a whole before its first event).
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Nodes of a tree, each alias counted as what it stands for.
pub(super) const MAX_NODES: usize = 1_000_000;
/// Levels of lists and mappings in each other.
pub(super) const MAX_DEPTH: usize = 64;

/// Why a text cannot be read as YAML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlProblem {
    /// It is not YAML.
    #[error("not valid YAML: {message}")]
    Syntax {
        /// The parser's own words.
        message: String,
    },
    /// A line that git leaves where a merge needs a person.
    #[error("a conflict of a merge is not resolved here")]
    ConflictMarkers,
    /// A second document.
    #[error("a second document starts here, but a manifest is one document")]
    SecondDocument,
    /// A tag that changes what a value is.
    #[error("the tag `{tag}` is not supported")]
    UnsupportedTag {
        /// The tag.
        tag: String,
    },
    /// `<<` with something else than a mapping or a list of mappings.
    #[error("`<<` takes a mapping or a list of mappings, not {found}")]
    BadMerge {
        /// What it has, as a phrase.
        found: &'static str,
    },
    /// An alias inside what it stands for.
    #[error("an alias stands inside its own anchor")]
    RecursiveAlias,
    /// More text than is read.
    #[error("the text has {bytes} bytes, more than {MAX_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Lists and mappings too deep in each other.
    #[error("lists and mappings are more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// Aliases that stand for too much.
    #[error("the text stands for more than {MAX_NODES} values")]
    TooManyNodes,
}

/// A value and where it stands.
#[derive(Debug)]
pub(super) struct Node {
    /// The bytes of a scalar; of a list or a mapping, where it begins.
    pub(super) span: Span,
    pub(super) content: Content,
    /// Nodes in it, itself included.
    nodes: usize,
    /// Levels below it.
    height: usize,
}

#[derive(Debug)]
pub(super) enum Content {
    /// An empty plain scalar, `~` or `null`.
    Null,
    Text {
        text: String,
        /// Whether other readers could take it for a number or a boolean.
        plain: bool,
    },
    Sequence(Vec<Rc<Node>>),
    /// Merge keys are resolved: what they bring in stands first, and never beside a key of the mapping itself.
    Mapping(Vec<Pair>),
}

/// A key and its value.
pub(super) type Pair = (Rc<Node>, Rc<Node>);

impl Content {
    /// Returns what this is, as a phrase.
    pub(super) fn phrase(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text { .. } => "text",
            Self::Sequence(_) => "a list",
            Self::Mapping(_) => "a mapping",
        }
    }
}

impl Node {
    fn leaf(span: Span, content: Content) -> Self {
        Self { span, content, nodes: 1, height: 0 }
    }

    /// Returns the text of a scalar that is not null.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Text { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Returns the one document of `source`; null where there is none.
///
/// # Errors
///
/// Returns the first thing that is wrong, inside the text.
pub(super) fn read(source: &Source) -> Result<Rc<Node>, Located<YamlProblem>> {
    check_text(source.text()).map_err(|(span, problem)| Located::new(source, span, problem))?;
    Composer::new(source.text()).compose().map_err(|(span, problem)| Located::new(source, span, problem))
}

type Failure = (Span, YamlProblem);

/// Finds what would make the parser slow, or its message unclear.
fn check_text(text: &str) -> Result<(), Failure> {
    if text.len() > MAX_BYTES {
        return Err((0..0, YamlProblem::TooLong { bytes: text.len() }));
    }
    for line in text.split_inclusive('\n') {
        let start = line.as_ptr() as usize - text.as_ptr() as usize;
        let span = start..start + line.trim_end().len();
        if ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker)) {
            return Err((span, YamlProblem::ConflictMarkers));
        }
        // saphyr-parser counts bytes instead of characters here, which would shift every span behind it.
        if line.starts_with('%') && !line.is_ascii() {
            let message = "a directive holds a character that is not ASCII".into();
            return Err((span, YamlProblem::Syntax { message }));
        }
    }
    Ok(())
}

/// Makes nodes of the parser's events.
struct Composer<'a> {
    parser: Parser<'a, StrInput<'a>>,
    marks: Marks<'a>,
    /// The lists and mappings that are not complete, outermost first.
    open: Vec<Open>,
    anchors: BTreeMap<usize, Rc<Node>>,
    /// Nodes so far, each alias counted as what it stands for.
    nodes: usize,
    root: Option<Rc<Node>>,
}

/// A list, or a mapping as keys and values in turn.
struct Open {
    span: Span,
    is_mapping: bool,
    anchor: usize,
    children: Vec<Rc<Node>>,
}

impl<'a> Composer<'a> {
    fn new(text: &'a str) -> Self {
        let marks = Marks::new(text);
        let parser = Parser::new_from_str(marks.text);
        Self { parser, marks, open: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None }
    }

    fn compose(mut self) -> Result<Rc<Node>, Failure> {
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event.map_err(|error| {
                let at = self.marks.byte(error.marker().index());
                (at..at, YamlProblem::Syntax { message: shown(error.info()) })
            })?;
            let span = self.marks.byte(span.start.index())..self.marks.byte(span.end.index());
            self.handle(event, &span).map_err(|problem| (span, problem))?;
        }
        Ok(self.root.unwrap_or_else(|| Rc::new(Node::leaf(0..0, Content::Null))))
    }

    fn handle(&mut self, event: Event<'_>, span: &Span) -> Result<(), YamlProblem> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => Err(YamlProblem::SecondDocument),
            Event::Scalar(text, style, anchor, tag) => {
                check_tag(tag.as_deref())?;
                let content = scalar(text.into_owned(), style, tag.is_some());
                let decorated = anchor > 0 || tag.is_some();
                let span = if decorated { self.marks.undecorated(span) } else { span.clone() };
                self.add(anchor, Node::leaf(span, content))
            }
            Event::SequenceStart(anchor, tag) => self.start(span.clone(), false, anchor, tag.as_deref()),
            Event::MappingStart(anchor, tag) => self.start(span.clone(), true, anchor, tag.as_deref()),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).ok_or(YamlProblem::RecursiveAlias)?.clone();
                self.attach(node)
            }
            _ => Ok(()),
        }
    }

    fn start(&mut self, span: Span, is_mapping: bool, anchor: usize, tag: Option<&Tag>) -> Result<(), YamlProblem> {
        check_tag(tag)?;
        if self.open.len() == MAX_DEPTH {
            return Err(YamlProblem::TooDeep);
        }
        self.open.push(Open { span, is_mapping, anchor, children: Vec::new() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), YamlProblem> {
        let open = self.open.pop().expect("the parser closes what it opened");
        let nodes = 1 + open.children.iter().map(|child| child.nodes).sum::<usize>();
        let height = 1 + open.children.iter().map(|child| child.height).max().unwrap_or(0);
        let content =
            if open.is_mapping { Content::Mapping(merged(open.children)?) } else { Content::Sequence(open.children) };
        self.nodes -= nodes - 1;
        self.add(open.anchor, Node { span: open.span, content, nodes, height })
    }

    fn add(&mut self, anchor: usize, node: Node) -> Result<(), YamlProblem> {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.attach(node)
    }

    fn attach(&mut self, node: Rc<Node>) -> Result<(), YamlProblem> {
        self.nodes += node.nodes;
        if self.nodes > MAX_NODES {
            return Err(YamlProblem::TooManyNodes);
        }
        if self.open.len() + node.height > MAX_DEPTH {
            return Err(YamlProblem::TooDeep);
        }
        match self.open.last_mut() {
            Some(open) => open.children.push(node),
            None => self.root = Some(node),
        }
        Ok(())
    }
}

/// The tags of YAML's core schema (yaml.org/spec/1.2.2 §10.3) and the empty one leave a value as it is written.
fn check_tag(tag: Option<&Tag>) -> Result<(), YamlProblem> {
    let Some(tag) = tag else { return Ok(()) };
    let known = ["str", "int", "float", "bool", "null", "map", "seq"];
    let core = tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str());
    let unspecific = tag.handle.is_empty() && tag.suffix == "!";
    if core || unspecific {
        return Ok(());
    }
    let handle = if tag.is_yaml_core_schema() { "!!" } else { &tag.handle };
    Err(YamlProblem::UnsupportedTag { tag: shown(&format!("{handle}{}", tag.suffix)) })
}

fn scalar(text: String, style: ScalarStyle, tagged: bool) -> Content {
    let plain = style == ScalarStyle::Plain && !tagged;
    if plain && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return Content::Null;
    }
    Content::Text { text, plain }
}

/// Pairs `children` up and puts what `<<` brings in before the mapping's own pairs (yaml.org/type/merge.html).
fn merged(children: Vec<Rc<Node>>) -> Result<Vec<Pair>, YamlProblem> {
    let (merges, own): (Vec<Pair>, Vec<Pair>) = pairs(children).partition(|(key, _)| is_merge(key));
    if merges.is_empty() {
        return Ok(own);
    }
    let mut taken: BTreeSet<String> = own.iter().filter_map(|(key, _)| key.text()).map(Into::into).collect();
    let mut pairs = Vec::new();
    for (_, value) in &merges {
        for (key, value) in merge_sources(value)?.into_iter().flatten() {
            if key.text().is_none_or(|text| taken.insert(text.into())) {
                pairs.push((Rc::clone(key), Rc::clone(value)));
            }
        }
    }
    pairs.extend(own);
    Ok(pairs)
}

fn pairs(children: Vec<Rc<Node>>) -> impl Iterator<Item = Pair> {
    let mut children = children.into_iter();
    std::iter::from_fn(move || Some((children.next()?, children.next()?)))
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.content, Content::Text { text, plain: true } if text == "<<")
}

/// Returns the mappings that `value` of `<<` names; of two with the same key, the first one counts.
fn merge_sources(value: &Node) -> Result<Vec<&[Pair]>, YamlProblem> {
    match &value.content {
        Content::Sequence(items) => items.iter().map(|item| merge_source(item)).collect(),
        _ => Ok(vec![merge_source(value)?]),
    }
}

fn merge_source(node: &Node) -> Result<&[Pair], YamlProblem> {
    match &node.content {
        Content::Mapping(pairs) => Ok(pairs),
        other => Err(YamlProblem::BadMerge { found: other.phrase() }),
    }
}

/// Turns the parser's marks, which count characters, into bytes of the whole text.
struct Marks<'a> {
    /// The text without a byte order mark.
    text: &'a str,
    /// Bytes of the byte order mark.
    base: usize,
    /// The byte of every 64th character; empty where characters are bytes.
    every_64th: Vec<usize>,
}

impl<'a> Marks<'a> {
    fn new(whole: &'a str) -> Self {
        let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
        let every_64th =
            if text.is_ascii() { Vec::new() } else { text.char_indices().step_by(64).map(|(at, _)| at).collect() };
        Self { text, base: whole.len() - text.len(), every_64th }
    }

    /// Returns `span`, which the parser begins at a tag or an anchor, without them.
    fn undecorated(&self, span: &Span) -> Span {
        let whole = &self.text[span.start - self.base..span.end - self.base];
        let mut rest = whole;
        while rest.starts_with(['&', '!']) {
            rest = rest.find(char::is_whitespace).map_or("", |end| rest[end..].trim_start());
        }
        span.start + whole.len() - rest.len()..span.end
    }

    /// Returns the byte at which character `index` of the parsed text begins, or the end.
    fn byte(&self, index: usize) -> usize {
        let near = self.every_64th.get(index / 64).copied();
        let (start, further) = match near {
            Some(start) => (start, index % 64),
            None if self.every_64th.is_empty() => return self.base + index.min(self.text.len()),
            None => (self.text.len(), 0),
        };
        let rest = &self.text[start..];
        self.base + start + rest.char_indices().nth(further).map_or(rest.len(), |(at, _)| at)
    }
}
