//! What a shell would run: the commands of a RUN instruction, read without running anything.
//!
//! Decides where words, pipelines and here-documents begin and end, what `sudo`, `env` and `bash -c '…'` really call,
//! who runs it, and which bytes of the text each word came from. Leaves out values of variables, and every opinion on
//! the commands (`plan/caches.rs`, `lint/`). Reads every text in linear time: no shell would accept some of them, and
//! those are read as far as they make sense.

mod commands;
mod lexer;
mod text;
mod wrappers;

use crate::source::Span;

use text::Letter;

/// Scripts inside scripts are read this deep: nobody writes more, and a hostile text cannot exhaust the stack.
const DEEPEST: usize = 12;

/// The commands of a text in the order in which they are written; what a command's words hold follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The commands.
    pub commands: Vec<Command>,
}

/// A simple command: a program with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// `NAME=value` words in front of the program.
    pub assignments: Vec<Word>,
    /// Programs that only run another one, with their options: `sudo -E`, `env`, `time`.
    pub wrappers: Vec<Word>,
    /// What is called: the program's name without folder and version (`pip` for `/usr/bin/pip3.12`, and for
    /// `python3 -m pip`). Empty where there are only assignments or redirections.
    pub program: String,
    /// The words that name the program: one, or `python3 -m pip`.
    pub called: Vec<Word>,
    /// The words after those.
    pub arguments: Vec<Word>,
    /// Files that it reads from and writes to.
    pub redirects: Vec<Redirect>,
    /// Who runs it, as written after `sudo -u`, `su`, `gosu` …; none for whoever runs the step.
    pub user: Option<String>,
    /// What stands between it and the command before: `&&`, `||`, `;`, `|`, `&`, `(`, `)`, a line break or nothing.
    pub after: &'static str,
    /// The command whose output it reads: its index in [`Script::commands`].
    pub reads: Option<usize>,
    /// The command in whose words it stands, as `$(…)` or as the script of `sh -c`.
    pub inside: Option<Inside>,
}

/// Where a command stands in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inside {
    /// The other one's index in [`Script::commands`].
    pub command: usize,
    /// How.
    pub how: How,
}

/// How a command stands in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `$(…)`, `` `…` ``: its output is a part of a word.
    Substitution,
    /// `<(…)`, `>(…)`: its output or input is a file.
    Process,
    /// The text is a script that the other one runs: `sh -c '…'`, `bash <<EOF`.
    Script,
}

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word without its quotes; variables and substitutions stand in it as written.
    pub text: String,
    /// Where it stands, quotes included.
    pub span: Span,
    /// Whether any of it is quoted.
    pub quoted: bool,
    /// Whether the shell puts something else in its place: a variable or the output of a command.
    pub expands: bool,
    /// Its characters, each with its byte.
    letters: Vec<Letter>,
    /// The texts of `$(…)`, `` `…` ``, `<(…)` in it.
    nested: Vec<(How, Vec<Letter>)>,
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `<`, `>`, `>>`, `<<`, `<<<`, `>&` ….
    pub operator: &'static str,
    /// The file, or the word that ends a here-document.
    pub target: Word,
}

impl Script {
    /// Reads the command of a RUN instruction as it is written, continuations, here-documents and the exec form
    /// (`["pip", "install", "x"]`) included. It begins at the byte `offset` of its file, whose escape character
    /// (`# escape=`) is `escape`.
    pub fn of_run(command: &str, offset: usize, escape: char) -> Self {
        match text::exec_form(command, offset) {
            Some(words) => commands::exec(words),
            None => commands::script(&text::instruction(command, offset, escape)),
        }
    }
}

/// Returns the words of `text`, the rest of an instruction that no shell reads (`FROM`, `ADD`, `ENV`), the exec form
/// included. It begins at the byte `offset` of its file.
pub fn words(text: &str, offset: usize, escape: char) -> Vec<Word> {
    text::exec_form(text, offset).unwrap_or_else(|| text::words(&text::instruction(text, offset, escape), escape))
}

/// Returns what ends the here-documents that a line begins, in order, and whether tabs may stand before it.
pub fn here_documents(line: &str, escape: char) -> Vec<(String, bool)> {
    let mut open = None;
    let mut found = Vec::new();
    for token in lexer::tokens(&text::instruction(line, 0, escape)) {
        match (token, open.take()) {
            (lexer::Token::Redirect { operator, .. }, _) => open = Some(operator),
            (lexer::Token::Word(word), Some("<<")) => found.push((word.text, false)),
            (lexer::Token::Word(word), Some("<<-")) => found.push((word.text, true)),
            _ => {}
        }
    }
    found
}

impl Command {
    /// Whether it calls one of `programs`.
    pub fn calls(&self, programs: &[&str]) -> bool {
        programs.contains(&self.program.as_str())
    }

    /// Returns its arguments that are neither options nor the value of one of `valued`, the options that take the
    /// next word (also as the last of several letters: `-fsSLo`); all that follow `--`.
    pub fn operands(&self, valued: &[&str]) -> Vec<&Word> {
        let (mut operands, mut value, mut rest) = (Vec::new(), false, false);
        for word in &self.arguments {
            let text = word.text.as_str();
            if std::mem::take(&mut value) {
                continue;
            }
            match text {
                "--" if !rest => rest = true,
                _ if rest || !text.starts_with('-') || text == "-" => operands.push(word),
                _ => value = takes_next(text, valued),
            }
        }
        operands
    }

    /// Whether one of its arguments is one of `options`, with or without `=value`.
    pub fn has(&self, options: &[&str]) -> bool {
        let named = |word: &Word| options.contains(&word.text.split('=').next().unwrap_or_default());
        self.arguments.iter().any(named)
    }

    /// Whether its one-dash options hold the letter `option`: `y` in `-qy`.
    pub fn has_letter(&self, option: char) -> bool {
        let short = |word: &&Word| word.text.starts_with('-') && !word.text.starts_with("--");
        self.arguments.iter().filter(short).any(|word| word.text.contains(option))
    }

    /// Returns where it stands: from the first word that names the program to the last argument.
    pub fn span(&self) -> Span {
        let words = self.called.iter().chain(&self.arguments).map(|word| word.span.clone());
        words.reduce(|all, one| all.start.min(one.start)..all.end.max(one.end)).unwrap_or(0..0)
    }

    /// Returns all its words, the files of its redirections last.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        let targets = self.redirects.iter().map(|redirect| &redirect.target);
        self.assignments.iter().chain(&self.wrappers).chain(&self.called).chain(&self.arguments).chain(targets)
    }
}

/// Whether the word after `option` is its value.
fn takes_next(option: &str, valued: &[&str]) -> bool {
    let last = option.chars().last().filter(|_| !option.starts_with("--") && option.len() > 2);
    valued.contains(&option) || last.is_some_and(|last| valued.contains(&format!("-{last}").as_str()))
}

#[cfg(test)]
mod tests;
