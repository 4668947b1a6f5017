//! Every form of a graph spells hostile names, and is the same every time.

use super::*;

fn node(name: &str, state: &str) -> NodeReport {
    let (run, cached) = if state == "run" { (2, 1) } else { (0, 3) };
    NodeReport {
        name: name.to_owned(),
        kind: "builder".to_owned(),
        about: "</title><script>alert(1)</script>".to_owned(),
        key: "0123456789abcdef".repeat(4),
        pure: state == "run",
        state: state.to_owned(),
        run,
        cached,
        reason: None,
    }
}

fn graph(names: &[&str]) -> GraphReport {
    let last = names.len() - 1;
    let edge = |from: &&str| EdgeReport { from: (*from).to_owned(), to: names[last].to_owned() };
    GraphReport {
        schema: 1,
        name: "robot".to_owned(),
        against: None,
        platform: "linux/amd64".to_owned(),
        stages: names.iter().enumerate().map(|(n, name)| node(name, if n == 0 { "run" } else { "cached" })).collect(),
        edges: names[..last].iter().map(edge).collect(),
    }
}

const HOSTILE: [&str; 5] = ["a\"];x", "</svg><script>", "b\\", "c#quot;\n&", "final"];

#[test]
fn no_name_leaves_its_place() {
    let graph = graph(&HOSTILE);
    for text in [svg(&graph), html(&graph)] {
        assert!(!text.contains("<script") && !text.contains("http://www.w3.org/1999"), "{text}");
        assert!(text.contains("&lt;/svg&gt;&lt;script&gt;"), "{text}");
    }
    let dot = dot(&graph);
    assert!(dot.contains(r#""a\"];x" -> "final";"#) && dot.contains(r#""b\\" -> "final";"#), "{dot}");
    assert_eq!(dot.lines().count(), 3 + 5 + 4 + 1, "{dot}");
    let mermaid = mermaid(&graph);
    assert!(mermaid.contains("s0[\"a#34;#93;#59;x<br>"), "{mermaid}");
    assert!(mermaid.contains("c#35;quot#59;"), "{mermaid}");
}

#[test]
fn a_drawing_has_every_stage_and_every_edge_and_is_the_same_every_time() {
    let names: Vec<String> = (0..60).map(|n| format!("stage-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let graph = graph(&names);
    let text = svg(&graph);
    assert_eq!(text.matches("<g><title>").count(), 60);
    assert_eq!(text.matches("marker-end").count(), 59);
    for _ in 0..5 {
        assert_eq!(svg(&graph), text);
    }
}
