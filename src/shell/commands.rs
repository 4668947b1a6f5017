//! Words and operators → simple commands, and the scripts in them.
//!
//! Decides what is joined by a pipe, and which texts are scripts: substitutions, `sh -c '…'`, `eval`, `su -c`,
//! here-documents of a shell. Leaves out what in front of a program only runs it (`wrappers.rs`).

use std::collections::VecDeque;

use super::lexer::{self, Token};
use super::text::Letter;
use super::{Command, DEEPEST, How, Inside, Redirect, Script, Word, wrappers};

/// Words that begin a command without being one.
const KEYWORDS: [&str; 12] = ["!", "{", "}", "do", "done", "elif", "else", "fi", "if", "then", "until", "while"];
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"];

/// Returns the commands of a script.
pub(super) fn script(letters: &[Letter]) -> Script {
    let mut reader = Reader::default();
    reader.read(letters, None, 0);
    Script { commands: reader.commands }
}

/// Returns the commands of the exec form, in which no shell reads the words.
pub(super) fn exec(words: Vec<Word>) -> Script {
    let mut reader = Reader::default();
    reader.finish(Draft { words, ..Draft::default() }, None, 0);
    Script { commands: reader.commands }
}

#[derive(Default)]
struct Reader {
    commands: Vec<Command>,
}

/// A command that is being read.
#[derive(Default)]
struct Draft {
    words: Vec<Word>,
    redirects: Vec<Redirect>,
    /// A redirection whose word comes next.
    open: Option<&'static str>,
    after: &'static str,
    reads: Option<usize>,
}

impl Reader {
    fn read(&mut self, letters: &[Letter], inside: Option<Inside>, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        let (mut draft, mut last) = (Draft::default(), None);
        let mut waiting: VecDeque<usize> = VecDeque::new();
        for token in lexer::tokens(letters) {
            match token {
                Token::Word(word) => draft.word(word),
                Token::Redirect { operator, at } => draft.redirect(operator, at),
                Token::Operator(operator) => {
                    let done = self.finish(std::mem::take(&mut draft), inside, depth);
                    waiting.extend(done.into_iter().flat_map(|index| self.documents(index)));
                    last = done.or(last);
                    draft.after = operator;
                    draft.reads = last.filter(|_| operator == "|");
                }
                Token::Document { text, expands } => {
                    if let Some(index) = waiting.pop_front() {
                        self.document(index, &text, expands, depth);
                    }
                }
            }
        }
        self.finish(draft, inside, depth);
    }

    /// One index for each here-document of a command.
    fn documents(&self, index: usize) -> impl Iterator<Item = usize> + use<> {
        let redirects = &self.commands[index].redirects;
        let count = redirects.iter().filter(|redirect| matches!(redirect.operator, "<<" | "<<-")).count();
        std::iter::repeat_n(index, count)
    }

    /// Adds a command and what its words hold; none when there is nothing.
    fn finish(&mut self, draft: Draft, inside: Option<Inside>, depth: usize) -> Option<usize> {
        let Draft { mut words, redirects, open: _, after, reads } = draft;
        let keywords = words.iter().take_while(|word| !word.quoted && KEYWORDS.contains(&word.text.as_str())).count();
        words.drain(..keywords);
        if words.is_empty() && redirects.is_empty() {
            return None;
        }
        let index = self.commands.len();
        let command = Command { redirects, after, reads, inside, ..wrappers::command(words) };
        // Who runs a script runs its commands.
        let around = inside.filter(|inside| inside.how == How::Script);
        let around = around.and_then(|inside| self.commands[inside.command].user.clone());
        let script = inline_script(&command);
        // What a script's word substitutes is read with the script.
        let others = command.words().filter(|word| !script.is_some_and(|script| std::ptr::eq(*word, script)));
        let nested: Vec<(How, Vec<Letter>)> = others.flat_map(|word| word.nested.clone()).collect();
        let script = script.map(|word| word.letters.clone());
        self.commands.push(Command { user: command.user.clone().or(around), ..command });
        for (how, letters) in nested {
            self.read(&letters, Some(Inside { command: index, how }), depth + 1);
        }
        if let Some(letters) = script {
            self.read(&letters, Some(Inside { command: index, how: How::Script }), depth + 1);
        }
        Some(index)
    }

    /// Reads a here-document: a script, where a shell runs it; else only what it substitutes.
    fn document(&mut self, index: usize, text: &[Letter], expands: bool, depth: usize) {
        if runs_document(&self.commands[index], text, depth) {
            return self.read(text, Some(Inside { command: index, how: How::Script }), depth + 1);
        }
        if expands {
            for (how, letters) in lexer::substitutions(text) {
                self.read(&letters, Some(Inside { command: index, how }), depth + 1);
            }
        }
    }
}

impl Draft {
    fn word(&mut self, word: Word) {
        match self.open.take() {
            Some(operator) => self.redirects.push(Redirect { operator, target: word }),
            None => self.words.push(word),
        }
    }

    /// A number right before the operator's byte `at` is the file that is redirected, no word.
    fn redirect(&mut self, operator: &'static str, at: usize) {
        let number = |word: &mut Word| {
            !word.quoted && word.span.end == at && word.text.bytes().all(|byte| byte.is_ascii_digit())
        };
        _ = self.words.pop_if(number);
        self.open = Some(operator);
    }
}

/// The script that a command is given as a word.
fn inline_script(command: &Command) -> Option<&Word> {
    match command.program.as_str() {
        "eval" => command.arguments.first(),
        "su" | "runuser" => {
            let at = command.arguments.iter().position(|word| matches!(word.text.as_str(), "-c" | "--command"))?;
            command.arguments.get(at + 1)
        }
        shell if SHELLS.contains(&shell) && command.has_letter('c') => {
            let mut options = command.operands(&["-o", "+o"]).into_iter();
            options.find(|word| !matches!(word.text.as_str(), "pipefail" | "errexit" | "sh" | "ash"))
        }
        _ => None,
    }
}

/// Whether a shell runs the here-document of `command`: of a shell without a script, or of no command at all, as in
/// `RUN <<EOF`, unless its first line names another interpreter.
fn runs_document(command: &Command, text: &[Letter], depth: usize) -> bool {
    let first: String = text.iter().map(|letter| letter.letter).take_while(|letter| *letter != '\n').collect();
    let alone = command.program.is_empty() && command.assignments.is_empty() && depth == 0;
    let other = first.strip_prefix("#!").is_some_and(|line| {
        let name = line.split_whitespace().rfind(|word| !word.starts_with('-')).unwrap_or_default();
        !SHELLS.contains(&name.rsplit('/').next().unwrap_or(name))
    });
    let script = |word: &Word| !word.text.starts_with('-') && !matches!(word.text.as_str(), "pipefail" | "errexit");
    let shell = SHELLS.contains(&command.program.as_str()) && !command.arguments.iter().any(script);
    shell || (alone && !other)
}
