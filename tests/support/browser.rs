//! A real browser, which tells what became of a page and what it asked for. It decides that a request reaches nobody but this
//! test; it leaves out what a page should look like.

#![expect(clippy::disallowed_methods, reason = "a browser opens files")]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::programs;
use super::sandbox::Sandbox;

/// A browser whose every request, also for this machine, is written down and never answered.
pub(crate) struct Browser<'a> {
    sandbox: &'a Sandbox,
    port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

/// What a page has become.
pub(crate) struct Opened {
    /// Its elements and texts.
    pub(crate) elements: String,
    /// What it said on the console.
    pub(crate) console: Vec<String>,
    /// What it asked for, a line of HTTP each.
    pub(crate) requests: Vec<String>,
}

impl<'a> Browser<'a> {
    /// Starts to write down; none where the browser is not installed, which is said.
    ///
    /// # Panics
    /// In CI, when it is not installed.
    #[track_caller]
    pub(crate) fn installed(sandbox: &'a Sandbox) -> Option<Browser<'a>> {
        programs::are_installed(&["chromium"]).then(|| Browser::new(sandbox))
    }

    /// The url of a picture that nobody may ask for.
    pub(crate) fn picture(&self) -> String {
        format!("http://127.0.0.1:{}/x", self.port)
    }

    fn new(sandbox: &'a Sandbox) -> Browser<'a> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let written = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut line = String::new();
                // Who says nothing has asked for nothing.
                if BufReader::new(stream.unwrap()).read_line(&mut line).is_ok() {
                    written.lock().unwrap().push(line.trim().to_owned());
                }
            }
        });
        Browser { sandbox, port, requests }
    }

    /// Opens `page` until it has loaded.
    #[track_caller]
    pub(crate) fn open(&self, page: &str) -> Opened {
        let root = self.sandbox.root();
        let file = root.join("page.html");
        fs::write(&file, page).unwrap();
        let profile = format!("--user-data-dir={}", root.join("browser").display());
        let proxy = format!("--proxy-server=http://127.0.0.1:{}", self.port);
        let quiet =
            ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic"];
        let still = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"];
        let told = ["--proxy-bypass-list=<-loopback>", "--enable-logging=stderr", "--v=0", "--dump-dom"];
        let file = format!("file://{}", file.display());
        let arguments = [&quiet[..], &still, &told, &[&profile, &proxy, &file]].concat();
        let run = self.sandbox.program("chromium", arguments).succeeds();
        let console =
            run.stderr().lines().filter_map(|line| Some(line.split_once(":CONSOLE:")?.1.to_owned())).collect();
        let requests = std::mem::take(&mut *self.requests.lock().unwrap());
        let requests = requests.into_iter().filter(|line| !is_the_browsers(line)).collect();
        Opened { elements: run.stdout(), console, requests }
    }

    /// What of `page` can be seen and read, a line each: folded parts are not.
    #[track_caller]
    pub(crate) fn seen(&self, page: &str) -> String {
        let look = "<script>document.write('<pre>SEEN\\n' + document.body.innerText.replace(/</g, '&lt;') + '</pre>')</script>";
        let opened = self.open(&page.replace("</body>", &format!("{look}</body>")));
        let seen = opened.elements.rsplit_once("<pre>SEEN\n").expect("the script has run").1;
        seen.split("</pre>").next().unwrap().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }
}

/// Whether the browser itself asks its maker, whatever the page is.
fn is_the_browsers(request: &str) -> bool {
    let hosts = ["accounts.google.com", "clients2.google.com", "update.googleapis.com", "www.google.com"];
    let more =
        ["optimizationguide-pa.googleapis.com", "content-autofill.googleapis.com", "safebrowsing.googleapis.com"];
    request.is_empty()
        || hosts
            .iter()
            .chain(&more)
            .any(|host| request.contains(&format!("{host}:443 ")) || request.contains(&format!("//{host}/")))
}
