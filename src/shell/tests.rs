//! Every form in which a step calls programs, and texts that no shell would accept.

use proptest::prelude::*;

use super::*;

fn programs(command: &str) -> Vec<String> {
    let script = Script::of_run(command, 0, '\\');
    let called = script.commands.iter().filter(|command| !command.program.is_empty());
    called.map(|command| command.program.clone()).collect()
}

#[test]
fn programs_are_found_in_every_form_of_a_step() {
    for (form, expected) in [
        ("a && b || c; d & e", &["a", "b", "c", "d", "e"][..]),
        ("a \\\n    # a comment\n\n    && b \\\n  c", &["a", "b"]),
        ("<<EOF\nset -e\na # b\nc \\\n  d\nEOF", &["set", "a", "c"]),
        ("<<-'EOF' bash -e\n\ta\n\tEOF", &["bash", "a"]),
        ("<<EOF\n#!/usr/bin/env python3\nimport os\nEOF", &[]),
        ("<<EOF\n#!/bin/bash -e\na\nEOF", &["a"]),
        ("bash <<'EOF'\na $(b)\nEOF", &["bash", "a", "b"]),
        ("cat <<EOF > /x\na $(date) `b`\nEOF", &["cat", "date", "b"]),
        ("cat <<'EOF' > /x\na $(date)\nEOF", &["cat"]),
        ("a <<A && b <<B\n$(x)\nA\n$(y)\nB", &["a", "b", "x", "y"]),
        ("(a | b); { c; }", &["a", "b", "c"]),
        ("if a; then b; else c; fi", &["a", "b", "c"]),
        ("for x in 1 2; do a; done", &["for", "a"]),
        ("bash -eo pipefail -c 'a && \"b\" c'", &["bash", "a", "b"]),
        ("sh -c \"a \\\"$(b)\\\"\"", &["sh", "a", "b"]),
        ("[\"bash\", \"-c\", \"a && b\"]", &["bash", "a", "b"]),
        ("[\"/usr/bin/pip3\", \"install\", \"x\"]", &["pip"]),
        ("[ -f x ] && a", &["[", "a"]),
        ("A=1 B=$(c) a", &["a", "c"]),
        ("env -u X A=1 /usr/bin/nice -n 5 a", &["a"]),
        ("sudo -E -u dev -- a", &["a"]),
        ("python3.12 -I -m pip install x", &["pip"]),
        ("python3 setup.py install -m", &["python"]),
        ("su dev -c 'a b'", &["su", "a"]),
        ("eval \"$(a)\"", &["eval", "$(a)", "a"]),
        ("echo 'a && b' \"c; d\" e\\;f", &["echo"]),
        ("bash <(a b) && source <(c)", &["bash", "a", "source", "c"]),
        ("a ${X:-$(b)} $((1 + $(c)))", &["a", "b", "1", "c"]),
        ("a > x 2>&1 < y", &["a"]),
        ("timeout -s KILL 30 a; xargs -n 1 b", &["a", "b"]),
    ] {
        assert_eq!(programs(form), expected, "{form}");
    }
}

#[test]
fn a_pipe_names_the_command_that_is_read() {
    let script = Script::of_run("(a x) | b |& c && d", 0, '\\');
    let reads: Vec<_> = script.commands.iter().map(|command| (command.after, command.reads)).collect();
    assert_eq!(reads, [("(", None), ("|", Some(0)), ("|", Some(1)), ("&&", None)]);
}

#[test]
fn who_runs_a_command_is_known() {
    for (command, expected) in [
        ("a", None),
        ("sudo a", Some("root")),
        ("sudo -u dev a", Some("dev")),
        ("sudo -udev a", Some("dev")),
        ("sudo -E --user=\"$WHO\" A=1 a", Some("$WHO")),
        ("sudo -Hu dev bash -ec 'a'", Some("dev")),
        ("gosu dev:staff a", Some("dev")),
        ("su - dev -c a", Some("dev")),
        ("su -c a", Some("root")),
        ("sudo -u dev echo $(a)", None),
        ("sudo -u dev bash <<EOF\na\nEOF", Some("dev")),
    ] {
        let script = Script::of_run(command, 0, '\\');
        let last = script.commands.last().expect("there is a command");
        assert_eq!((last.program.as_str(), last.user.as_deref()), ("a", expected), "{command}");
    }
}

#[test]
fn operands_are_neither_options_nor_their_values() {
    let script = Script::of_run("apt-get -o X=1 -y install -t sid a -- -b", 0, '\\');
    let operands = script.commands[0].operands(&["-o", "-t"]);
    assert_eq!(operands.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["install", "a", "-b"]);
}

#[test]
fn every_word_knows_its_bytes() {
    let text = "a \\\n  'b c' \"d\"e $(f) 2>/g";
    let script = Script::of_run(text, 100, '\\');
    let spelled = |word: &Word| text[word.span.start - 100..word.span.end - 100].to_owned();
    let command = &script.commands[0];
    let words: Vec<String> = command.words().map(spelled).collect();
    assert_eq!(words, ["a", "'b c'", "\"d\"e", "$(f)", "/g"]);
    assert_eq!(spelled(&script.commands[1].called[0]), "f");
    assert_eq!(command.span(), 100..121);
    assert_eq!(Script::of_run("bash -c 'x && yz'", 0, '\\').commands[2].span(), 14..16);
}

/// Texts with everything that a shell could stumble over.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "pip",
        "install",
        " ",
        "\n",
        "\\\n",
        "\\",
        "'",
        "\"",
        "`",
        "$",
        "$(",
        "${",
        "$((",
        "(",
        ")",
        "{",
        "}",
        "<<EOF",
        "<<-'E'",
        "\nEOF\n",
        "<(",
        ">",
        "2>&1",
        "&&",
        "||",
        ";",
        "|",
        "&",
        "#",
        "sudo",
        "bash -c ",
        "A=1",
        "ä",
        "[\"",
        "\"]",
        ",",
        "\t",
        "\r\n",
        "python3 -m ",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_stops_the_reader_and_every_span_is_inside_it(text in prop_oneof![pieces(), ".{0,80}"], offset in 0_usize..9) {
        let script = Script::of_run(&text, offset, '\\');
        let mut spans: Vec<Span> = Vec::new();
        for (index, command) in script.commands.iter().enumerate() {
            spans.extend(command.words().map(|word| word.span.clone()));
            spans.extend([command.span()].into_iter().filter(|span| *span != (0..0)));
            prop_assert!(command.reads.is_none_or(|before| before < index));
            prop_assert!(command.inside.is_none_or(|inside| inside.command < index));
        }
        for span in spans {
            prop_assert!(span.start >= offset && span.start <= span.end, "{span:?} of {text:?}");
            prop_assert!(text.get(span.start - offset..span.end - offset).is_some(), "{span:?} of {text:?}");
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack(depth in 0_usize..3000, open in prop::sample::select(vec!["$(", "`", "bash -c '", "(", "${", "<("])) {
        Script::of_run(&open.repeat(depth), 0, '\\');
    }
}

#[test]
fn a_long_text_is_read_as_fast_as_a_short_one() {
    for piece in ["$(", "`", "\"$(", "bash -c '", "a|", "sudo ", "a <<E <<F\n", "${", "a \\\n", "[\"", "-u ", "A=1 "] {
        Script::of_run(&piece.repeat(100_000 / piece.len()), 0, '\\');
    }
}
