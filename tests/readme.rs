//! What README.md shows is what the program does: its `console` blocks are run in the quickstart example, its TOML is
//! read, its links lead somewhere.

use std::path::PathBuf;

use crate::examples::example;
use crate::support::engine::Engine;
use crate::support::sandbox::Sandbox;

fn readme() -> String {
    std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("there is a README")
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let opening = format!("\n```{language}\n");
    text.split(&opening).skip(1).map(|part| part.split("\n```").next().expect("a block ends").to_owned()).collect()
}

/// The commands of a console block, each with what it prints.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
            (None, None) => panic!("a console block begins with a command: {line}"),
        }
    }
    commands
}

fn run(sandbox: &Sandbox, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    match words.as_slice() {
        ["deps", arguments @ ..] => {
            let run = sandbox.deps(arguments.iter().copied()).without_recheck().runs();
            sandbox.redacted(&format!("{}{}", run.stderr(), run.stdout()))
        }
        [program, arguments @ ..] => {
            let run = sandbox.program(program, arguments.iter().copied()).succeeds();
            sandbox.redacted(&format!("{}{}", run.stderr(), run.stdout()))
        }
        [] => String::new(),
    }
}

#[test]
fn console_blocks_print_what_they_show() {
    let engine = Engine::required();
    if let Some(engine) = &engine {
        engine.remove_image("quickstart:latest"); // an image that is there is not built
    }
    let environment = engine.map(|engine| engine.environment());
    let sandbox = example("quickstart");
    let with_engine = Sandbox::with_environment(environment.clone().unwrap_or_default());
    let blocks = blocks("console");
    assert!(!blocks.is_empty(), "README.md has no console block");
    for (command, shown) in blocks.iter().flat_map(|block| commands(block)) {
        let builds = command.starts_with("deps build") || command.starts_with("docker ");
        if builds && environment.is_none() {
            continue;
        }
        let printed = if builds {
            let folder = sandbox.path("");
            let words: Vec<&str> = command.split(' ').skip(1).collect();
            let program = if command.starts_with("deps ") { env!("CARGO_BIN_EXE_deps-cli") } else { "docker" };
            let run = with_engine.program(program, words).in_folder(folder.to_str().expect("UTF-8")).succeeds();
            with_engine.redacted(&format!("{}{}", run.stderr(), run.stdout()))
        } else {
            run(&sandbox, &command)
        };
        let normal = |text: &str| sorted_steps(&sandbox.redacted(text));
        assert_eq!(normal(&printed), normal(&shown), "`{command}` prints otherwise than README.md shows:\n{printed}");
    }
}

/// Steps end in any order; whether one was cached depends on what was built before; and only engines that can merge
/// have LINK steps.
fn sorted_steps(text: &str) -> Vec<String> {
    let is_step = |line: &str| line.starts_with('[') && line.contains(" … ");
    let step = |line: &str| {
        let name = line.split("] ").nth(1).unwrap_or(line).split(" … ").next().unwrap_or(line);
        format!("[step] {name}")
    };
    let mut steps: Vec<String> =
        text.lines().filter(|line| is_step(line) && !line.contains(": LINK ")).map(step).collect();
    steps.sort();
    let stable = |line: &str| match line {
        line if line.starts_with("built ") => line.split(": ").next().unwrap_or(line).to_owned(),
        line if line.starts_with("sha256:") => "sha256:…".to_owned(),
        line if line.contains(" in the store") => "commits".to_owned(),
        line => line.to_owned(),
    };
    let by_others = |line: &str| line.contains("on this engine already");
    let others = text.lines().filter(|line| !is_step(line) && !line.is_empty() && !by_others(line)).map(stable);
    others.chain(steps).collect()
}

/// The picture on the first screen: a lock, a plan, and a lock that is out of date. `SNAPSHOTS=overwrite` draws it anew.
#[test]
fn the_picture_is_what_a_terminal_shows() {
    let sandbox = example("quickstart");
    std::fs::remove_file(sandbox.path("deps.lock")).expect("the example has a lock");
    let mut shown = String::new();
    let mut show = |arguments: &[&str]| {
        let all: Vec<&str> = ["--color", "always"].into_iter().chain(arguments.iter().copied()).collect();
        let run = sandbox.deps(all).without_recheck().runs();
        shown += &format!("$ deps {}\n{}{}\n", arguments.join(" "), run.stderr(), run.stdout());
    };
    show(&["lock"]);
    show(&["plan"]);
    sandbox.edit("quickstart.repos", "version: main ", "version: mian ");
    show(&["lock", "--check"]);
    show(&["lock"]);
    let picture = snapbox::Data::text(shown).coerce_to(snapbox::data::DataFormat::TermSvg);
    snapbox::assert_data_eq!(picture, snapbox::file!["../examples/quickstart/terminal.term.svg"]);
}

/// The lines that lead to a tool of one's own, each run as it stands, on the engine's base.
#[test]
fn its_ten_lines_make_an_extension_that_works() {
    let Some(engine) = Engine::required() else { return };
    let sandbox = Sandbox::with_environment(engine.environment());
    let blocks = blocks("sh");
    let lines: Vec<&str> = blocks[0].lines().map(|line| line.split(" # ").next().unwrap_or(line).trim_end()).collect();
    assert_eq!(lines.len(), 10);
    let mut said = String::new();
    for line in lines {
        let line = line.replace("debian:bookworm-slim", engine.base());
        let words = shell_words::split(&line).unwrap();
        let run = match words[0].as_str() {
            "deps" => sandbox.deps(words[1..].iter()).without_recheck().succeeds(),
            program => sandbox.program(program, words[1..].iter()).succeeds(),
        };
        said = run.stdout();
    }
    assert_eq!(said, "ahoy\n");
}

#[test]
fn its_toml_is_read() {
    let (toml, yaml) = (blocks("toml"), blocks("yaml"));
    assert!(!toml.is_empty() && !yaml.is_empty());
    for text in toml.iter().filter(|text| text.contains("[project]")) {
        deps::project::parse(&deps::source::Source::new("deps.toml", text.as_str())).expect("a good deps.toml");
    }
    for text in toml.iter().filter(|text| text.contains("[repo.")) {
        deps_lock::Lock::parse(&format!("schema = 1\n{text}")).expect("a good lock");
    }
    for text in &yaml {
        deps::manifest::parse(&deps::source::Source::new("a.repos", text.as_str())).expect("a good manifest");
    }
}

#[test]
fn its_links_lead_somewhere() {
    for page in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "lock/README.md"] {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(page);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{page}: {error}"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            let local = !link.is_empty() && !link.contains("://");
            assert!(
                !local || path.parent().expect("a page has a folder").join(link).exists(),
                "{page} links to `{link}`"
            );
        }
    }
}
