//! A build as it goes, one JSON object a line (`schema/progress.json`).
//!
//! Decides what a program learns of a build. Leaves out reading the engine and where the lines go (`cli/`).

use schemars::JsonSchema;
use serde::Serialize;

/// One line of `deps build --progress json`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[schemars(title = "deps build --progress json: one line")]
pub enum ProgressReport {
    /// A step began to run; steps that are cached do not begin.
    Started {
        /// The version of this format.
        schema: u32,
        /// The step.
        step: StepName,
    },
    /// A step ended.
    Finished {
        /// The version of this format.
        schema: u32,
        /// The step.
        step: StepName,
        /// `cached`, `done`, `failed` or `cancelled`.
        state: String,
        /// How long a step that is done took.
        #[serde(skip_serializing_if = "Option::is_none")]
        seconds: Option<f64>,
        /// Which step it was to end, from 1.
        number: usize,
        /// How many steps are known until now.
        total: usize,
    },
    /// The build came to its end; the last line of one that succeeded.
    Built {
        /// The version of this format.
        schema: u32,
        /// The image, `sha256:<64 hex>`, where the engine keeps or exports one.
        #[serde(skip_serializing_if = "Option::is_none")]
        image: Option<String>,
        /// The names of the image.
        names: Vec<String>,
        /// How many steps were cached.
        cached: usize,
        /// How many steps ran.
        run: usize,
        /// How long all of it took.
        seconds: f64,
        /// How many steps did otherwise than predicted.
        otherwise: usize,
    },
    /// The build failed; the last line of one that did. The error itself follows in words.
    Failed {
        /// The version of this format.
        schema: u32,
        /// The step that failed; absent where it was something else.
        #[serde(skip_serializing_if = "Option::is_none")]
        step: Option<StepName>,
        /// What the engine says.
        message: String,
        /// What the step's process exited with.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit_code: Option<u32>,
        /// How long it took until then.
        seconds: f64,
    },
}

/// Which step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StepName {
    /// The stage; empty where the whole Dockerfile is one.
    pub stage: String,
    /// Which of the stage's counted instructions it is, from 1.
    pub index: u32,
    /// `RUN`, `COPY`, `ADD`, `LINK` or `WORKDIR`.
    pub kind: String,
    /// The platform, where the build has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// The instruction, on one line.
    pub instruction: String,
}

/// Returns `event` on a line of its own.
pub fn progress_line(event: &ProgressReport) -> String {
    format!("{}\n", serde_json::to_string(event).expect("reports are JSON"))
}

/// Returns how many of the steps of a build were cached, in words: `3 cached (25 %)`.
pub fn cached_text(cached: usize, run: usize) -> String {
    match cached + run {
        0 => format!("{cached} cached"),
        all => format!("{cached} cached ({} %)", cached * 100 / all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let (stage, instruction) = ("a\nb".to_owned(), "RUN \"x\"\n{".to_owned());
        let step = StepName { stage, index: 2, kind: "RUN".to_owned(), platform: None, instruction };
        let line = progress_line(&ProgressReport::Started { schema: 1, step });
        let expected = r#"{"event":"started","schema":1,"step":{"stage":"a\nb","index":2,"kind":"RUN","instruction":"RUN \"x\"\n{"}}"#;
        assert_eq!(line, format!("{expected}\n"));
    }

    #[test]
    fn the_share_that_was_cached_is_rounded_down() {
        assert_eq!((cached_text(0, 0), cached_text(2, 1)), ("0 cached".to_owned(), "2 cached (66 %)".to_owned()));
    }
}
