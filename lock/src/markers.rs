//! Conflict markers: how a merge that stopped looks in a lock's text, and how its sides are read from there.
//!
//! Decides which lines are markers (git's, in the styles `merge`, `diff3` and `zdiff3`). Leaves out what the sides hold.

use crate::value::shown;

/// The shortest marker, which is git's own, and the longest that is written.
const SIZES: std::ops::RangeInclusive<usize> = 7..=120;

/// How conflicts are marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Markers {
    /// The length of a marker, in characters: at least 7, at most 120.
    pub size: usize,
    /// What is called ours.
    pub ours: String,
    /// What is called theirs.
    pub theirs: String,
    /// What the base is called; none where it is not shown.
    pub base: Option<String>,
}

impl Default for Markers {
    fn default() -> Self {
        Self { size: *SIZES.start(), ours: "ours".to_owned(), theirs: "theirs".to_owned(), base: None }
    }
}

impl Markers {
    /// Returns the pieces between markers. Whichever side is kept, what is left is laid out as a lock is: the empty line
    /// before a block stands inside where a side has no block.
    pub(crate) fn around(&self, base: &str, ours: &str, theirs: &str) -> String {
        let shared = ours.starts_with('\n') && theirs.starts_with('\n');
        let inner = |text: &str| text[usize::from(shared && text.starts_with('\n'))..].to_owned();
        let mut area = if shared { "\n".to_owned() } else { String::new() };
        area.push_str(&self.marker('<', &self.ours));
        area.push_str(&inner(ours));
        if let Some(label) = &self.base {
            area.push_str(&self.marker('|', label));
            area.push_str(&inner(base));
        }
        area.push_str(&self.marker('=', ""));
        area.push_str(&inner(theirs));
        area.push_str(&self.marker('>', &self.theirs));
        area
    }

    fn marker(&self, sign: char, label: &str) -> String {
        let size = self.size.clamp(*SIZES.start(), *SIZES.end());
        let label = shown(label);
        let space = if label.is_empty() { "" } else { " " };
        format!("{}{space}{label}\n", sign.to_string().repeat(size))
    }
}

/// The texts that a merge could not bring together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sides {
    /// The first side.
    pub ours: Side,
    /// The second side.
    pub theirs: Side,
    /// What both began with; none unless every conflict shows it. In git's style `zdiff3` it is right only where the
    /// sides differ: lines that both have count for the base as well.
    pub base: Option<Side>,
}

/// One text of a merge: what stands outside of all conflicts, and this side of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// What the first marker calls it, made fit for a message; may be empty.
    pub label: String,
    /// The whole text.
    pub text: String,
}

/// Why conflict markers cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkerProblem {
    /// A marker that belongs to no conflict.
    #[error("line {line} is a conflict marker without the ones before it")]
    Stray {
        /// Its line, from 1.
        line: usize,
    },
    /// A conflict in a conflict.
    #[error("line {line} begins a conflict inside another one")]
    Nested {
        /// Its line, from 1.
        line: usize,
    },
    /// A conflict that does not end.
    #[error("the conflict that line {line} begins has no end")]
    Unclosed {
        /// The line that begins it, from 1.
        line: usize,
    },
}

/// Returns the sides of the merge that stopped in `text`; none where it has no conflict.
///
/// # Errors
///
/// The markers do not belong together.
pub fn sides(text: &str) -> Result<Option<Sides>, MarkerProblem> {
    let mut reader = Reader::default();
    for (line, content) in (1..).zip(text.split_inclusive('\n')) {
        reader.line(line, content)?;
    }
    match reader.open {
        Some(Open { line, .. }) => Err(MarkerProblem::Unclosed { line }),
        None if reader.conflicts == 0 => Ok(None),
        None => {
            let base = (reader.bases == reader.conflicts).then_some(reader.base);
            Ok(Some(Sides { ours: reader.ours, theirs: reader.theirs, base }))
        }
    }
}

#[derive(Default)]
struct Reader {
    ours: Side,
    base: Side,
    theirs: Side,
    open: Option<Open>,
    conflicts: usize,
    /// How many of them show the base.
    bases: usize,
}

/// The conflict that is being read.
struct Open {
    /// Where it begins.
    line: usize,
    /// The length of its markers: longer ones belong to a conflict of an earlier merge, inside its base.
    size: usize,
    part: Part,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Ours,
    Base,
    Theirs,
}

impl Reader {
    fn line(&mut self, line: usize, content: &str) -> Result<(), MarkerProblem> {
        let marker = marker(content);
        let Some(open) = &mut self.open else {
            match marker {
                None => self.everywhere(content),
                Some(('<', size, label)) => {
                    self.conflicts += 1;
                    named(&mut self.ours, label);
                    self.open = Some(Open { line, size, part: Part::Ours });
                }
                Some(_) => return Err(MarkerProblem::Stray { line }),
            }
            return Ok(());
        };
        match (marker.filter(|(_, size, _)| *size == open.size), open.part) {
            (Some(('|', _, label)), Part::Ours) => {
                self.bases += 1;
                named(&mut self.base, label);
                open.part = Part::Base;
            }
            (Some(('=', ..)), Part::Ours | Part::Base) => open.part = Part::Theirs,
            (Some(('>', _, label)), Part::Theirs) => {
                named(&mut self.theirs, label);
                self.open = None;
            }
            (Some(('<', ..)), _) => return Err(MarkerProblem::Nested { line }),
            (Some(_), _) => return Err(MarkerProblem::Stray { line }),
            (None, Part::Ours) => self.ours.text.push_str(content),
            (None, Part::Base) => self.base.text.push_str(content),
            (None, Part::Theirs) => self.theirs.text.push_str(content),
        }
        Ok(())
    }

    fn everywhere(&mut self, content: &str) {
        for side in [&mut self.ours, &mut self.base, &mut self.theirs] {
            side.text.push_str(content);
        }
    }
}

/// Calls `side` what the first of its markers does.
fn named(side: &mut Side, label: &str) {
    if side.label.is_empty() {
        side.label = shown(label);
    }
}

/// Returns the sign, the length and the label of a line that is a marker. No line of a lock looks like one.
fn marker(line: &str) -> Option<(char, usize, &str)> {
    let sign = line.chars().next().filter(|sign| "<|=>".contains(*sign))?;
    let label = line.trim_start_matches(sign);
    let size = line.len() - label.len();
    let ends = label.is_empty() || label.starts_with([' ', '\r', '\n']);
    (size >= *SIZES.start() && ends).then(|| (sign, size, label.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> (String, Option<String>, String) {
        let sides = sides(text).unwrap().unwrap();
        (sides.ours.text, sides.base.map(|base| base.text), sides.theirs.text)
    }

    #[test]
    fn every_side_has_what_stands_around() {
        let text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\nd\n<<<<<<< HEAD\n=======\ne\n>>>>>>> topic\n";
        assert_eq!(texts(text), ("a\nb\nd\n".to_owned(), None, "a\nc\nd\ne\n".to_owned()));
        let sides = sides(text).unwrap().unwrap();
        assert_eq!((sides.ours.label.as_str(), sides.theirs.label.as_str()), ("HEAD", "topic"));
        assert_eq!(super::sides("schema = 1\n"), Ok(None));
    }

    #[test]
    fn a_base_counts_where_every_conflict_shows_it() {
        let one = "<<<<<<< a\nb\n||||||| base\nc\n=======\nd\n>>>>>>> e\n";
        assert_eq!(texts(one).1.as_deref(), Some("c\n"));
        assert_eq!(texts(&format!("{one}<<<<<<<\n=======\n>>>>>>>\n")).1, None);
    }

    #[test]
    fn longer_markers_in_a_base_are_those_of_an_earlier_merge() {
        let text = "<<<<<<< a\nb\n||||||| base\n<<<<<<<<< 1\nx\n=========\ny\n>>>>>>>>> 2\n=======\nd\n>>>>>>> e\n";
        let (ours, base, theirs) = texts(text);
        assert_eq!((ours.as_str(), theirs.as_str()), ("b\n", "d\n"));
        assert_eq!(base.as_deref(), Some("<<<<<<<<< 1\nx\n=========\ny\n>>>>>>>>> 2\n"));
    }

    #[test]
    fn markers_that_do_not_belong_together_are_named_by_line() {
        assert_eq!(sides("a\n>>>>>>> topic\n"), Err(MarkerProblem::Stray { line: 2 }));
        assert_eq!(sides("=======\n"), Err(MarkerProblem::Stray { line: 1 }));
        assert_eq!(sides("<<<<<<< a\nb\n"), Err(MarkerProblem::Unclosed { line: 1 }));
        assert_eq!(sides("<<<<<<< a\n<<<<<<< b\n"), Err(MarkerProblem::Nested { line: 2 }));
        assert_eq!(sides("<<<<<<< a\n>>>>>>> b\n"), Err(MarkerProblem::Stray { line: 2 }));
    }

    #[test]
    fn labels_hide_nothing_and_hold_no_credential() {
        let markers = Markers {
            size: 1_000_000,
            ours: "a\u{1b}[31m".to_owned(),
            theirs: "https://u:hunter2@x.org/".to_owned(),
            base: Some(String::new()),
        };
        let area = markers.around("", "b\n", "c\n");
        let sign = |sign: &str| sign.repeat(120);
        let expected = format!("{} a\\u{{1b}}[31m\nb\n{}\n{}\nc\n{} …\n", sign("<"), sign("|"), sign("="), sign(">"));
        assert_eq!(area, expected);
    }
}
