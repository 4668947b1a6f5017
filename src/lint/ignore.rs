//! `# deps-lint: ignore=RULE reason`: findings that somebody has decided to live with.
//!
//! It counts for the next line that is no comment, and, where an instruction begins there, for all of it. One without
//! a reason, of an unknown rule or of nothing is a finding itself.

use super::rules::{self, BAD_IGNORE, RULES, Rule};
use super::{Finding, Sheet, shown};
use crate::source::{Span, nearest};

/// A comment that says what to ignore.
struct Ignore {
    rules: Vec<&'static Rule>,
    /// The comment.
    span: Span,
    /// The bytes whose findings are ignored.
    covers: Span,
}

/// Takes away what is to be ignored, and adds what is wrong with the comments that say so.
pub(super) fn apply(sheet: &Sheet<'_>, findings: &mut Vec<Finding>) {
    let mut wrong = Vec::new();
    let ignores = read(sheet, &mut wrong);
    let mut used = vec![Vec::new(); ignores.len()];
    findings.sort_by_key(|finding| finding.span.start);
    findings.retain(|finding| {
        // Ignores stand in the order of what they cover, but an instruction covers those of its own lines.
        let mut ignored = false;
        let until = ignores.partition_point(|ignore| ignore.covers.start <= finding.span.start);
        for (index, ignore) in ignores[..until].iter().enumerate().rev().take(MOST_AROUND) {
            if ignore.covers.contains(&finding.span.start) && ignore.rules.contains(&finding.rule) {
                used[index].push(finding.rule);
                ignored = true;
            }
        }
        !ignored
    });
    for (ignore, used) in ignores.iter().zip(used) {
        for rule in ignore.rules.iter().filter(|rule| !used.contains(*rule)) {
            let message = format!("nothing below breaks the rule `{}`", rule.id);
            wrong.push(Finding::new(&BAD_IGNORE, ignore.span.clone(), message, "take the comment away"));
        }
    }
    findings.extend(wrong);
}

/// So many comments before a finding can be about it: a hostile file may have a million.
const MOST_AROUND: usize = 100;

fn read(sheet: &Sheet<'_>, wrong: &mut Vec<Finding>) -> Vec<Ignore> {
    let (mut open, mut done): (Vec<Ignore>, Vec<Ignore>) = (Vec::new(), Vec::new());
    let mut instructions = sheet.dockerfile.instructions.iter().peekable();
    let mut start = 0;
    for line in sheet.text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let bare = line.trim();
        if let Some(comment) = bare.strip_prefix('#') {
            let span = at + (line.len() - line.trim_start().len())..at + line.trim_end().len();
            open.extend(ignore(comment, span, wrong));
        } else if !bare.is_empty() {
            while instructions.next_if(|instruction| instruction.span.end <= at).is_some() {}
            let begins = instructions.peek().filter(|one| (at..start).contains(&one.span.start));
            let covers = begins.map_or(at..start, |instruction| at..instruction.span.end.max(start));
            done.extend(open.drain(..).map(|ignore| Ignore { covers: covers.clone(), ..ignore }));
        }
    }
    done.extend(open);
    done
}

/// Reads a comment; none when it is about something else.
fn ignore(comment: &str, span: Span, wrong: &mut Vec<Finding>) -> Option<Ignore> {
    let rest = comment.trim_start().strip_prefix("deps-lint:")?.trim();
    let mut bad =
        |message: String, advice: String| wrong.push(Finding::new(&BAD_IGNORE, span.clone(), message, advice));
    let form = || "write `# deps-lint: ignore=RULE reason`".to_owned();
    let Some(rest) = rest.strip_prefix("ignore=") else {
        bad("`deps-lint:` without `ignore=RULE`".to_owned(), form());
        return None;
    };
    let (ids, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    if reason.trim().is_empty() {
        bad(format!("`ignore={}` gives no reason", shown(ids)), form());
        return None;
    }
    let mut known = Vec::new();
    for id in ids.split(',') {
        match rules::named(id) {
            Some(rule) => known.push(rule),
            None => {
                let near = nearest(id, RULES.iter().map(|rule| rule.id));
                let advice = near.map_or_else(
                    || "`deps lint --help` names the rules".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                bad(format!("there is no rule `{}`", shown(id)), advice);
            }
        }
    }
    Some(Ignore { rules: known, span: span.clone(), covers: span.end..span.end })
}
