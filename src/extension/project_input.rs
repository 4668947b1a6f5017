//! Inputs that are files of the project: which paths there may be, and where each is asked for.
//!
//! Decides that none of them leads out of the project by its spelling. Leaves out reading the files, and links
//! (`workspace/`).

use super::check::Render;
use super::options::option_name;
use super::words::is_relative;
use super::{Input, Problem};
use crate::source::{Located, Spanned};

impl Render<'_> {
    /// Returns the input that `text`, a template, names; none where it is empty, or no such path, which is noted where
    /// the project says it.
    pub(super) fn project_input(&mut self, text: &Spanned<String>) -> Option<Input> {
        let path = self.value(text, |_| true, "a path");
        let option = option_name(&text.value).and_then(|name| self.set.get(name));
        let place = option.cloned().unwrap_or_else(|| self.extension.source.at(text.span()));
        let plain = path.trim_start_matches("./").trim_end_matches('/');
        match plain {
            _ if path.is_empty() => None,
            _ if is_relative(plain) => {
                Some(Input::Project { path: plain.to_owned(), place, files: Default::default() })
            }
            _ => {
                let expected = "the plain path of a file or folder inside the project";
                self.problems.found.push(Located { place, error: Problem::BadValue { text: path, expected } });
                None
            }
        }
    }
}
