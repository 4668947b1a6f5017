//! The user's netrc: which login a host has (curl(1), ftp(1)).
//!
//! Decides which entry counts: the first of that machine, else the default. Leaves out where it may be sent.

#![expect(clippy::disallowed_methods, reason = "netrc is a file of the user, named by the environment")]

use std::path::PathBuf;

/// What a host knows this user by.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

/// Returns the login for `host` in the file that `NETRC` names, else `~/.netrc`; none where there is no such file.
pub(crate) fn login(host: &str) -> Option<Login> {
    let named = std::env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".netrc")))?;
    find(&std::fs::read_to_string(path).ok()?, host)
}

fn find(text: &str, host: &str) -> Option<Login> {
    let text = without_macros(text);
    let mut words = text.split_whitespace();
    let mut applies = false;
    let (mut user, mut password) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" if applies => break,
            "machine" => applies = words.next() == Some(host),
            "default" => applies = true,
            "login" => user = words.next().filter(|_| applies).or(user),
            "password" => password = words.next().filter(|_| applies).or(password),
            "account" => _ = words.next(),
            _ => {}
        }
    }
    Some(Login { user: user?.to_owned(), password: password?.to_owned() })
}

/// Takes out comments, and macros, which end with an empty line.
fn without_macros(text: &str) -> String {
    let mut kept = String::new();
    let mut macros = false;
    for line in text.lines() {
        macros = (macros || line.trim_start().starts_with("macdef")) && !line.trim().is_empty();
        if !macros && !line.trim_start().starts_with('#') {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_counts_before_the_default() {
        let text = "# machine a login no password no\nmachine a\n  login ada password pa\nmacdef init\nmachine b login x password y\n\nmachine b login bob account z password pb default login d password pd\n";
        let found = |host| find(text, host).map(|login| format!("{}:{}", login.user, login.password));
        assert_eq!(found("a").as_deref(), Some("ada:pa"));
        assert_eq!(found("b").as_deref(), Some("bob:pb"));
        assert_eq!(found("c").as_deref(), Some("d:pd"));
        assert!(find("machine a login ada", "a").is_none());
        assert!(find("machine a", "b").is_none());
    }
}
