//! Shell texts and Dockerfiles: whatever they hold, every command and every finding stands inside the text, and a
//! mended text is a Dockerfile that cannot be mended without end.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps::lint::{Kind, Subject, fixed, hidden, lint};
use deps::shell::Script;
use deps::source::Source;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let script = Script::of_run(text, 0, '\\');
    for (index, command) in script.commands.iter().enumerate() {
        assert!(command.reads.is_none_or(|before| before < index));
        assert!(command.inside.is_none_or(|inside| inside.command < index));
        assert!(command.words().all(|word| text.get(word.span.clone()).is_some()), "{command:?}");
    }
    let mut text = text.to_owned();
    for _ in 0..4 {
        let subject = Subject { source: Source::new("Dockerfile", text.as_str()), kind: Kind::Dockerfile };
        let Ok(found) = lint(&subject) else { return };
        assert!(found.findings.iter().all(|finding| text.get(finding.span.clone()).is_some()));
        assert_eq!(hidden(&subject.source, &found.secrets).text().len(), text.len());
        let (mended, count) = fixed(&text, &found.findings);
        let read = Subject { source: Source::new("Dockerfile", mended.as_str()), kind: Kind::Dockerfile };
        assert!(lint(&read).is_ok(), "{text}\nbecame\n{mended}");
        if count == 0 {
            return;
        }
        text = mended;
    }
});
