//! `deps.toml`: any text is read or refused at a place inside it; changes keep a good project good.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps::project::{self, edit};
use deps::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match project::parse(&Source::new("deps.toml", text)) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                let span = problem.place.clamped();
                assert!(span.end <= text.len(), "{span:?} of {} bytes", text.len());
            }
        }
        Ok(project) => {
            let name = "zz-fuzz";
            if project.extensions.contains_key(name) {
                return;
            }
            let added = edit::add(text, name, &edit::Addition::default()).expect("a good project takes an extension");
            let read = project::parse(&Source::new("deps.toml", added.as_str())).expect("it is still good");
            assert!(read.extensions.contains_key(name));
            let removed = edit::remove(&added, name).expect("it is there");
            project::parse(&Source::new("deps.toml", removed)).expect("it is as good as before");
        }
    }
});
