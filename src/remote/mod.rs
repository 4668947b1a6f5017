//! Answers questions about the outside world: git refs, abbreviated commits, image digests; and fetches pinned objects.
//!
//! Decides how remotes are asked: all at once, each failure kept, the user's git configuration respected. The only room
//! that uses the network. Leaves out what to ask (`resolve/`) and where things are kept (`store/`).

mod between;
mod commit;
mod dated;
mod divergence;
mod download;
pub mod fetch;
mod history;
mod holders;
mod lfs;
mod mirrors;
mod netrc;
mod parallel;
mod process;
mod progress;
mod refs;
mod registry;
mod system;
mod tokens;
mod transport;
mod trouble;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use deps_lock::System;

pub use divergence::known_divergence;
pub use mirrors::Mirrors;
pub(crate) use parallel::each;
pub use progress::{Progress, Transfer, Unwatched};
pub use registry::published::{Published, PublishedImage, published};
pub(crate) use url::redacted;

use crate::resolve::{Answer, Answers, Failure, FailureKind, Question, Transport};
use crate::store::Store;
use download::{Download, Expected};
use holders::Asked;
use system::Foreign;
use tokens::Token;
use transport::{Beyond, Call};

/// Which git is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// libgit2, and the `git` program where that knows more.
    #[default]
    Auto,
    /// libgit2 only.
    Git2,
    /// The `git` program only.
    Program,
}

/// How remotes are asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many at once. 16 unless told.
    pub jobs: usize,
    /// How long to wait for a sign of life, and how long fewer than 100 bytes a second may come. 30 s unless told.
    pub timeout: Duration,
    /// How often to try again what may pass. 3 unless told.
    pub retries: u32,
    /// The pause before the first retry; it doubles each time. 500 ms unless told.
    pub backoff: Duration,
    /// Which git is used.
    pub transport: Choice,
    /// Whether the network is forbidden. Repositories on this machine are read all the same.
    pub offline: bool,
    /// Whether there is somebody at a terminal who can be asked for a password.
    pub terminal: bool,
    /// The bundle of certificates that `SSL_CERT_FILE` names, which libgit2 knows by itself and git does not.
    pub certificates: Option<String>,
    /// Where files are kept that had to be downloaded to know their digests; without one they cannot be asked for.
    pub store: Option<Store>,
    /// Where downloads are asked for in place of their URLs; git has `insteadOf` for that.
    pub mirrors: Mirrors,
    /// Where temporary repositories are made; the system's folder for such things unless told.
    pub scratch: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            jobs: 16,
            timeout: Duration::from_secs(30),
            retries: 3,
            backoff: Duration::from_millis(500),
            transport: Choice::Auto,
            offline: false,
            terminal: false,
            certificates: None,
            store: None,
            mirrors: Mirrors::default(),
            scratch: None,
        }
    }
}

/// The outside world as this user reaches it: settings, git configuration, credentials.
pub struct Remotes {
    settings: Settings,
    /// Read when the first one is asked: libgit2 takes longer to start than a look at a store that has everything.
    beyond: OnceLock<Beyond>,
    tokens: Vec<Token>,
    /// Held while a person is asked something.
    prompts: Mutex<()>,
}

impl Remotes {
    /// Returns the outside world as `settings` want it; nothing is read or asked yet but the environment's tokens.
    pub fn new(settings: Settings) -> Self {
        Self { settings, beyond: OnceLock::new(), tokens: tokens::read(), prompts: Mutex::new(()) }
    }

    /// Returns what it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns what this user's git configuration and environment hold that libgit2 does not know.
    fn beyond(&self) -> &Beyond {
        self.beyond.get_or_init(Beyond::read)
    }

    /// Returns the tokens of CI systems; each knows the server that it is for.
    fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Returns what is asked in place of `url`, in words for people, where there is such a thing.
    fn mirror_in_words(&self, url: &str) -> Option<String> {
        Some(format!(", asked at the mirror `{}`", redacted(&self.settings.mirrors.of(url)?)))
    }

    fn prompts(&self) -> &Mutex<()> {
        &self.prompts
    }
}

/// Asks all `questions` at once and returns every answer and every failure.
///
/// Each repository is listed once. When `interrupted` becomes true, what is unanswered by then fails as cancelled.
pub fn ask(
    questions: &BTreeSet<Question>,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Answers {
    let tasks = tasks(questions);
    progress.on_total(tasks.len());
    let answered = each(&tasks, remotes.settings.jobs, |task| {
        let subject = redacted(task.subject());
        progress.on_start(&subject);
        let answers = task.answers(remotes, progress, interrupted);
        progress.on_done(&subject, answers.iter().all(|(_, answer)| answer.is_ok()));
        answers
    });
    answered.into_iter().flatten().collect()
}

/// What one thread does in one go.
enum Task<'q> {
    Refs { url: &'q str },
    RefsAsOf { url: &'q str, before: i64 },
    Between { urls: [&'q str; 2], good: &'q str, bad: &'q str },
    Divergence { url: &'q str, from: &'q str, to: &'q str },
    Commits { url: &'q str, abbreviated: Vec<&'q str> },
    Holders { url: &'q str, asked: Vec<Asked<'q>> },
    Image { reference: &'q str },
    HasImage { reference: &'q str },
    HasFile { url: &'q str },
    Archive { url: &'q str },
    File { url: &'q str },
    Revision { system: System, url: &'q str, version: Option<&'q String> },
}

fn tasks(questions: &BTreeSet<Question>) -> Vec<Task<'_>> {
    let mut commits: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut holders: BTreeMap<&str, Vec<Asked<'_>>> = BTreeMap::new();
    let mut tasks = Vec::new();
    for question in questions {
        match question {
            Question::Refs { url } => tasks.push(Task::Refs { url }),
            Question::Between { good_url, url, good, bad } => {
                tasks.push(Task::Between { urls: [good_url, url], good, bad });
            }
            Question::Divergence { url, from, to } => tasks.push(Task::Divergence { url, from, to }),
            Question::RefsAsOf { url, before } => tasks.push(Task::RefsAsOf { url, before: *before }),
            Question::Commit { url, abbreviated } => commits.entry(url).or_default().push(abbreviated),
            Question::Holders { url, rev, expected } => {
                holders.entry(url).or_default().push(Asked { rev, expected: expected.as_ref() });
            }
            Question::Image { reference } => tasks.push(Task::Image { reference }),
            Question::HasImage { reference } => tasks.push(Task::HasImage { reference }),
            Question::HasFile { url } => tasks.push(Task::HasFile { url }),
            Question::Archive { url } => tasks.push(Task::Archive { url }),
            Question::File { url } => tasks.push(Task::File { url }),
            Question::Revision { system, url, version } => {
                tasks.push(Task::Revision { system: *system, url, version: version.as_ref() });
            }
        }
    }
    // The slow ones first.
    tasks.splice(0..0, holders.into_iter().map(|(url, asked)| Task::Holders { url, asked }));
    tasks.splice(0..0, commits.into_iter().map(|(url, abbreviated)| Task::Commits { url, abbreviated }));
    tasks
}

type Answered = (Question, Result<Answer, Failure>);

impl Task<'_> {
    fn subject(&self) -> &str {
        match self {
            Self::RefsAsOf { url, .. } | Self::Between { urls: [_, url], .. } | Self::Divergence { url, .. } => url,
            Self::Refs { url } | Self::Commits { url, .. } | Self::Revision { url, .. } => url,
            Self::Archive { url } | Self::File { url } | Self::HasFile { url } | Self::Holders { url, .. } => url,
            Self::Image { reference } | Self::HasImage { reference } => reference,
        }
    }

    fn answers(&self, remotes: &Remotes, progress: &dyn Progress, interrupted: &AtomicBool) -> Vec<Answered> {
        let call = |url| Call::new(url, remotes, progress, interrupted);
        match self {
            Self::Refs { url } => {
                let refs = call(url).and_then(|call| transport::list(&call));
                let answer = refs.map(|advertised| Answer::Refs(refs::sorted(advertised)));
                vec![(Question::Refs { url: (*url).to_owned() }, answer)]
            }
            Self::Between { urls, good, bad } => {
                let calls = call(urls[0]).and_then(|first| Ok([first, call(urls[1])?]));
                let between = calls.and_then(|calls| between::between(calls.each_ref(), good, bad));
                let [good_url, url] = urls.map(str::to_owned);
                let (good, bad) = ((*good).to_owned(), (*bad).to_owned());
                vec![(Question::Between { good_url, url, good, bad }, between.map(Answer::Between))]
            }
            Self::Divergence { url, from, to } => {
                let divergence = call(url).and_then(|call| divergence::divergence(&call, from, to));
                let (url, from, to) = ((*url).to_owned(), (*from).to_owned(), (*to).to_owned());
                vec![(Question::Divergence { url, from, to }, divergence.map(Answer::Divergence))]
            }
            Self::RefsAsOf { url, before } => {
                let refs = call(url).and_then(|call| dated::refs(&call, *before));
                vec![(Question::RefsAsOf { url: (*url).to_owned(), before: *before }, refs.map(Answer::Refs))]
            }
            Self::Commits { url, abbreviated } => commits(url, abbreviated, call(url)),
            Self::Holders { url, asked } => held(url, asked, call(url)),
            Self::HasImage { reference } => {
                let answer = registry::served(reference, remotes, interrupted).map(|()| Answer::HasImage);
                vec![(Question::HasImage { reference: (*reference).to_owned() }, answer)]
            }
            Self::HasFile { url } => {
                let answer = download::head(url, remotes, interrupted).map(Answer::HasFile);
                vec![(Question::HasFile { url: (*url).to_owned() }, answer)]
            }
            Self::Image { reference } => {
                let answer = registry::digest(reference, remotes, interrupted).map(Answer::Image);
                vec![(Question::Image { reference: (*reference).to_owned() }, answer)]
            }
            Self::Archive { url } => {
                let answer = downloaded(url, Expected::Archive, remotes, progress, interrupted).map(Answer::Archive);
                vec![(Question::Archive { url: (*url).to_owned() }, answer)]
            }
            Self::File { url } => {
                let answer = downloaded(url, Expected::File, remotes, progress, interrupted).map(Answer::File);
                vec![(Question::File { url: (*url).to_owned() }, answer)]
            }
            Self::Revision { system, url, version } => {
                let foreign = Foreign::new(*system, url, remotes, interrupted);
                let revision = foreign.and_then(|foreign| foreign.revision(version.map(String::as_str)));
                let question =
                    Question::Revision { system: *system, url: (*url).to_owned(), version: version.cloned() };
                vec![(question, revision.map(Answer::Revision))]
            }
        }
    }
}

/// Looks all abbreviated ids of one repository up.
fn commits(url: &str, abbreviated: &[&str], call: Result<Call<'_>, Failure>) -> Vec<Answered> {
    let found = match call {
        Ok(call) => commit::expanded(&call, abbreviated),
        Err(failure) => abbreviated.iter().map(|_| Err(failure.clone())).collect(),
    };
    let question = |short: &&str| Question::Commit { url: url.to_owned(), abbreviated: (*short).to_owned() };
    abbreviated.iter().map(question).zip(found.into_iter().map(|id| id.map(Answer::Commit))).collect()
}

/// Asks who holds the commits of one repository.
fn held(url: &str, asked: &[Asked<'_>], call: Result<Call<'_>, Failure>) -> Vec<Answered> {
    let found = match call {
        Ok(call) => holders::holders(&call, asked),
        Err(failure) => asked.iter().map(|_| Err(failure.clone())).collect(),
    };
    let question = |one: &Asked<'_>| Question::Holders {
        url: url.to_owned(),
        rev: one.rev.to_owned(),
        expected: one.expected.cloned(),
    };
    asked.iter().map(question).zip(found.into_iter().map(|held| held.map(Answer::Holders))).collect()
}

/// Downloads a file into the store and returns its digest.
fn downloaded(
    url: &str,
    expected: Expected<'_>,
    remotes: &Remotes,
    progress: &dyn Progress,
    interrupted: &AtomicBool,
) -> Result<String, Failure> {
    let Some(store) = &remotes.settings().store else {
        let (subject, message) = (redacted(url), "there is no store to keep it in".to_owned());
        let (kind, transport) = (FailureKind::Local, Transport::Nobody);
        return Err(Failure { kind, subject, message, retried: 0, transport });
    };
    let sha256 = Download { url, store, remotes, progress, interrupted }.file(expected)?;
    Ok(format!("sha256:{sha256}"))
}
