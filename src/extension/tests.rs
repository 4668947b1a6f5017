//! Extensions as their authors write them, right and wrong.

use super::*;
use crate::project;

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), executable: false, content: text.into() }
}

const TOOL: &str = r#"
[extension]
name = "tool"
version = "1.2.0"
summary = "A tool"
requires = ["curl"]
after = ["user"]
tier = "toolchain"

[options.jobs]
type = "integer"
default = 2
help = "parallel jobs"

[options.channel]
type = "string"
default = "stable"
help = "which one"

[inputs.src]
git = "https://example.com/tool.git"
ref = "~{{ version }}"
[inputs.files]
path = "files"

[apt]
builder = ["make", "libc6-dev"]
runtime = ["libtool-{{ options.channel }}"]

[builder]
snippet = "builder.Dockerfile"
network = "none"
copy = [{ from = "bin/", to = "/usr/local/bin/" }]

[runtime]
env = { TOOL_HOME = "{{ out }}" }
path = ["{{ out }}/bin"]

[[cache]]
id = "tool-{{ options.channel }}"
target = "/root/.cache/tool"
"#;

fn tool(toml: &str, builder: &str) -> Result<Extension, Vec<Located<Problem>>> {
    let files = vec![file("builder.Dockerfile", builder), file("extension.toml", toml), file("files/a.txt", "a")];
    Extension::read("tool", "extensions/tool", files)
}

fn configured(toml: &str, builder: &str, with: &str) -> Result<Configured, Vec<String>> {
    let text = |problems: Vec<Located<Problem>>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let extension = tool(toml, builder).map_err(text)?;
    let deps = format!("[project]\nname = \"p\"\nbase = \"scratch\"\n[extensions]\ntool = {with}\n");
    let project = project::parse(&Source::new("deps.toml", deps)).expect("the project is good");
    extension.configure(&project.source, project.extensions.get("tool")).map_err(text)
}

#[test]
fn options_reach_every_rendered_value() {
    let found =
        configured(TOOL, "RUN make -j{{ options.jobs }}\n", "{ with = { jobs = 8, channel = \"edge\" } }").unwrap();
    assert_eq!(found.apt_runtime.iter().collect::<Vec<_>>(), ["libtool-edge"]);
    assert_eq!(found.env["TOOL_HOME"], "/opt/deps/tool");
    assert_eq!(found.cache_mounts[0].id, "tool-edge");
    let builder = &found.builders[0];
    assert_eq!(builder.copies, [Copy { from: "/opt/deps/tool/bin/".to_owned(), to: "/usr/local/bin/".to_owned() }]);
    let Action::Run(run) = &builder.snippet.steps[0].action else { panic!("a RUN") };
    assert_eq!(run.command, "make -j8");
    let Input::Git { reference, .. } = &found.inputs["src"] else { panic!("a repository") };
    assert_eq!(reference.as_ref().unwrap().value, "~1.2.0");
}

#[test]
fn a_file_of_the_project_is_asked_for_where_its_option_is_set() {
    let toml = format!("{TOOL}\n[options.file]\ntype = \"string\"\ndefault = \"\"\nhelp = \"a file\"\n");
    let toml = toml.replace("path = \"files\"", "project = \"{{ options.file }}\"");
    assert!(!configured(&toml, "RUN a\n", "{}").unwrap().inputs.contains_key("files"), "nothing is asked for");
    for (text, expected) in [("./a/b.txt", "a/b.txt"), ("docs/", "docs")] {
        let found = configured(&toml, "RUN a\n", &format!("{{ with = {{ file = \"{text}\" }} }}")).unwrap();
        let Input::Project { path, place, files } = &found.inputs["files"] else { panic!("a file of the project") };
        assert_eq!((path.as_str(), files.files().len()), (expected, 0));
        assert_eq!((place.source.name(), place.line_column()), ("deps.toml", (5, 26)));
    }
    for text in ["/etc/passwd", "../a", "a/../../b", "./", "a//b", "~/a", "a:b"] {
        let problems = configured(&toml, "RUN a\n", &format!("{{ with = {{ file = \"{text}\" }} }}"));
        let expected = format!("deps.toml:5:26: `{text}` is not the plain path of a file or folder inside the project");
        assert_eq!(problems.expect_err(text), [expected]);
    }
    let fixed = toml.replace("{{ options.file }}", "/etc/passwd");
    let expected = "`/etc/passwd` is not the plain path of a file or folder inside the project";
    assert_eq!(
        configured(&fixed, "RUN a\n", "{}").expect_err("not inside"),
        [format!("extensions/tool/extension.toml:24:11: {expected}")]
    );
}

#[test]
fn options_that_do_not_fit_are_named_in_the_project() {
    let problems = configured(
        TOOL,
        "RUN a\n",
        "{ version = \"^2\", with = { jobs = \"all\", chanel = \"x\", channel = \"a; rm -rf /\" } }",
    );
    assert_eq!(
        problems.expect_err("four problems"),
        [
            "deps.toml:5:20: extension `tool` is version 1.2.0, but the project asks for `^2`",
            "deps.toml:5:42: option `jobs` must be a whole number",
            "deps.toml:5:49: extension `tool` has no option `chanel`",
            "deps.toml:5:73: option `channel` must be one word of letters, digits and `._+:/@%,=~-`",
        ]
    );
}

#[test]
fn wrong_values_are_named_where_they_stand() {
    let toml = TOOL
        .replace("\"make\"", "\"make; reboot\"")
        .replace("/usr/local/bin/", "/usr/../bin")
        .replace("path = \"files\"", "path = \"../..\"")
        .replace("TOOL_HOME", "TOOL HOME")
        .replace("[\"{{ out }}/bin\"]", "[\"{{ otu }}\"]");
    let problems =
        configured(&toml.replace("TOOL HOME =", "\"TOOL HOME\" ="), "RUN a\n", "\"*\"").expect_err("problems");
    assert_eq!(
        problems,
        [
            "extensions/tool/extension.toml:24:8: extension `tool` has no text file `../..`",
            "extensions/tool/extension.toml:27:12: `make; reboot` is not the name of a Debian package",
            "extensions/tool/extension.toml:33:31: `/usr/../bin` is not a plain absolute path",
            "extensions/tool/extension.toml:33:31: `/usr/../bin` is not a folder (it must end with `/`, as `from` does)",
            "extensions/tool/extension.toml:36:9: `TOOL HOME` is not a variable name",
            "extensions/tool/extension.toml:37:9: template: `otu` is not defined",
        ]
    );
}

#[test]
fn a_snippet_s_problem_stands_at_its_line() {
    let problems = configured(TOOL, "RUN a\n{% if true %}\nCOPY a b\n{% endif %}\n", "\"*\"").expect_err("COPY");
    assert_eq!(
        problems,
        [
            "extensions/tool/builder.Dockerfile:3:1: COPY or ADD is not allowed in a snippet: the build context is everybody's store; files come in through `[inputs]`"
        ]
    );
}

#[test]
fn a_folder_with_another_extension_is_refused() {
    let problems = tool(&TOOL.replace("\"tool\"", "\"loot\""), "").expect_err("another name");
    assert_eq!(
        problems[0].to_string(),
        "extensions/tool/extension.toml:3:8: the folder of extension `tool` holds an extension called `loot`"
    );
}

#[test]
fn every_built_in_extension_can_be_read_and_configured() {
    for name in builtin_names() {
        let root = format!("extensions/{name}");
        let extension = Extension::read(name, &root, builtin(name).unwrap()).unwrap_or_else(|p| panic!("{p:?}"));
        let nowhere = Source::new("deps.toml", "");
        extension.configure(&nowhere, None).unwrap_or_else(|problems| panic!("{problems:?}"));
    }
}

const REPOSITORY: &str = r#"
[extension]
name = "tool"
version = "1.2.0"
summary = "A tool"

[options.suite]
type = "string"
default = "noble"
help = "the suite"

[options.packages]
type = "list"
default = ["ros_core", "rviz2"]
help = "packages"

[options.more]
type = "string"
default = ""
help = "one more"

[inputs.key]
url = "https://example.com/{{ options.suite }}/archive.gpg"

[apt]
runtime = ["ros-{{ options.suite }}-{{ options.packages | dashes }}", "{{ options.more }}"]

[[apt.repository]]
url = "https://example.com/debian"
suite = "{{ options.suite }}"
key-input = "key"

[[apt.repository]]
name = "flat"
url = "http://example.com/{{ options.suite }}/x86_64"
suite = "/"
architectures = ["amd64"]
key = "flat.asc"
"#;

fn repositories(toml: &str) -> Result<Configured, Vec<String>> {
    let text = |problems: Vec<Located<Problem>>| problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n";
    let files = vec![file("extension.toml", toml), file("flat.asc", key), file("notes", "a key\n")];
    let extension = Extension::read("tool", "extensions/tool", files).map_err(text)?;
    extension.configure(&Source::new("deps.toml", ""), None).map_err(text)
}

#[test]
fn repositories_and_their_packages_follow_the_options() {
    let found = repositories(REPOSITORY).unwrap();
    assert_eq!(found.apt_runtime.iter().collect::<Vec<_>>(), ["ros-noble-ros-core", "ros-noble-rviz2"]);
    let [flat, tool] = &found.apt_repositories[..] else { panic!("two repositories") };
    assert_eq!((flat.name.as_str(), flat.components.len(), flat.is_binary), ("flat", 0, false));
    assert_eq!(flat.architectures, ["amd64"]);
    assert_eq!((tool.suite.as_str(), &tool.components[..], tool.is_binary), ("noble", &["main".to_owned()][..], true));
    assert_eq!(tool.key, AptKey::Input("key".to_owned()));
}

#[test]
fn a_repository_that_apt_could_misread_is_refused() {
    let toml = REPOSITORY
        .replace("https://example.com/debian", "https://ada:hunter2@example.com/debian")
        .replace("suite = \"/\"", "suite = \"noble\\nTrusted: yes\"\ncomponents = [\"main universe\"]")
        .replace("[\"amd64\"]", "[\"amd64\\nTrusted: yes\"]")
        .replace("flat.asc", "notes")
        .replace("key-input = \"key\"", "");
    assert_eq!(
        repositories(&toml).expect_err("problems"),
        [
            "extensions/tool/extension.toml:28:1: the key of repository `tool` must be one of `key` and `key-input`",
            "extensions/tool/extension.toml:29:7: `…` is not the url of a repository: http or https, without user, query and spaces",
            "extensions/tool/extension.toml:36:9: `noble\nTrusted: yes` is not a suite like `noble`, or a folder like `./`",
            "extensions/tool/extension.toml:37:15: `main universe` is not a component like `main`",
            "extensions/tool/extension.toml:38:18: `amd64\nTrusted: yes` is not an architecture like `amd64`",
            "extensions/tool/extension.toml:39:7: the key of repository `flat` is no OpenPGP public key, armored or binary",
        ]
    );
}
