//! Colours for talk. Nothing depends on them.

use clap::builder::styling::{AnsiColor, Style};

/// Returns a line of changes (`+ …`, `~ …`, `- …`) with its mark coloured.
pub(super) fn change(line: &str, colour: bool) -> String {
    let style = match line.chars().next() {
        Some('+') => AnsiColor::Green.on_default(),
        Some('~') => AnsiColor::Yellow.on_default(),
        Some('-') => AnsiColor::Red.on_default(),
        Some('!') => AnsiColor::Red.on_default().bold(),
        _ => Style::new(),
    };
    let end = line.chars().next().map_or(0, char::len_utf8);
    paint(&line[..end], style, colour) + &line[end..]
}

/// Returns the line of a step with the way it ended coloured.
pub(super) fn step(line: &str, colour: bool) -> String {
    let Some((name, end)) = line.rsplit_once(" … ") else { return line.to_owned() };
    let style = match end {
        "CACHED" => AnsiColor::Cyan.on_default(),
        end if end.starts_with("done") => AnsiColor::Green.on_default(),
        _ => AnsiColor::Red.on_default().bold(),
    };
    format!("{name} … {}", paint(end, style, colour))
}

fn paint(text: &str, style: Style, colour: bool) -> String {
    if colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
