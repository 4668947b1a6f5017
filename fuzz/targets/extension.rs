//! `extension.toml`: any text is read or refused at a place inside the files of the extension.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps::extension::{Extension, File};
use deps::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let file = |path: &str, content: &str| File {
        path: path.to_owned(),
        executable: false,
        content: content.as_bytes().to_vec(),
    };
    let files = vec![file("builder.Dockerfile", "RUN make {{ options.jobs }}\n"), file("extension.toml", text)];
    let read = Extension::read("fuzz", "extensions/fuzz", files);
    let configured = read.and_then(|extension| extension.configure(&Source::new("deps.toml", ""), None));
    for problem in configured.err().into_iter().flatten() {
        let span = problem.place.clamped();
        assert!(span.end <= problem.place.source.text().len(), "{problem}");
    }
});
