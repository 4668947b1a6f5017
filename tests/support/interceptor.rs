//! A proxy that looks into https, as companies have them: Debian's mitmproxy, with a certificate authority of its own that
//! nobody trusts who is not told to.
//!
//! It decides what containers must be told to use it, and keeps a list of what was asked through it. It also gives PyPI's
//! answers the `Cache-Control` that PyPI gives them, which mirrors leave out: without it pip keeps nothing.

#![expect(clippy::disallowed_methods, reason = "a proxy is a process with files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemons::{Daemon, free_port, installed};
use super::engine::Engine;
use super::sandbox::Sandbox;

/// What mitmproxy runs for every answer.
const ADDON: &str = "\
def response(flow):
    if flow.request.host == 'files.pythonhosted.org':
        flow.response.headers['cache-control'] = 'max-age=365000000, immutable, public'
    with open(__file__ + '.requests', 'a') as log:
        log.write(f'{flow.response.status_code} {flow.request.method} {flow.request.pretty_url}\\n')
";

/// A proxy that runs until it is dropped.
pub(crate) struct Interceptor {
    daemon: Daemon,
    folder: PathBuf,
    gateway: String,
}

impl Interceptor {
    /// Starts one that the containers of `engine` reach; none, after a word about it, where mitmproxy is not installed.
    pub(crate) fn start_or_skip(sandbox: &Sandbox, engine: &Engine) -> Option<Interceptor> {
        let mitmdump = installed("mitmdump", "mitmproxy")?;
        let folder = sandbox.root().join("interceptor");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        fs::write(folder.join("addon.py"), ADDON).expect("the sandbox is writable");
        let port = free_port();
        let mut command = Command::new(mitmdump);
        command.args(["--quiet", "--listen-port", &port.to_string(), "--scripts"]).arg(folder.join("addon.py"));
        command.arg("--set").arg(format!("confdir={}", folder.display()));
        if let Some(bundle) = std::env::var_os("SSL_CERT_FILE") {
            command.arg("--set").arg(format!("ssl_verify_upstream_trusted_ca={}", Path::new(&bundle).display()));
        }
        let daemon = Daemon::start(command, port, folder.join("log"));
        Some(Interceptor { daemon, folder, gateway: engine.gateway() })
    }

    /// What programs need so that builds go through the proxy: a configuration of docker that names it.
    pub(crate) fn environment(&self, engine: &Engine) -> Vec<(String, String)> {
        let folder = self.folder.join("docker");
        let environment = engine.environment();
        let (_, old) = environment.iter().find(|(name, _)| name == "DOCKER_CONFIG").expect("an engine has one");
        fs::create_dir_all(&folder).expect("the sandbox is writable");
        let plugins = Path::new(old).join("cli-plugins");
        if plugins.exists() && !folder.join("cli-plugins").exists() {
            std::os::unix::fs::symlink(plugins, folder.join("cli-plugins")).expect("the sandbox is writable");
        }
        let url = format!("http://{}:{}", self.gateway, self.daemon.port());
        let proxies = format!("{{\"proxies\":{{\"default\":{{\"httpProxy\":\"{url}\",\"httpsProxy\":\"{url}\"}}}}}}");
        fs::write(folder.join("config.json"), proxies).expect("the sandbox is writable");
        let folder = folder.display().to_string();
        let other = |(name, value): &(String, String)| match name.as_str() {
            "DOCKER_CONFIG" => (name.clone(), folder.clone()),
            _ => (name.clone(), value.clone()),
        };
        environment.iter().map(other).collect()
    }

    /// The certificate of the proxy's authority, in PEM.
    pub(crate) fn authority(&self) -> String {
        fs::read_to_string(self.folder.join("mitmproxy-ca-cert.pem")).expect("mitmproxy makes one when it starts")
    }

    /// What was asked since the last call: `200 GET https://…`, in order.
    pub(crate) fn take_requests(&self) -> Vec<String> {
        let log = self.folder.join("addon.py.requests");
        let text = fs::read_to_string(&log).unwrap_or_default();
        let _ = fs::remove_file(log);
        text.lines().map(str::to_owned).collect()
    }
}
