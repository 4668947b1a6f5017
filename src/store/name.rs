//! Names inside the store: which file belongs to which URL, and which names are ids.
//!
//! Decides that `https://x/y`, `https://x/y/` and `https://x/y.git` share a repository. Pure.

/// Longest readable part of a repository's folder name, in bytes.
const SLUG: usize = 48;

/// Returns the folder name of the bare repository of `url`: a readable part, and the hash that makes it unique.
pub(crate) fn repository(url: &str) -> String {
    format!("{}.git", plain_repository(url))
}

/// Returns the folder name of the repository of `url`, whatever its kind.
pub(crate) fn plain_repository(url: &str) -> String {
    let url = url.trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url).trim_end_matches('/');
    let hash = blake3::hash(url.as_bytes()).to_hex();
    format!("{}-{}", slug(url), &hash[..24])
}

/// Whether two urls name one repository of the store.
pub(crate) fn is_same_repository(one: &str, other: &str) -> bool {
    repository(one) == repository(other)
}

/// Returns the last two parts of the URL in letters that every filesystem takes.
fn slug(url: &str) -> String {
    let mut parts: Vec<&str> = url.rsplit(['/', ':']).filter(|part| !part.is_empty()).take(2).collect();
    parts.reverse();
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let slug: String = parts.join("-").chars().map(safe).collect();
    let start = slug.len().saturating_sub(SLUG);
    slug[start..].trim_matches('-').to_owned()
}

/// Whether `rev` is a full commit id in lowercase.
pub(crate) fn is_commit_id(rev: &str) -> bool {
    rev.len() == 40 && is_lower_hex(rev)
}

/// Whether `id` is one that `digest.rs` makes: only such names are looked up below `trees/`.
pub(crate) fn is_tree_id(id: &str) -> bool {
    match id.split_once('-') {
        Some(("b3" | "b3t" | "a" | "svn", hex)) => is_sha256(hex),
        Some(("f", rest)) => rest.split_once('-').is_some_and(|(sha256, hex)| is_sha256(sha256) && is_short_hash(hex)),
        Some(("hg", node)) => is_commit_id(node),
        _ => is_checkout_id(id),
    }
}

/// Returns the ids of content in `text`: every run of exactly 40 or 64 hexadecimal digits, wherever it stands.
pub(crate) fn ids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !matches!(c, '0'..='9' | 'a'..='f'));
    words.filter(|word| matches!(word.len(), 40 | 64))
}

/// Whether the tree `id` can be compared with its id: a commit, or a digest of a folder.
pub(crate) fn says_content(id: &str) -> bool {
    crate::digest::says_files(id) || is_checkout_id(id)
}

/// Whether `id` is a commit id, `-s` and the digits of excluded submodules perhaps, and `-p` perhaps.
fn is_checkout_id(id: &str) -> bool {
    let id = id.strip_suffix("-p").unwrap_or(id);
    let (rev, submodules) = id.split_once('-').map_or((id, None), |(rev, rest)| (rev, Some(rest)));
    let excluded = |rest: &str| rest.strip_prefix("s-").is_some_and(is_short_hash);
    is_commit_id(rev) && submodules.is_none_or(|rest| rest == "s" || excluded(rest))
}

/// Whether `hex` is 32 bytes in lowercase hexadecimal digits.
pub(crate) fn is_sha256(hex: &str) -> bool {
    hex.len() == 64 && is_lower_hex(hex)
}

fn is_short_hash(hex: &str) -> bool {
    hex.len() == 16 && is_lower_hex(hex)
}

fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_named_after_its_owner_and_itself() {
        let name = repository("https://github.com/ros2/rclcpp.git");
        assert!(name.starts_with("ros2-rclcpp-") && name.ends_with(".git"), "{name}");
        assert_eq!(name.len(), "ros2-rclcpp-.git".len() + 24);
        assert!(repository("git@example.com:team/tool.git").starts_with("team-tool-"));
    }

    #[test]
    fn a_slash_or_dot_git_at_the_end_makes_no_other_repository() {
        let name = repository("https://x.org/a/b");
        for same in ["https://x.org/a/b.git", "https://x.org/a/b/", "https://x.org/a/b.git/"] {
            assert_eq!(repository(same), name);
        }
        assert_ne!(repository("https://x.org/a/c"), name);
        assert_ne!(repository("http://x.org/a/b"), name);
    }

    #[test]
    fn hostile_urls_give_safe_short_names() {
        for url in ["", "/", "..", "https://x/../..", "https://x/\u{1F600}/ü\n.git", &"x/".repeat(9_000), "-o/--x"] {
            let name = repository(url);
            assert!(name.len() < 100, "{name}");
            assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{name}");
            assert!(!name.contains(".."), "{name}");
        }
    }

    #[test]
    fn ids_are_found_in_locks_and_in_names_of_trees() {
        let (rev, digest) = ("0123456789abcdef0123456789abcdef01234567", "ab".repeat(32));
        let text = format!("rev = \"{rev}\"\ndigest = \"sha256:{digest}\"\nshort = \"{}\"", &rev[1..]);
        assert_eq!(ids(&text).collect::<Vec<_>>(), [rev, digest.as_str()]);
        assert_eq!(ids(&format!("{rev}-s")).collect::<Vec<_>>(), [rev]);
    }

    #[test]
    fn only_ids_that_we_make_are_tree_ids() {
        let rev = "0123456789abcdef0123456789abcdef01234567";
        assert!(is_tree_id(rev) && is_tree_id(&format!("{rev}-s")) && is_tree_id(&format!("b3-{}", "0".repeat(64))));
        let digits = "0123456789abcdef";
        for suffix in ["-p", "-s-p", &format!("-s-{digits}"), &format!("-s-{digits}-p")] {
            assert!(is_tree_id(&format!("{rev}{suffix}")), "{suffix}");
        }
        for suffix in ["-", "-p-s", "-p-p", "-s-", "-s-0", &format!("-{digits}"), &format!("-s-{digits}-s")] {
            assert!(!is_tree_id(&format!("{rev}{suffix}")), "{suffix}");
        }
        let digest = "0".repeat(64);
        assert!(is_tree_id(&format!("a-{digest}")) && is_tree_id(&format!("svn-{digest}")));
        assert!(is_tree_id(&format!("hg-{rev}")));
        assert!(is_tree_id(&format!("f-{digest}-{digits}")));
        assert!(!is_tree_id(&format!("f-{digest}")) && !is_tree_id(&format!("f-{digest}-{rev}")));
        let odd = [format!("hg-{digest}"), format!("a-{rev}"), format!("x-{digest}"), format!("hg-{rev}-s")];
        assert!(!odd.iter().any(|id| is_tree_id(id)), "{odd:?}");
        for not in
            ["", "..", "../x", "b3-0", &rev.to_uppercase(), &rev[1..], &format!("{rev}-x"), &format!("{rev}-s-s")]
        {
            assert!(!is_tree_id(not), "{not}");
        }
    }
}
