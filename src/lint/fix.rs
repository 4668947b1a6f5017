//! Mechanical changes: which of them fit together, and the text that they make.

use super::Finding;

/// Returns `text` with the changes of `findings`, everything else byte for byte as it was, and how many findings that
/// mends. Of two changes of the same bytes the first one is made; the other one may come with the next run.
pub fn fixed(text: &str, findings: &[Finding]) -> (String, usize) {
    let mut fixes: Vec<&Finding> = findings.iter().filter(|finding| !finding.edits.is_empty()).collect();
    fixes.sort_by_key(|finding| finding.edits[0].span.start);
    let (mut out, mut at, mut count) = (String::with_capacity(text.len()), 0, 0);
    for finding in fixes {
        let follows = finding.edits.iter().try_fold(at, |end, edit| (edit.span.start >= end).then_some(edit.span.end));
        if follows.is_none_or(|end| end > text.len()) {
            continue;
        }
        for edit in &finding.edits {
            out.push_str(&text[at..edit.span.start]);
            out.push_str(&edit.text);
            at = edit.span.end;
        }
        count += 1;
    }
    out.push_str(&text[at..]);
    (out, count)
}
