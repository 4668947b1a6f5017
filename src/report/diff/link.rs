//! Pages of forges that compare two commits.
//!
//! Decides which forge a host is, from its name alone, and that a link holds nothing but letters, digits and a few signs.
//! Leaves out whether the page is there.

use super::place::Place;

/// Returns the page that compares `before` with `after`, two commit ids, in the repository at `url`; none where its host
/// is no forge that is known.
pub(super) fn compare(url: &str, before: &str, after: &str) -> Option<String> {
    let place = Place::of_repository(url);
    // The port of ssh is none of the web's.
    let host = if place.scheme == "https" { place.host.as_str() } else { place.host.split(':').next()? };
    let web = matches!(place.scheme.as_str(), "https" | "http" | "ssh" | "git" | "git+ssh" | "ssh+git");
    let known = web && !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
    let path = format!("{}/{}", place.owner, place.name);
    let plain = path.chars().all(|c| c.is_ascii_alphanumeric() || "/._-~+%".contains(c));
    if !known || !plain || place.name.is_empty() || place.owner.is_empty() {
        return None;
    }
    if let Some(link) = azure(host, &path, before, after) {
        return Some(link);
    }
    let (old, new) = (short(before), short(after));
    let is = |name: &str| host.split(['.', ':']).any(|label| label == name);
    match () {
        () if is("github") => Some(format!("https://{host}/{path}/compare/{old}...{new}")),
        () if is("gitlab") => Some(format!("https://{host}/{path}/-/compare/{old}...{new}")),
        () if is("bitbucket") => Some(format!("https://{host}/{path}/branches/compare/{new}%0D{old}")),
        () if is("codeberg") || is("gitea") || is("forgejo") => {
            Some(format!("https://{host}/{path}/compare/{old}...{new}"))
        }
        () => None,
    }
}

/// `https://dev.azure.com/org/project/_git/name`, `git@ssh.dev.azure.com:v3/org/project/name`, or
/// `https://org.visualstudio.com/project/_git/name`.
fn azure(host: &str, path: &str, before: &str, after: &str) -> Option<String> {
    let base = match host {
        "dev.azure.com" if path.contains("/_git/") => format!("https://{host}/{path}"),
        "ssh.dev.azure.com" => {
            let (owner, name) = path.strip_prefix("v3/")?.rsplit_once('/')?;
            format!("https://dev.azure.com/{owner}/_git/{name}")
        }
        host if host.ends_with(".visualstudio.com") && path.contains("_git/") => format!("https://{host}/{path}"),
        _ => return None,
    };
    Some(format!("{base}/branchCompare?baseVersion=GC{before}&targetVersion=GC{after}"))
}

/// Enough of a commit id for every forge.
fn short(rev: &str) -> &str {
    rev.get(..12).unwrap_or(rev)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_forge_has_its_own_page() {
        let (old, new) = ("a".repeat(40), "b".repeat(40));
        let link = |url: &str| compare(url, &old, &new).unwrap_or_default();
        let (a, b) = (&old[..12], &new[..12]);
        assert_eq!(link("git@github.com:o/r.git"), format!("https://github.com/o/r/compare/{a}...{b}"));
        assert_eq!(link("https://gitlab.com/g/s/r.git"), format!("https://gitlab.com/g/s/r/-/compare/{a}...{b}"));
        assert_eq!(
            link("ssh://git@gitlab.acme.example:2222/g/r"),
            format!("https://gitlab.acme.example/g/r/-/compare/{a}...{b}")
        );
        assert_eq!(
            link("https://bitbucket.org/o/r.git"),
            format!("https://bitbucket.org/o/r/branches/compare/{b}%0D{a}")
        );
        assert_eq!(link("https://codeberg.org/o/r"), format!("https://codeberg.org/o/r/compare/{a}...{b}"));
        let azure = format!("https://dev.azure.com/o/p/_git/r/branchCompare?baseVersion=GC{old}&targetVersion=GC{new}");
        assert_eq!(link("https://dev.azure.com/o/p/_git/r"), azure);
        assert_eq!(link("git@ssh.dev.azure.com:v3/o/p/r"), azure);
    }

    #[test]
    fn whoever_is_no_forge_or_spells_strangely_gets_no_link() {
        let urls =
            ["/srv/a/b.git", "https://git.example/a/b", "https://github.com/a)b/c", "https://githu\u{3c5}b.com/a/b"];
        for url in
            urls.into_iter().chain(["https://github.com/b", "https://notgithub.com/a/b", "file:///github.com/a/b"])
        {
            assert_eq!(compare(url, "a", "b"), None, "{url}");
        }
    }
}
