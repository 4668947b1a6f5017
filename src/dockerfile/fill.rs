//! The text of a build that makes no image: it copies what cache mounts lack into them.
//!
//! Decides what is copied: files, and links that stay in their folder; nothing that the mount has under the name. A file
//! has its name only when it is whole. Leaves out which mounts there are (`plan/cache_mounts.rs`).

use crate::plan::CacheMount;

/// What a log line of the build begins with that says how many files were copied.
pub const COPIED: &str = "deps copied ";

/// Returns the Dockerfile that copies `folders`, named build contexts, into mounts; `image` has a shell, and `nonce` makes
/// its steps run although they may have run before.
pub fn fill(image: (&str, &str), folders: &[(CacheMount, String)], nonce: &str) -> String {
    let (reference, digest) = image;
    let steps = folders.iter().map(|(mount, context)| step(mount, context, nonce)).collect::<String>();
    format!("FROM {reference}@{digest}\nUSER 0:0\n{steps}")
}

fn step(mount: &CacheMount, context: &str, nonce: &str) -> String {
    let CacheMount { id, options } = mount;
    let more: String = options.iter().map(|(name, value)| format!(",{name}={value}")).collect();
    let owner = |name: &str| options.get(name).map_or("0", String::as_str);
    let (uid, gid) = (owner("uid"), owner("gid"));
    format!(
        "RUN --network=none --mount=type=cache,id={id},target=/deps/to{more} \
         --mount=type=bind,from={context},target=/deps/from,readonly <<'END'\n\
         # {nonce}\nexport owner={uid}:{gid}\n{SCRIPT}END\n"
    )
}

/// `find` names a folder before what is in it, so every folder is made with its owner.
const SCRIPT: &str = r#"set -eu
cd /deps/from
find . -type d -exec sh -c 'for f do
  t=/deps/to/$f
  [ -e "$t" ] || [ -L "$t" ] || { mkdir "$t" && chown "$owner" "$t"; }
done' sh {} +
find . ! -type d -exec sh -c 'n=0
for f do
  t=/deps/to/$f
  if [ -e "$t" ] || [ -L "$t" ] || [ ! -d "${t%/*}" ]; then continue; fi
  if [ -L "$f" ]; then
    case $(readlink -f "$f") in /deps/from/*) ;; *) continue ;; esac
  elif [ ! -f "$f" ]; then
    continue
  fi
  cp -pP "$f" "$t.deps-$$" && chown -h "$owner" "$t.deps-$$" && mv "$t.deps-$$" "$t"
  n=$((n + 1))
done
echo "deps copied $n"' sh {} +
"#;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use snapbox::{assert_data_eq, str};

    use super::*;

    #[test]
    fn a_mount_is_mounted_as_the_steps_have_it() {
        let options =
            BTreeMap::from([("sharing", "locked"), ("uid", "1000")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        let mount = CacheMount { id: "pip".to_owned(), options };
        let text = fill(("debian:12", "sha256:0a"), &[(mount, "deps-cache-1".to_owned())], "n1");
        assert_data_eq!(
            text.replace(SCRIPT, "…\n"),
            str![[r#"
FROM debian:12@sha256:0a
USER 0:0
RUN --network=none --mount=type=cache,id=pip,target=/deps/to,sharing=locked,uid=1000 --mount=type=bind,from=deps-cache-1,target=/deps/from,readonly <<'END'
# n1
export owner=1000:0
…
END

"#]]
        );
        assert!(SCRIPT.contains(COPIED) && parse_dockerfile::parse(&text).is_ok());
    }
}
