//! A Git LFS server for the test's git server: the batch API and downloads, as
//! <https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md> has them.
//!
//! It decides which requests are for it: `<repository>/info/lfs/…`, and `/lfs-objects/…` where its downloads stand. All
//! repositories share the objects in the folder `lfs-objects` below the server's root. It leaves out uploads and locks.

#![expect(clippy::disallowed_methods, reason = "a test server reads files")]

use std::fs;
use std::path::Path;

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its media type.
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
}

/// Where the objects stand, below the server's root and in its URLs.
pub(crate) const OBJECTS: &str = "lfs-objects";

/// Answers a request for `target`; none when it is not one of Git LFS.
pub(crate) fn answer(root: &Path, target: &str, body: &[u8], host: Option<&str>) -> Option<Answer> {
    let json = "application/vnd.git-lfs+json";
    if target.ends_with("/info/lfs/objects/batch") {
        let body = batch(root, &String::from_utf8_lossy(body), host.unwrap_or_default()).into_bytes();
        return Some(Answer { status: 200, kind: json, body });
    }
    if target.contains("/info/lfs/") {
        return Some(Answer { status: 404, kind: json, body: b"{}".to_vec() });
    }
    let id = target.strip_prefix(&format!("/{OBJECTS}/"))?;
    Some(match fs::read(root.join(OBJECTS).join(id)) {
        Ok(body) => Answer { status: 200, kind: "application/octet-stream", body },
        Err(_) => Answer { status: 404, kind: json, body: b"{}".to_vec() },
    })
}

/// Says of each object where it is, or that it is not there.
fn batch(root: &Path, request: &str, host: &str) -> String {
    let objects: Vec<String> = request.split("\"oid\":\"").skip(1).map(|rest| object(root, rest, host)).collect();
    format!("{{\"transfer\":\"basic\",\"objects\":[{}]}}", objects.join(","))
}

/// `rest` is what follows `"oid":"` in the request.
fn object(root: &Path, rest: &str, host: &str) -> String {
    let id: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
    let size = rest.split("\"size\":").nth(1).unwrap_or_default();
    let size: String = size.chars().take_while(char::is_ascii_digit).collect();
    let found = if root.join(OBJECTS).join(&id).is_file() {
        format!("\"actions\":{{\"download\":{{\"href\":\"http://{host}/{OBJECTS}/{id}\"}}}}")
    } else {
        "\"error\":{\"code\":404,\"message\":\"Object does not exist\"}".to_string()
    };
    format!("{{\"oid\":\"{id}\",\"size\":{size},\"authenticated\":true,{found}}}")
}
