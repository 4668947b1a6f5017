//! The urls of a file that is another one on another platform.
//!
//! Decides what `{x64,arm64}` in a url stands for. Leaves out what a url may be otherwise (`url`).

use crate::entry::Fetch;
use crate::value::Platform;

impl Fetch {
    /// Returns the url of the file for `platform`; none where the entry has no such platform, or its url has not one word
    /// for each.
    pub fn url_of(&self, platform: &Platform) -> Option<String> {
        let at = self.platforms.keys().position(|one| one == platform)?;
        let mut pieces = self.url.split('{');
        let mut url = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (words, rest) = piece.split_once('}')?;
            let words: Vec<&str> = words.split(',').collect();
            url.push_str(words.get(at).filter(|_| words.len() == self.platforms.len())?);
            url.push_str(rest);
        }
        Some(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Extra, Sha256, Url};

    #[test]
    fn a_url_has_a_word_for_each_platform() {
        let fetch = |url: &str| {
            let sum = |platform: &str| {
                (Platform::new(platform).unwrap(), Sha256::new(format!("sha256:{}", "0".repeat(64))).unwrap())
            };
            let platforms = ["linux-amd64", "linux-arm64"].map(sum).into();
            let (want, reference, extra) = (None, None, Extra::default());
            Fetch { want, reference, platforms, url: Url::new(url).unwrap(), extra }
        };
        let of = |url: &str, platform: &str| fetch(url).url_of(&Platform::new(platform).unwrap());
        let url = "https://x.org/{x64,arm64}/a-{x64,arm64}.tar";
        assert_eq!(of(url, "linux-amd64").as_deref(), Some("https://x.org/x64/a-x64.tar"));
        assert_eq!(of(url, "linux-arm64").as_deref(), Some("https://x.org/arm64/a-arm64.tar"));
        assert_eq!(of("https://x.org/a", "linux-arm64").as_deref(), Some("https://x.org/a"));
        assert_eq!(of(url, "linux-386"), None);
        assert_eq!(of("https://x.org/{a,b,c}", "linux-amd64"), None);
        assert_eq!(of("https://x.org/{a,b", "linux-amd64"), None);
    }
}
