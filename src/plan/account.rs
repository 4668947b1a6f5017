//! The image's user: three build arguments, and the step that makes the user they name.

use std::collections::BTreeSet;

use super::instruction::{Instruction, Run};
use crate::extension::Account;

/// Returns the arguments with the project's or the extension's values as defaults.
pub(super) fn arguments(account: &Account) -> Vec<Instruction> {
    let Account { name, uid, gid } = account;
    let argument =
        |variable: &str, value: &str| Instruction::Arg { name: variable.to_owned(), default: Some(value.to_owned()) };
    vec![
        argument("DEPS_USER_GID", &gid.value),
        argument("DEPS_USER_NAME", &name.value),
        argument("DEPS_USER_UID", &uid.value),
    ]
}

/// The step that makes the image's user, and the folder of its caches: a cache mount below one that is not there would make
/// it root's. Bases bring users of their own (Ubuntu's has id 1000): one with the wanted
/// id makes way.
///
/// `useradd` writes down the day (`/etc/shadow`, third field), which it takes from `SOURCE_DATE_EPOCH` where that is set
/// (shadow's `gettime()`). It is set to the time of everything in the store and not to the project's `source-date-epoch`, which
/// is in no stage key.
pub(super) fn make() -> Run {
    let command = r#"set -eu; export SOURCE_DATE_EPOCH=315532800; \
    if [ "$DEPS_USER_UID" = 0 ]; then echo "DEPS_USER_UID is 0: to be root, leave the extension user out" >&2; exit 1; fi; \
    old="$(getent passwd "$DEPS_USER_UID" | cut -d: -f1)"; \
    if [ -n "$old" ] && [ "$old" != "$DEPS_USER_NAME" ]; then userdel --remove "$old"; fi; \
    getent group "$DEPS_USER_GID" >/dev/null || groupadd --gid "$DEPS_USER_GID" "$DEPS_USER_NAME"; \
    if getent passwd "$DEPS_USER_NAME" >/dev/null; then \
      usermod --uid "$DEPS_USER_UID" --gid "$DEPS_USER_GID" "$DEPS_USER_NAME"; \
    else \
      useradd --no-log-init --create-home --home-dir "/home/$DEPS_USER_NAME" --uid "$DEPS_USER_UID" --gid "$DEPS_USER_GID" \
        --shell "$(command -v bash || echo /bin/sh)" "$DEPS_USER_NAME"; \
    fi; \
    install -d -o "$DEPS_USER_UID" -g "$DEPS_USER_GID" "/home/$DEPS_USER_NAME/.cache""#;
    Run { mounts: BTreeSet::new(), offline: true, command: command.to_owned(), origin: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_on_which_the_user_is_made_is_not_that_of_the_build() {
        let command = make().command;
        let (before, after) = command.split_once("useradd ").unwrap();
        assert!(before.contains(&format!("export SOURCE_DATE_EPOCH={};", crate::project::EPOCH)), "{command}");
        assert!(!after.contains("SOURCE_DATE_EPOCH"), "{command}");
    }
}
