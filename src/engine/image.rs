//! What the local image store says of an image: whether a build has to make it again.
//!
//! Decides how little is asked, and that an answer is short whatever an image holds. Leaves out what the answers mean
//! (`cli/`).

use super::probe::Answer;
use super::run;

/// An image of the local store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// Its id, `sha256:<64 hex>`: `docker run` takes it.
    pub id: String,
    /// The value of the label that was asked for; empty when it has none.
    pub label: String,
    /// Its last instruction, as far as its beginning says which one it is.
    pub last: String,
}

/// How much of an instruction is asked for: `LABEL deps.plan-key=` and the key.
const LENGTH: usize = 84;

/// Returns the images that the local store has under each of `tags`, or nothing when it lacks one of them or does not
/// answer.
pub fn local(tags: &[String], label: &str) -> Option<Vec<Image>> {
    if tags.iter().any(|tag| tag.is_empty() || tag.starts_with('-')) {
        return None; // the build says what is wrong with them
    }
    let inspect = format!("{{{{.Id}}}} {{{{index .Config.Labels \"{label}\"}}}}");
    let history = format!("{{{{printf \"%.{LENGTH}s\" .CreatedBy}}}}");
    let calls: Vec<Vec<&str>> = tags
        .iter()
        .flat_map(|tag| {
            [
                vec!["image", "inspect", "--format", &inspect, tag],
                vec!["history", "--no-trunc", "--format", &history, tag],
            ]
        })
        .collect();
    let answers = run::answers(&calls);
    answers.chunks_exact(2).map(|two| image(&two[0], &two[1])).collect()
}

fn image(inspected: &Answer, history: &Answer) -> Option<Image> {
    let (Answer::Text(inspected), Answer::Text(history)) = (inspected, history) else { return None };
    let (id, label) = inspected.trim().split_once(' ')?;
    let last = history.lines().next()?;
    Some(Image { id: run::digest(id)?, label: label.to_owned(), last: last.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Answer {
        Answer::Text(text.into())
    }

    #[test]
    fn an_image_is_read_from_its_two_answers() {
        let id = format!("sha256:{}", "0a".repeat(32));
        let read = image(&text(&format!("{id} key\n")), &text("LABEL deps.plan-key=1\nCOPY a b\n")).unwrap();
        assert_eq!(read, Image { id, label: "key".into(), last: "LABEL deps.plan-key=1".into() });
    }

    #[test]
    fn what_is_not_there_or_is_no_image_is_none() {
        let history = text("LABEL x\n");
        assert_eq!(image(&Answer::Failed("No such image".into()), &history), None);
        assert_eq!(image(&text("sha256:--rm key\n"), &history), None);
        assert_eq!(image(&text(&format!("sha256:{} key\n", "0a".repeat(32))), &text("")), None);
        assert_eq!(local(&["--privileged".into()], "x"), None);
    }
}
