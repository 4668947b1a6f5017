//! What `docker info` says of the client, its plugins, the server and its store.
//!
//! Decides whether it says enough for nobody to be asked again: a client older than 23.0 leaves its own version out, and
//! without a server there is nothing to tell.

use serde::Deserialize;

use super::Answer;

/// The answer to `docker info --format '{{json .}}'`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Info {
    server_version: String,
    #[serde(rename = "ID")]
    id: String,
    driver_status: Option<Vec<Vec<String>>>,
    client_info: Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Client {
    version: String,
    plugins: Option<Vec<Plugin>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Plugin {
    name: String,
    #[serde(default)]
    version: String,
}

impl Info {
    /// Reads `answer`; none when it does not say enough.
    pub(super) fn read(answer: &Answer) -> Option<Self> {
        let Answer::Text(text) = answer else { return None };
        let info: Self = serde_json::from_str(text).ok()?;
        (!info.server_version.is_empty() && !info.client_info.version.is_empty()).then_some(info)
    }

    /// Returns the client's version.
    pub(super) fn client(&self) -> &str {
        &self.client_info.version
    }

    /// Returns the version of the plugin `buildx`; none where it is not installed.
    pub(super) fn buildx(&self) -> Option<&str> {
        let mut plugins = self.client_info.plugins.iter().flatten();
        plugins.find(|plugin| plugin.name == "buildx").map(|plugin| plugin.version.as_str())
    }

    /// Returns the version of dockerd.
    pub(super) fn server(&self) -> &str {
        &self.server_version
    }

    /// Returns what dockerd says of its image store, word by word.
    pub(super) fn store(&self) -> impl Iterator<Item = &str> {
        self.driver_status.iter().flatten().flatten().map(String::as_str)
    }

    /// Returns the id of dockerd.
    pub(super) fn id(&self) -> &str {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_too_little_is_no_answer() {
        let read = |text: &str| Info::read(&Answer::Text(text.to_owned())).is_some();
        assert!(read(
            r#"{"ID":"a","ServerVersion":"26.1.5","DriverStatus":null,"ClientInfo":{"Version":"26.1.5","Plugins":null}}"#
        ));
        for text in [
            // Docker 20.10.
            r#"{"ID":"a","ServerVersion":"20.10.24","DriverStatus":null,"ClientInfo":{"Debug":false,"Plugins":[]}}"#,
            // No server.
            r#"{"ID":"","ServerVersion":"","ClientInfo":{"Version":"26.1.5","Plugins":[]},"ServerErrors":["no"]}"#,
            "",
        ] {
            assert!(!read(text), "{text}");
        }
        assert!(Info::read(&Answer::Failed("no".to_owned())).is_none());
    }
}
