//! Snippets: a few Dockerfile instructions that an extension adds to a stage.
//!
//! Decides which instructions a snippet may hold. It cannot reach the build context, which is everybody's store:
//! COPY, ADD, FROM, `# syntax` and bind mounts of the context are refused (DESIGN §6.1). Leaves out cache mounts
//! and the final text (`plan/`, `dockerfile/`).

use std::collections::BTreeMap;

use parse_dockerfile::{Command, Instruction, RunInstruction, UnescapedString};

use super::template::Rendered;
use super::{Network, Problem};
use crate::source::{Located, Source, Span};

/// One instruction of a snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// The line of the snippet's file that it begins on, from 1.
    pub line: usize,
}

/// What an instruction of a snippet does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `RUN`.
    Run(Run),
    /// `ENV`, `ARG`, `WORKDIR` or `SHELL` with the rest of the instruction as written.
    Set {
        /// The instruction's name in capitals.
        keyword: &'static str,
        /// Everything after it, on one line.
        text: String,
    },
}

/// A `RUN` instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its mounts: the options of each `--mount`, sorted by name.
    pub mounts: Vec<BTreeMap<String, String>>,
    /// Its own network, where it names one.
    pub network: Option<Network>,
    /// Everything after the flags as written, here-documents included.
    pub command: String,
}

/// Where a snippet stands, which decides what it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Builder,
    Final,
}

/// The line that makes a snippet a whole Dockerfile for the parser.
const HEAD: &str = "FROM scratch\n";

/// Reads the steps of a snippet.
///
/// # Errors
/// Every instruction that a snippet may not hold, each at its line.
pub(super) fn parse(file: &Source, rendered: &Rendered, place: Place) -> Result<Vec<Step>, Vec<Located<Problem>>> {
    let text = format!("{HEAD}{}", rendered.text);
    let reader = Reader { file, rendered, text: &text };
    if rendered.text.lines().take_while(|line| line.trim_start().starts_with('#')).any(is_directive) {
        return Err(vec![reader.problem(
            HEAD.len()..HEAD.len(),
            forbidden("a parser directive", "it would belong to the whole Dockerfile"),
        )]);
    }
    let dockerfile = parse_dockerfile::parse(&text).map_err(|error| {
        let line = error.line().saturating_sub(1);
        let start = text.split_inclusive('\n').take(line).map(str::len).sum();
        vec![reader.problem(start..start, Problem::Snippet { message: error.to_string() })]
    })?;
    let mut steps = Vec::new();
    let mut problems = Vec::new();
    for instruction in dockerfile.instructions.iter().skip(1) {
        match reader.step(instruction, place) {
            Ok(step) if ends(&step) => steps.push(step),
            Ok(_) => {
                let message = "this instruction does not end: it would take in what follows it".to_owned();
                problems.push(reader.problem(start_of(instruction), Problem::Snippet { message }));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(steps) } else { Err(problems) }
}

/// Whether what stands after `step` in a Dockerfile stays an instruction of its own: not after a line that is continued.
fn ends(step: &Step) -> bool {
    let (keyword, text) = match &step.action {
        Action::Run(run) => ("RUN", &run.command),
        Action::Set { keyword, text } => (*keyword, text),
    };
    // Most do for sure: one line that nothing continues.
    if !text.contains(['\n', '\r', '\\']) && !text.contains("<<") {
        return true;
    }
    let text = format!("{keyword} {text}");
    let whole = format!("{HEAD}{text}\n{HEAD}");
    parse_dockerfile::parse(&whole).is_ok_and(|dockerfile| {
        let last = dockerfile.instructions.last().map(start_of);
        dockerfile.instructions.len() == 3 && last.is_some_and(|span| span.start == whole.len() - HEAD.len())
    })
}

fn is_directive(comment: &str) -> bool {
    let words = comment.trim_start().trim_start_matches('#').trim_start().to_ascii_lowercase();
    let name = |name: &str| words.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='));
    ["syntax", "escape", "check"].into_iter().any(name)
}

struct Reader<'a> {
    file: &'a Source,
    rendered: &'a Rendered,
    /// [`HEAD`] and the rendered snippet: what the parser's spans speak of.
    text: &'a str,
}

impl Reader<'_> {
    fn step(&self, instruction: &Instruction<'_>, place: Place) -> Result<Step, Located<Problem>> {
        let span = start_of(instruction);
        let refuse = |what: &str, why: &str| Err(self.problem(span.clone(), forbidden(what, why)));
        // Not by its span, whose end is wrong where spaces follow a line that is continued.
        let rest = |keyword, arguments: &UnescapedString<'_>| Action::Set {
            keyword,
            text: arguments.value.trim_end().to_owned(),
        };
        let action = match instruction {
            Instruction::Run(run) => Action::Run(self.run(run)?),
            _ if place == Place::Final && !matches!(instruction, Instruction::Copy(_) | Instruction::Add(_)) => {
                return refuse(
                    "anything but RUN",
                    "it would change every later step; use `env` and `path` of `[runtime]`",
                );
            }
            Instruction::Env(env) => rest("ENV", &env.arguments),
            Instruction::Arg(arg) => rest("ARG", &arg.arguments),
            Instruction::Workdir(workdir) => rest("WORKDIR", &workdir.arguments),
            Instruction::Shell(shell) => {
                let words: Vec<String> = shell.arguments.iter().map(|word| word.value.to_string()).collect();
                let text = serde_json::to_string(&words).expect("strings are JSON");
                Action::Set { keyword: "SHELL", text }
            }
            Instruction::Copy(_) | Instruction::Add(_) => {
                return refuse(
                    "COPY or ADD",
                    "the build context is everybody's store; files come in through `[inputs]`",
                );
            }
            Instruction::From(_) => return refuse("FROM", "every builder has one stage"),
            _ => return refuse("this instruction", "it means nothing in this stage"),
        };
        Ok(Step { action, line: self.line(span.start) + 1 })
    }

    fn run(&self, run: &RunInstruction<'_>) -> Result<Run, Located<Problem>> {
        let (mut mounts, mut network) = (Vec::new(), None);
        for flag in &run.options {
            let value = flag.value.as_ref().map_or("", |value| &*value.value);
            let refuse = |what: &str, why: &str| Err(self.problem(flag.span(), forbidden(what, why)));
            match (&*flag.name.value, value) {
                ("mount", value) => match mount(value) {
                    Ok(options) => mounts.push(options),
                    Err(why) => return refuse(&format!("`--mount={value}`"), why),
                },
                ("network", "none") => network = Some(Network::None),
                ("network", "default") => network = Some(Network::Default),
                ("network", _) => return refuse("this network", "a build step has `none` or `default`"),
                (name, _) => return refuse(&format!("`--{name}`"), "it asks for more rights than a build step has"),
            }
        }
        let start = run.options.last().map_or(run.run.span.end, |flag| flag.span().end);
        let end = match (&run.arguments, run.here_docs.last()) {
            (_, Some(document)) => self.end_of_document(document.span.end),
            (Command::Shell(shell), None) => shell.span.end,
            (Command::Exec(exec), None) => exec.span.end,
            _ => start,
        };
        let command = self.text[start..end].trim().to_owned();
        if command.is_empty() || command.starts_with('#') {
            return Err(
                self.problem(run.run.span.clone(), Problem::Snippet { message: "RUN has no command".to_owned() })
            );
        }
        Ok(Run { mounts, network, command })
    }

    /// The end of the line that closes the here-document whose body ends at `body`.
    fn end_of_document(&self, body: usize) -> usize {
        let bytes = self.text.as_bytes();
        let start = if bytes.get(body) == Some(&b'\n') && bytes.get(body.wrapping_sub(1)) != Some(&b'\n') {
            body + 1
        } else {
            body
        };
        self.text[start..].find('\n').map_or(self.text.len(), |length| start + length)
    }

    fn line(&self, at: usize) -> usize {
        let rendered = self.text[..at].matches('\n').count().saturating_sub(1);
        self.rendered.origin.get(rendered).copied().unwrap_or(0)
    }

    fn problem(&self, span: Span, problem: Problem) -> Located<Problem> {
        let line = self.line(span.start);
        let start: usize = self.file.text().split_inclusive('\n').take(line).map(str::len).sum();
        let length = self.file.text()[start..].lines().next().map_or(0, str::len);
        Located::new(self.file, start..start + length, problem)
    }
}

fn forbidden(what: &str, why: &str) -> Problem {
    Problem::Forbidden { what: what.to_owned(), why: why.to_owned() }
}

/// Reads the options of a `--mount`; the reason, when a snippet may not have such a mount.
fn mount(text: &str) -> Result<BTreeMap<String, String>, &'static str> {
    let options: BTreeMap<String, String> = text
        .split(',')
        .map(|option| option.split_once('=').unwrap_or((option, "")))
        .map(|(name, value)| (canonical_option(name).to_owned(), value.to_owned()))
        .collect();
    let has = |name: &str| options.get(name).is_some_and(|value| !value.is_empty());
    match options.get("type").map_or("bind", String::as_str) {
        "cache" if !has("id") => Err("a cache mount needs an `id`, or its target becomes part of the key"),
        "cache" if has("from") => Err("a cache mount's first content would come from outside the lock"),
        "ssh" if options.get("id").is_some_and(|id| id.starts_with("deps-")) => {
            Err("the keys of the person who builds are for the project's sources")
        }
        "cache" | "tmpfs" | "secret" | "ssh" => Ok(options),
        "bind" => Err("the build context is everybody's store; files come in through `[inputs]`"),
        _ => Err("there is no such mount"),
    }
}

fn canonical_option(name: &str) -> &str {
    match name {
        "dst" | "destination" => "target",
        "src" => "source",
        "ro" => "readonly",
        other => other,
    }
}

fn start_of(instruction: &Instruction<'_>) -> Span {
    match instruction {
        Instruction::Add(one) => one.add.span.clone(),
        Instruction::Arg(one) => one.arg.span.clone(),
        Instruction::Cmd(one) => one.cmd.span.clone(),
        Instruction::Copy(one) => one.copy.span.clone(),
        Instruction::Entrypoint(one) => one.entrypoint.span.clone(),
        Instruction::Env(one) => one.env.span.clone(),
        Instruction::Expose(one) => one.expose.span.clone(),
        Instruction::From(one) => one.from.span.clone(),
        Instruction::Healthcheck(one) => one.healthcheck.span.clone(),
        Instruction::Label(one) => one.label.span.clone(),
        Instruction::Maintainer(one) => one.maintainer.span.clone(),
        Instruction::Onbuild(one) => one.onbuild.span.clone(),
        Instruction::Run(one) => one.run.span.clone(),
        Instruction::Shell(one) => one.shell.span.clone(),
        Instruction::Stopsignal(one) => one.stopsignal.span.clone(),
        Instruction::User(one) => one.user.span.clone(),
        Instruction::Volume(one) => one.volume.span.clone(),
        Instruction::Workdir(one) => one.workdir.span.clone(),
        _ => HEAD.len()..HEAD.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, place: Place) -> Result<Vec<Step>, Vec<String>> {
        let file = Source::new("builder.Dockerfile", text);
        let rendered = Rendered { text: text.to_owned(), origin: (0..text.lines().count()).collect() };
        parse(&file, &rendered, place).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    fn command(step: &Step) -> &str {
        let Action::Run(run) = &step.action else { panic!("a RUN") };
        &run.command
    }

    #[test]
    fn commands_keep_their_text_with_continuations_and_here_documents() {
        let text = "# a comment\nRUN --mount=type=cache,id=x,dst=/c --network=none a \\\n    b\nENV A=1\nRUN <<EOF\nset -e\necho hi\nEOF\nRUN c\n";
        let steps = read(text, Place::Builder).unwrap();
        assert_eq!(command(&steps[0]), "a \\\n    b");
        assert_eq!(steps[0].line, 2);
        assert_eq!(steps[1].action, Action::Set { keyword: "ENV", text: "A=1".to_owned() });
        assert_eq!(command(&steps[2]), "<<EOF\nset -e\necho hi\nEOF");
        assert_eq!((command(&steps[3]), steps[3].line), ("c", 9));
        let Action::Run(run) = &steps[0].action else { panic!("a RUN") };
        assert_eq!(run.network, Some(Network::None));
        assert_eq!(run.mounts[0]["target"], "/c");
    }

    #[test]
    fn settings_stand_on_one_line() {
        for text in ["ENV A=1 \\\n    B=\"ü ü\"\n", "ENV A=1 \\\n# ü\n    B=\"ü ü\" \\\n# üüü\n     \n"] {
            let steps = read(text, Place::Builder).unwrap();
            let text = "A=1     B=\"ü ü\"".to_owned();
            assert_eq!(steps, [Step { action: Action::Set { keyword: "ENV", text }, line: 1 }]);
        }
    }

    #[test]
    fn nothing_in_a_snippet_reaches_the_context_or_leaves_its_stage() {
        for text in [
            "COPY a b\n",
            "ADD https://example.com/x /x\n",
            "FROM ubuntu\n",
            "RUN --mount=target=/src ls\n",
            "RUN --mount=type=bind,from=ubuntu,target=/x ls\n",
            "RUN --mount=type=cache,target=/c ls\n",
            "RUN --security=insecure ls\n",
            "RUN --network=host ls\n",
            "# syntax=docker/dockerfile:1\nRUN ls\n",
            "USER root\n",
            "RUN ls \\",
            "RUN ls \\\n\n# comment\n",
            "RUN <<EOF\nls\n",
            "RUN --network=none",
            "RUN --network=none # ls",
        ] {
            assert_eq!(read(text, Place::Builder).expect_err(text).len(), 1, "{text}");
        }
        assert_eq!(read("COPY a b\nENV A=1\nRUN ls\n", Place::Final).expect_err("two problems").len(), 2);
    }
}
