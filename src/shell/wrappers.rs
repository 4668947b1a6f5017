//! What stands in front of a program and only runs it: variables, `sudo`, `env`, `time`, `nice`; and the name of the
//! program that is really called.

use super::{Command, Word};

/// A program that runs another one.
struct Wrapper {
    name: &'static str,
    /// Its one-letter options that take the next word.
    short: &'static str,
    /// Its long options that take the next word.
    long: &'static [&'static str],
    /// The words that it takes before the program.
    operands: usize,
}

const fn plain(name: &'static str, short: &'static str) -> Wrapper {
    Wrapper { name, short, long: &[], operands: 0 }
}

const WRAPPERS: [Wrapper; 22] = [
    Wrapper {
        name: "sudo",
        short: "ugphCcTRrtDU",
        long: &["--user", "--group", "--chdir", "--prompt", "--host", "--chroot"],
        operands: 0,
    },
    Wrapper { name: "doas", short: "uC", long: &[], operands: 0 },
    Wrapper { name: "gosu", short: "", long: &[], operands: 1 },
    Wrapper { name: "su-exec", short: "", long: &[], operands: 1 },
    Wrapper { name: "timeout", short: "sk", long: &["--signal", "--kill-after"], operands: 1 },
    Wrapper { name: "env", short: "uCS", long: &["--unset", "--chdir"], operands: 0 },
    Wrapper { name: "nice", short: "n", long: &["--adjustment"], operands: 0 },
    plain("ionice", "cnp"),
    plain("stdbuf", "ioe"),
    plain("time", "fo"),
    plain("exec", "a"),
    plain("command", ""),
    plain("builtin", ""),
    plain("nohup", ""),
    plain("setsid", ""),
    plain("eatmydata", ""),
    plain("unbuffer", ""),
    plain("fakeroot", ""),
    plain("chronic", ""),
    plain("xvfb-run", "efnspw"),
    plain("xargs", "InPLdasE"),
    plain("tini", ""),
];

/// Returns the command that `words` are, without redirections.
pub(super) fn command(words: Vec<Word>) -> Command {
    let mut command = Command::default();
    let mut words = words.into_iter().peekable();
    let mut rest = Vec::new();
    while let Some(word) = words.next() {
        if is_assignment(&word) {
            command.assignments.push(word);
            continue;
        }
        let program = base(&word.text);
        let wrapper = WRAPPERS.iter().find(|wrapper| wrapper.name == program);
        let Some(wrapper) = wrapper.filter(|_| words.peek().is_some()) else {
            rest.push(word);
            break;
        };
        let taken = taken(wrapper, word, &mut words);
        command.user = user(wrapper, &taken).or(command.user);
        command.wrappers.extend(taken);
    }
    rest.extend(words);
    name(command, rest)
}

/// The words that a wrapper takes for itself: its name `first`, options and operands.
fn taken(wrapper: &Wrapper, first: Word, words: &mut std::iter::Peekable<std::vec::IntoIter<Word>>) -> Vec<Word> {
    let mut taken = vec![first];
    while let Some(option) = words.next_if(|word| word.text.starts_with('-')) {
        let (last, next) = (option.text == "--", takes_next(wrapper, &option.text));
        taken.push(option);
        if last {
            break;
        }
        if next {
            taken.extend(words.next());
        }
    }
    taken.extend(words.take(wrapper.operands));
    taken
}

fn takes_next(wrapper: &Wrapper, option: &str) -> bool {
    match option.strip_prefix("--") {
        Some(_) => wrapper.long.contains(&option),
        None => option[1..].find(|c| wrapper.short.contains(c)).is_some_and(|found| found + 2 == option.len()),
    }
}

/// Who runs what `words`, a wrapper with its options, runs.
fn user(wrapper: &Wrapper, words: &[Word]) -> Option<String> {
    let short = |text: &str| text.starts_with('-') && !text.starts_with("--");
    let named = words.iter().zip(words.iter().skip(1)).find_map(|(option, value)| match option.text.as_str() {
        "--user" => Some(value.text.clone()),
        text if short(text) && text.ends_with('u') => Some(value.text.clone()),
        _ => None,
    });
    let equal = || words.iter().find_map(|word| word.text.strip_prefix("--user=").map(str::to_owned));
    let joined = || words.iter().find_map(|word| word.text.strip_prefix("-u").map(str::to_owned));
    match wrapper.name {
        "sudo" | "doas" => Some(named.or_else(equal).or_else(joined).unwrap_or_else(|| "root".to_owned())),
        "gosu" | "su-exec" => words.last().map(|word| word.text.split(':').next().unwrap_or_default().to_owned()),
        _ => None,
    }
}

/// Finds the program in the words that no wrapper took.
fn name(mut command: Command, mut words: Vec<Word>) -> Command {
    let Some(first) = words.first() else { return command };
    let program = base(&first.text).to_owned();
    let is_python = is_versioned(&program, "python") || is_versioned(&program, "pypy");
    let module = module(&words).filter(|_| is_python);
    command.program = match module {
        Some(at) => words[at].text.clone(),
        None if is_python => "python".to_owned(),
        None if is_versioned(&program, "pip") => "pip".to_owned(),
        None => program,
    };
    command.arguments = words.split_off(module.map_or(1, |at| at + 1));
    command.called = words;
    if command.calls(&["su", "runuser"]) {
        let name = command.operands(&["-c", "--command", "-s", "--shell", "-g", "-G"]).into_iter();
        let name = name.map(|word| word.text.clone()).find(|name| name != "-");
        command.user = Some(name.unwrap_or_else(|| "root".to_owned()));
    }
    command
}

/// The index of `pip` in `python3 -I -m pip install`.
fn module(words: &[Word]) -> Option<usize> {
    let mut options = words.iter().skip(1).take_while(|word| word.text.starts_with('-'));
    let at = options.position(|word| word.text.ends_with('m') && !word.text.starts_with("--"))?;
    (at + 2 < words.len()).then_some(at + 2)
}

/// Whether `program` is `name` or `name` with a version, like `pip3.12`.
fn is_versioned(program: &str, name: &str) -> bool {
    program.strip_prefix(name).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_assignment(word: &Word) -> bool {
    let name = word.text.split_once('=').map_or("", |(name, _)| name.trim_end_matches('+'));
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
