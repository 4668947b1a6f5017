//! `deps.lock`: any text is read or refused; what was read is written, read again as the same, and written the same. The
//! sides of any text with conflict markers are found or refused, and merged where they are locks.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps_lock::{Lock, Markers, merge, sides};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(Some(sides)) = sides(text)
        && let (Ok(ours), Ok(theirs)) = (Lock::parse(&sides.ours.text), Lock::parse(&sides.theirs.text))
    {
        let base = sides.base.and_then(|base| Lock::parse(&base.text).ok()).unwrap_or_default();
        let merge = merge(&base, &ours, &theirs);
        let again = deps_lock::sides(&merge.to_text(&Markers::default())).expect("markers that we wrote");
        assert_eq!(again.is_none(), merge.is_clean());
    }
    match Lock::parse(text) {
        Err(problems) => {
            assert!(!problems.is_empty());
            for problem in problems {
                assert!(problem.span.start <= problem.span.end, "{problem:?}");
            }
        }
        Ok(lock) => {
            let written = lock.to_string();
            let again = Lock::parse(&written).unwrap_or_else(|problems| panic!("{problems:?}\n{written}"));
            assert_eq!(again, lock, "{written}");
            assert_eq!(again.to_string(), written);
        }
    }
});
