//! `.repos`, rosinstall and `*.deps.yaml`: any text is read or refused; the same way twice, at a place inside it, in visible characters.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps::manifest;
use deps::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let source = Source::new("a.repos", text);
    let read = manifest::parse(&source);
    assert_eq!(read, manifest::parse(&source));
    let places: Vec<_> = match &read {
        Ok(manifest) => manifest.warnings.iter().map(|one| (&one.place, one.error.to_string())).collect(),
        Err(problems) => problems.iter().map(|one| (&one.place, one.error.to_string())).collect(),
    };
    for (place, message) in places {
        assert!(text.get(place.span.clone()).is_some(), "{:?} of {} bytes", place.span, text.len());
        assert!(!message.is_empty() && !message.chars().any(char::is_control), "{message:?}");
    }
    if let Ok(layers) = manifest::layers::layers(&source) {
        // What a file says once contradicts nothing, however often it is said, but for two values of one thing.
        let merged = manifest::layers::merged(&[layers.clone(), layers]);
        let problems = merged.err().unwrap_or_default();
        let values = |problem: &manifest::layers::LayersProblem| {
            matches!(problem, manifest::layers::LayersProblem::TwoValues { .. })
        };
        assert!(problems.iter().all(|problem| values(&problem.error)), "{problems:?}");
    }
    let outside = manifest::parse_with_outside(&source);
    for one in outside.iter().flat_map(|manifest| &manifest.repositories) {
        let below = one.path.value.trim_start_matches("../");
        assert!(!below.is_empty() && below.split('/').all(|part| !matches!(part, "" | "." | "..")), "{below:?}");
    }
    if let Ok(manifest) = read {
        let inside = manifest.repositories.iter().all(|one| !one.path.value.split('/').any(|part| part == ".."));
        assert!(inside, "{manifest:?}");
    }
});
