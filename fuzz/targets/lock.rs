//! `deps.lock`: any text is read or refused; what was read is written, read again as the same, and written the same.
#![no_main]
#![expect(clippy::disallowed_methods, reason = "libFuzzer's macro writes down what it was given")]

use deps_lock::Lock;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
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
