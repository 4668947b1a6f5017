//! Snippets: any text is refused, or becomes steps whose Dockerfile is one, with no more stages than were planned.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps::extension::{Extension, File};
use deps::plan::{Base, Ingredients, plan, plan_key};
use deps::source::Source;
use libfuzzer_sys::fuzz_target;

const EXTENSION: &str = "[extension]\nname = \"fuzz\"\nversion = \"1.0.0\"\nsummary = \"Fuzz\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\ncopy = [{ from = \"a/\", to = \"/opt/fuzz/\" }]\n";
const PROJECT: &str = "[project]\nname = \"p\"\nbase = \"debian:12\"\n";

fuzz_target!(|text: &str| {
    let file = |path: &str, content: &str| File {
        path: path.to_owned(),
        executable: false,
        content: content.as_bytes().to_vec(),
    };
    let files = vec![file("b.Dockerfile", text), file("extension.toml", EXTENSION)];
    let source = Source::new("deps.toml", PROJECT);
    let extension = Extension::read("fuzz", "extensions/fuzz", files).expect("its extension.toml is good");
    let Ok(configured) = extension.configure(&source, None) else { return };
    let project = deps::project::parse(&source).expect("a good project");
    let base = || Base::Image { reference: "debian:12".to_owned(), digest: format!("sha256:{}", "a".repeat(64)) };
    let ingredients = Ingredients {
        project: &project,
        base: base(),
        builder_base: base(),
        extensions: &[configured],
        inputs: &[],
        checkouts: &[],
    };
    let Ok(plan) = plan(&ingredients, &project.platforms[0]) else { return };
    let plans = [plan];
    let dockerfile = deps::dockerfile::render(&plans, &plan_key(&plans));
    let parsed = parse_dockerfile::parse(&dockerfile).unwrap_or_else(|error| panic!("{error}\n{dockerfile}"));
    let stages = parsed.stages().count();
    assert_eq!(stages, plans[0].stages.len(), "{dockerfile}");
});
