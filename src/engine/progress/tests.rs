//! On streams recorded from real engines, see `fixtures/README.md`.

use proptest::prelude::*;
use snapbox::{assert_data_eq, str};

use super::*;
use crate::engine::summary::{Outcome, Summary, line};

const COLD: &[u8] = include_bytes!("../fixtures/cold.rawjson");
const CACHED: &[u8] = include_bytes!("../fixtures/cached.rawjson");
const FAILED: &[u8] = include_bytes!("../fixtures/failed.rawjson");
const REFUSED: &[u8] = include_bytes!("../fixtures/refused.rawjson");
const COLD_PLAIN: &[u8] = include_bytes!("../fixtures/cold-20.plain");
const FAILED_PLAIN: &[u8] = include_bytes!("../fixtures/failed.plain");
const FAILED_20: &[u8] = include_bytes!("../fixtures/failed-20.plain");

const STREAMS: [(Format, &[u8]); 7] = [
    (Format::RawJson, COLD),
    (Format::RawJson, CACHED),
    (Format::RawJson, FAILED),
    (Format::RawJson, REFUSED),
    (Format::Plain, COLD_PLAIN),
    (Format::Plain, FAILED_PLAIN),
    (Format::Plain, FAILED_20),
];

fn events<'a>(format: Format, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut reader = reader(format);
    for piece in pieces {
        reader.feed(piece, &mut |event| events.push(event));
    }
    reader.finish(&mut |event| events.push(event));
    events
}

fn outcome(format: Format, stream: &[u8], succeeded: bool) -> Outcome {
    let mut summary = Summary::default();
    events(format, [stream]).iter().for_each(|event| summary.note(event));
    summary.outcome(succeeded, Duration::ZERO)
}

/// Returns one line per step, without how long it took.
fn steps(outcome: &Outcome) -> String {
    let lines = outcome.steps.iter().map(|step| {
        let step = Step {
            end: step.end.clone().map(|end| if let End::Done(_) = end { End::Done(Duration::ZERO) } else { end }),
            ..step.clone()
        };
        line(&step, step.index as usize, step.count as usize)
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_step_is_read_with_its_stage_and_position() {
    let read = |name| Step::read(StepId("1".into()), name).map(|s| (s.platform, s.stage, s.index, s.count, s.kind));
    let amd = Some("linux/amd64".to_owned());
    assert_eq!(read("[a 2/3] RUN x"), Some((None, "a".into(), 2, 3, Kind::Run)));
    assert_eq!(read("[a  2/13] COPY x y"), Some((None, "a".into(), 2, 13, Kind::Copy)));
    assert_eq!(read("[ 2/13] WORKDIR /x"), Some((None, String::new(), 2, 13, Kind::Workdir)));
    assert_eq!(read("[linux/amd64 a 2/3] LINK COPY x y"), Some((amd.clone(), "a".into(), 2, 3, Kind::Link)));
    assert_eq!(read("[linux/amd64 2/3] ADD x y"), Some((amd, String::new(), 2, 3, Kind::Add)));
    let cross = Some("linux/amd64->arm64".to_owned());
    assert_eq!(read("[linux/amd64->arm64 tool 2/2] RUN x"), Some((cross, "tool".into(), 2, 2, Kind::Run)));
    for name in ["[a 1/3] FROM x", "[internal] load build context", "[a] RUN x", "[a x/3] RUN x", "RUN", "[", ""] {
        assert_eq!(read(name), None, "{name}");
    }
}

#[test]
fn a_cold_build_reports_every_step_once_under_one_stage() {
    let cold = outcome(Format::RawJson, COLD, true);
    assert_eq!((cold.ran, cold.cached, cold.failed.is_none()), (18, 0, true));
    assert_data_eq!(
        steps(&cold),
        str![[r#"
[3/4] a-builder: WORKDIR /opt/deps/a … done 0.0s
[4/4] a-builder: RUN --network=none echo "a 1" && sleep 1 && echo result > out && pri… … done 0.0s
[2/3] apt-one: RUN --network=none echo shared beginning … done 0.0s
[3/3] apt-one: RUN --network=none echo apt one 1 … done 0.0s
[1/2] b-builder: WORKDIR /opt/deps/b … done 0.0s
[2/2] b-builder: RUN --network=none <<END (echo heredoc...) … done 0.0s
[1/5] final: COPY --link --from=a-builder /opt/deps/a/ /opt/deps/a/ … done 0.0s
[1/5] final: LINK COPY --link --from=a-builder /opt/deps/a/ /opt/deps/a/ … done 0.0s
[2/5] final: COPY --link --from=b-builder /opt/deps/b/ /opt/deps/b/ … done 0.0s
[2/5] final: LINK COPY --link --from=b-builder /opt/deps/b/ /opt/deps/b/ … done 0.0s
[3/5] final: COPY --link --from=src-0 /ws/ /opt/ws/ … done 0.0s
[3/5] final: LINK COPY --link --from=src-0 /ws/ /opt/ws/ … done 0.0s
[4/5] final: COPY --from=src-0 /ws/src/hello /tmp/hello … done 0.0s
[5/5] final: RUN --network=none cat /opt/deps/a/out … done 0.0s
[2/3] runtime: RUN --network=none echo runtime > /rt … done 0.0s
[3/3] runtime: WORKDIR /ws … done 0.0s
[1/2] src-0: COPY trees/abc /ws/src/abc … done 0.0s
[2/2] src-0: ADD trees/abc/hello /ws/src/hello … done 0.0s
"#]]
    );
}

#[test]
fn a_second_build_reports_every_step_cached() {
    let cached = outcome(Format::RawJson, CACHED, true);
    assert_eq!((cached.ran, cached.cached, cached.steps.len()), (0, 18, 18));
}

#[test]
fn plain_and_rawjson_tell_the_same_steps() {
    let names = |outcome: &Outcome| -> Vec<_> {
        outcome.steps.iter().map(|s| (s.stage.clone(), s.index, s.count, s.kind, s.instruction.clone())).collect()
    };
    let (raw, plain) = (outcome(Format::RawJson, COLD, true), outcome(Format::Plain, COLD_PLAIN, true));
    assert_eq!(names(&raw), names(&plain));
    assert_eq!(plain.ran + plain.cached, 18);
}

#[test]
fn all_steps_are_known_before_the_first_begins() {
    let events = events(Format::RawJson, [COLD]);
    let first = events.iter().position(|event| matches!(event, Event::Started(_) | Event::Finished(..))).unwrap();
    assert!(!events[first..].iter().any(|event| matches!(event, Event::Announced(_))));
}

#[test]
fn the_bytes_of_the_context_are_counted() {
    for (format, stream) in [(Format::RawJson, COLD), (Format::Plain, COLD_PLAIN)] {
        let sent = events(format, [stream]).into_iter().filter_map(|event| match event {
            Event::Sent(bytes) => Some(bytes),
            _ => None,
        });
        assert!(sent.max().unwrap() >= 3_000_000, "{format:?}");
    }
}

#[test]
fn a_failure_is_told_from_the_siblings_that_were_stopped() {
    for (format, stream) in [(Format::RawJson, FAILED), (Format::Plain, FAILED_PLAIN), (Format::Plain, FAILED_20)] {
        let outcome = outcome(format, stream, false);
        let failure = outcome.failed.unwrap();
        let step = failure.step.unwrap();
        assert_eq!((step.stage.as_str(), step.index, failure.exit_code), ("bad", 2, Some(3)));
        assert_eq!(failure.cancelled, 1);
        assert_eq!(failure.last_lines.len(), 20);
        assert!(failure.last_lines.contains(&"line 25".to_owned()), "{:?}", failure.last_lines);
        let slow = outcome.steps.iter().find(|step| step.stage == "slow").unwrap();
        assert_eq!(slow.end, Some(End::Cancelled));
    }
}

#[test]
fn a_copy_of_what_is_not_there_fails_without_an_exit_code() {
    let failure = outcome(Format::RawJson, REFUSED, false).failed.unwrap();
    assert_eq!((failure.step.unwrap().instruction.as_str(), failure.exit_code), ("COPY missing /x", None));
    assert!(failure.message.ends_with("\"/missing\": not found"), "{}", failure.message);
}

#[test]
fn the_engines_own_account_is_the_tail() {
    let tail: Vec<_> = events(Format::RawJson, [REFUSED])
        .into_iter()
        .filter_map(|event| if let Event::Tail(line) = event { Some(line) } else { None })
        .collect();
    assert_eq!(tail.first().unwrap(), "Dockerfile:3");
    assert!(tail.last().unwrap().starts_with("ERROR: failed to solve: "), "{tail:?}");
}

#[test]
fn a_log_cannot_reach_the_terminal() {
    let logs = events(Format::RawJson, [COLD]).into_iter().filter_map(|event| match event {
        Event::Log { line, .. } => Some(line),
        _ => None,
    });
    let logs: Vec<_> = logs.collect();
    assert!(logs.contains(&"partialred".to_owned()), "{logs:?}");
}

#[test]
fn a_command_cannot_pretend_that_its_failure_was_a_cancellation() {
    let error = |said: &str, code: &str| {
        format!("process \"/bin/sh -c echo {said}\" did not complete successfully: exit code: {code}")
    };
    assert!(matches!(End::of_error(&error("context canceled", "1")), End::Failed { exit_code: Some(1), .. }));
    assert_eq!(End::of_error(&error("exit code: 7", "137: context canceled: context canceled")), End::Cancelled);
}

#[test]
fn objects_one_a_line_tell_the_same() {
    for stream in [COLD, FAILED] {
        let mut values = serde_json::Deserializer::from_slice(stream).into_iter::<serde_json::Value>();
        let lines: Vec<_> = values.by_ref().map_while(Result::ok).map(|value| format!("{value}\n")).collect();
        let mut compact = lines.concat().into_bytes();
        let text = &stream[stream.windows(11).position(|at| at == b"Dockerfile:").unwrap_or(stream.len())..];
        compact.extend(text);
        assert_eq!(events(Format::RawJson, [stream]), events(Format::RawJson, [&compact[..]]));
    }
}

#[test]
fn nothing_takes_cached_back() {
    let vertex = |rest: &str| {
        format!(
            "{{\"vertexes\":[{{\"digest\":\"d\",\"name\":\"[a 1/1] RUN x\",\"started\":\"2026-01-01T00:00:00Z\"{rest}}}]}}\n"
        )
    };
    let done = ",\"completed\":\"2026-01-01T00:00:05Z\"";
    let stream = [vertex(""), vertex(done), vertex(&format!("{done},\"cached\":true")), vertex(done)].concat();
    let ends: Vec<_> = events(Format::RawJson, [stream.as_bytes()])
        .into_iter()
        .filter_map(|event| if let Event::Finished(_, end) = event { Some(end) } else { None })
        .collect();
    assert_eq!(ends, [End::Done(Duration::from_secs(5)), End::Cached]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn where_a_stream_is_cut_changes_nothing(which in 0..STREAMS.len(), cuts in prop::collection::vec(0..50_000_usize, 0..20)) {
        let (format, stream) = STREAMS[which];
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
        prop_assert_eq!(events(format, pieces), events(format, [stream]));
    }

    #[test]
    fn damaged_streams_never_panic(which in 0..STREAMS.len(), at in 0..50_000_usize, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (format, stream) = STREAMS[which];
        let at = at % stream.len();
        for format in [format, Format::RawJson, Format::Plain] {
            events(format, [&stream[..at], &bytes, &stream[(at + bytes.len()).min(stream.len())..]]);
            events(format, [&bytes[..]]);
        }
    }

    #[test]
    fn arbitrary_texts_in_the_right_places_never_panic(name in ".*", error in ".*", time in ".*", data in ".*", rest in ".*") {
        let status = serde_json::json!({
            "vertexes": [
                { "digest": "d", "name": format!("[a 1/1] RUN {name}"), "started": time, "completed": time, "error": error },
                { "digest": "e", "name": name, "started": "2026-01-01T00:00:00Z", "completed": time },
            ],
            "logs": [{ "vertex": "d", "stream": 2, "data": data }],
        });
        events(Format::RawJson, [status.to_string().as_bytes()]);
        events(Format::Plain, [format!("#1 [a 1/1] RUN {name}\n#1 {rest}\n#1 DONE {rest}\n").as_bytes()]);
    }
}
