//! Every way to a repository, against real servers: what git's own clients manage with this user's settings, `deps` does.

use std::fs;
use std::process::Command;

use crate::support::daemons::{Sshd, Tls, git_daemon, key};
use crate::support::git_server::Fault;
use crate::support::program::{Program, Run};
use crate::support::proxy::Proxy;
use crate::support::sandbox::Sandbox;

/// The values of `DEPS_GIT`.
const WAYS: [&str; 3] = ["auto", "git2", "git"];

/// A sandbox with the repository `x`.
fn one_repository() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.git("x").file("data", "content\n").tag("1.2.0").commit();
    sandbox
}

fn wants(sandbox: &Sandbox, url: &str) {
    sandbox.manifest(&format!("repositories:\n  x: {{ type: git, url: '{url}', version: 1.2.0 }}\n"));
}

/// Locks and fetches `url` in each of `ways`, from nothing each time; `with` adds to the environment.
#[track_caller]
fn works(sandbox: &Sandbox, url: &str, ways: &[&str], with: impl Fn(Program<'_>) -> Program<'_>) {
    wants(sandbox, url);
    for way in ways {
        let _ = fs::remove_file(sandbox.path("deps.lock"));
        forget(sandbox);
        let run = |verb: &str| with(sandbox.deps([verb, "--timeout", "5", "--retries", "0"]).env("DEPS_GIT", way));
        run("lock").without_recheck().succeeds();
        run("fetch").succeeds();
        let trees = sandbox.store().join("trees");
        let tree = fs::read_dir(trees).unwrap().next().expect("a tree").unwrap().path();
        assert_eq!(fs::read_to_string(tree.join("data")).unwrap(), "content\n", "{way}");
    }
}

/// Empties the store.
fn forget(sandbox: &Sandbox) {
    sandbox.program("sh", ["-c", "chmod -R u+w \"$DEPS_STORE\" && rm -rf \"$DEPS_STORE\"/*"]).succeeds();
}

/// `deps lock` of `url`, which fails.
fn refused(sandbox: &Sandbox, url: &str, way: &str, with: impl Fn(Program<'_>) -> Program<'_>) -> Run {
    wants(sandbox, url);
    with(sandbox.deps(["lock", "--timeout", "5", "--retries", "0"]).env("DEPS_GIT", way)).exits(5)
}

fn plain(program: Program<'_>) -> Program<'_> {
    program
}

#[test]
fn http_git_files_and_relative_urls() {
    let sandbox = one_repository();
    let daemon = git_daemon(&sandbox);
    let path = sandbox.root().join("git/x.git");
    for url in [
        format!("{}/x.git", sandbox.server().url()),
        format!("git://127.0.0.1:{}/x.git", daemon.port()),
        format!("file://{}", path.display()),
        path.display().to_string(),
        "../git/x.git".to_owned(),
    ] {
        works(&sandbox, &url, &WAYS, plain);
    }
}

#[test]
fn a_relative_url_is_relative_to_the_folder_of_its_manifest() {
    let sandbox = one_repository();
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n[[manifest]]\npath = \"robot/arm/arm.repos\"\ndest = \"/ws\"\n",
    );
    sandbox.write("robot/arm/arm.repos", "repositories:\n  x: { type: git, url: ../../../git/x.git }\n");
    sandbox.deps_in("robot", ["lock"]).succeeds();
    assert!(sandbox.read("deps.lock").contains("url = \"../../../git/x.git\""));
    sandbox.deps_in("robot/arm", ["fetch"]).succeeds();
}

#[test]
fn https_with_an_authority_of_ones_own() {
    let sandbox = one_repository();
    let Some(tls) = Tls::start_or_skip(&sandbox) else { return };
    let (url, authority) = (format!("{}/x.git", tls.url()), tls.authority().to_string_lossy().into_owned());
    works(&sandbox, &url, &WAYS, |program| program.env("SSL_CERT_FILE", &authority));
    works(&sandbox, &url, &["auto", "git"], |program| program.env("GIT_SSL_CAINFO", &authority));
    for (section, value) in [("http", "sslCAInfo"), (&format!("http \"{}\"", tls.url()), "sslCAInfo")] {
        sandbox.git_config(&format!("[{section}]\n\t{value} = {authority}\n"));
        works(&sandbox, &url, &["auto", "git"], plain);
    }
}

#[test]
fn ssh_with_a_key_file() {
    let sandbox = one_repository();
    let Some(sshd) = Sshd::start_or_skip(&sandbox) else { return };
    works(&sandbox, &sshd.url(&sandbox, "x"), &WAYS, |program| with_ssh(&sandbox, program));
}

#[test]
fn ssh_with_an_agent() {
    let sandbox = one_repository();
    let Some(sshd) = Sshd::start_or_skip(&sandbox) else { return };
    let socket = sandbox.root().join("agent").to_string_lossy().into_owned();
    let mut agent = Command::new("ssh-agent").args(["-D", "-a", &socket]).spawn().unwrap();
    let home = sandbox.root().join("home/.ssh");
    let added = format!("until ssh-add -q {}/id_ed25519; do sleep 0.1; done", home.display());
    sandbox.program("timeout", ["10", "sh", "-c", &added]).env("SSH_AUTH_SOCK", &socket).succeeds();
    for file in ["id_ed25519", "id_ed25519.pub"] {
        fs::remove_file(home.join(file)).unwrap();
    }
    works(&sandbox, &sshd.url(&sandbox, "x"), &WAYS, |program| {
        with_ssh(&sandbox, program).env("SSH_AUTH_SOCK", &socket)
    });
    agent.kill().unwrap();
    agent.wait().unwrap();
}

#[test]
fn ssh_with_aliases_and_scp_like_urls() {
    let sandbox = one_repository();
    let Some(sshd) = Sshd::start_or_skip(&sandbox) else { return };
    let known = sandbox.root().join("home/.ssh/known_hosts");
    let config = format!("Host robots\n  HostName 127.0.0.1\n  Port {}\n  User {}\n", sshd.port(), sshd.user());
    fs::write(sandbox.root().join("home/.ssh/config"), config).unwrap();
    let path = sandbox.root().join("git/x.git");
    for url in [format!("robots:{}", path.display()), format!("ssh://robots{}", path.display())] {
        works(&sandbox, &url, &["auto", "git"], |program| with_ssh(&sandbox, program));
    }
    assert!(known.is_file());
}

/// What is said of a server whose host key is not accepted.
fn host_key_refused(problem: &str) -> String {
    format!(
        "error: repo `x`: cannot read `ssh://git.example/x.git`: {problem}\n --> underlay.repos:2:60\n  |\n\
         2 |   x: {{ type: git, url: 'ssh://git.example/x.git', version: 1.2.0 }}\n  |{}^^^^^\n\
         hint: `ssh-keyscan HOST` shows its keys: once you have compared them with those that its owner publishes, put \
         them into `~/.ssh/known_hosts`\n",
        " ".repeat(60)
    )
}

#[test]
fn an_unknown_host_key_is_refused() {
    let sandbox = one_repository();
    let Some(sshd) = Sshd::start_or_skip(&sandbox) else { return };
    let known = sandbox.root().join("home/.ssh/known_hosts");
    fs::remove_file(&known).unwrap();
    sandbox.git_config(&instead_of(&sshd.url(&sandbox, ""), "ssh://git.example/"));
    let unknown = "the server's host key is not a known one";
    for (way, cause) in [
        ("auto", "Host key verification failed."),
        ("git2", "invalid or unknown remote ssh hostkey"),
        ("git", "Host key verification failed."),
    ] {
        let run = refused(&sandbox, "ssh://git.example/x.git", way, |program| with_ssh(&sandbox, program));
        assert_eq!(run.stderr(), host_key_refused(&format!("{unknown} ({cause})")), "{way}");
        assert!(!known.exists(), "{way}");
    }
    assert!(!sshd.log().contains("Accepted"), "{}", sshd.log());
}

#[test]
fn a_changed_host_key_is_refused() {
    let sandbox = one_repository();
    let Some(sshd) = Sshd::start_or_skip(&sandbox) else { return };
    let other = sandbox.root().join("other");
    key(&other);
    sshd.trust(&sandbox, &other.with_extension("pub"));
    sandbox.git_config(&instead_of(&sshd.url(&sandbox, ""), "ssh://git.example/"));
    let changed = "the server's host key is not the known one: somebody may stand between";
    for (way, problem) in [
        ("auto", format!("{changed} (Host key verification failed.)")),
        ("git2", "the server's host key is not a known one (invalid or unknown remote ssh hostkey)".to_owned()),
        ("git", format!("{changed} (Host key verification failed.)")),
    ] {
        let run = refused(&sandbox, "ssh://git.example/x.git", way, |program| with_ssh(&sandbox, program));
        assert_eq!(run.stderr(), host_key_refused(&problem), "{way}");
    }
    assert!(!sshd.log().contains("Accepted"), "{}", sshd.log());
}

/// The setting that makes `from` stand for `base`.
fn instead_of(base: &str, from: &str) -> String {
    format!("[url \"{base}\"]\n\tinsteadOf = {from}\n")
}

/// With the `ssh` that takes the sandbox's home for the user's.
fn with_ssh<'a>(sandbox: &Sandbox, program: Program<'a>) -> Program<'a> {
    let path = format!("{}:{}", sandbox.root().join("bin").display(), std::env::var("PATH").unwrap());
    program.env("PATH", &path)
}

#[test]
fn credential_helpers_and_netrc() {
    let sandbox = one_repository();
    let url = format!("{}/x.git", sandbox.server().url());
    sandbox.server().fail("x.git", -1, Fault::Auth("ada".to_owned(), "hunter2".to_owned()));
    sandbox.git_config("[credential]\n\thelper = \"!f() { echo username=ada; echo password=hunter2; }; f\"\n");
    works(&sandbox, &url, &WAYS, plain);
    sandbox.git_config("");
    fs::write(sandbox.root().join("home/.netrc"), "machine 127.0.0.1 login ada password hunter2\n").unwrap();
    works(&sandbox, &url, &["auto", "git"], plain);
}

#[test]
fn tokens_of_ci_systems_go_to_their_server_after_the_helpers_and_are_stored_nowhere() {
    let sandbox = one_repository();
    let url = sandbox.server().url();
    let stored = sandbox.root().join("home/.git-credentials");
    sandbox.git_config("[credential]\n\thelper = store\n");
    for (variables, user) in [
        ([("GITHUB_TOKEN", "t0ken-of-ci"), ("GITHUB_SERVER_URL", &url)], "x-access-token"),
        ([("GH_TOKEN", "t0ken-of-ci"), ("GITHUB_SERVER_URL", &url)], "x-access-token"),
        ([("CI_JOB_TOKEN", "t0ken-of-ci"), ("CI_SERVER_URL", &url)], "gitlab-ci-token"),
        ([("GITLAB_TOKEN", "t0ken-of-ci"), ("CI_SERVER_URL", &url)], "oauth2"),
    ] {
        sandbox.server().mend();
        sandbox.server().fail("x.git", -1, Fault::Auth(user.to_owned(), "t0ken-of-ci".to_owned()));
        works(&sandbox, &format!("{url}/x.git"), &WAYS, |program| {
            variables.iter().fold(program, |program, (name, value)| program.env(name, value))
        });
        assert!(!stored.exists(), "{variables:?}: {}", fs::read_to_string(&stored).unwrap());
    }
}

#[test]
fn a_token_is_not_sent_to_another_server() {
    let sandbox = one_repository();
    sandbox.server().fail("x.git", -1, Fault::Auth("x-access-token".to_owned(), "t0ken-of-ci".to_owned()));
    for way in WAYS {
        refused(&sandbox, &format!("{}/x.git", sandbox.server().url()), way, |program| {
            program
                .env("GITHUB_TOKEN", "t0ken-of-ci")
                .env("GITLAB_TOKEN", "t0ken-of-ci")
                .env("CI_JOB_TOKEN", "t0ken-of-ci")
        });
        assert_eq!(sandbox.server().authorizations(), [""; 0], "{way}");
    }
}

#[test]
fn instead_of_counts_and_push_instead_of_does_not() {
    let sandbox = one_repository();
    sandbox.git_config(
        "[url \"$GIT/\"]\n\tinsteadOf = https://git.example/\n\
         [url \"https://push.example/\"]\n\tpushInsteadOf = https://git.example/\n\tpushInsteadOf = $GIT/\n",
    );
    works(&sandbox, "https://git.example/x.git", &WAYS, plain);
    assert!(sandbox.read("deps.lock").contains("url = \"https://git.example/x.git\""));
    let url = format!("{}/x.git", sandbox.server().url());
    works(&sandbox, &url, &WAYS, plain);
}

#[test]
fn proxies_as_git_has_them() {
    let sandbox = one_repository();
    let Some(tls) = Tls::start_or_skip(&sandbox) else { return };
    let authority = tls.authority().to_string_lossy().into_owned();
    let proxy = Proxy::start();
    let (http, https) = (format!("{}/x.git", sandbox.server().url()), format!("{}/x.git", tls.url()));
    let through = |url: &str, ways: &[&str], config: &str, variables: &[(&str, &str)]| {
        sandbox.git_config(config);
        let before = proxy.connections();
        works(&sandbox, url, ways, |program| {
            let program = program.env("SSL_CERT_FILE", &authority);
            variables.iter().fold(program, |program, (name, value)| program.env(name, value))
        });
        proxy.connections() > before
    };
    let (address, setting) = (proxy.url(), format!("[http]\n\tproxy = {}\n", proxy.url()));
    for way in WAYS {
        assert!(through(&https, &[way], &setting, &[]), "http.proxy, https, {way}");
        assert!(through(&https, &[way], "", &[("https_proxy", &address)]), "https_proxy, {way}");
        let direct = [("https_proxy", address.as_str()), ("no_proxy", "127.0.0.1")];
        assert!(!through(&https, &[way], "", &direct), "no_proxy, {way}");
    }
    for way in ["auto", "git"] {
        assert!(through(&http, &[way], &setting, &[]), "http.proxy, http, {way}");
        assert!(through(&http, &[way], "", &[("http_proxy", &address)]), "http_proxy, {way}");
        let direct = [("http_proxy", address.as_str()), ("no_proxy", "127.0.0.1")];
        assert!(!through(&http, &[way], "", &direct), "no_proxy, http, {way}");
    }
}

/// Looks for the secret in all that a run said, and in every file below the sandbox but those that the test wrote.
#[track_caller]
fn is_nowhere(sandbox: &Sandbox, secret: &str, run: &Run) {
    assert!(!run.to_string().contains(secret), "{run}");
    let exclude = ["--exclude=.gitconfig", "--exclude=.git-credentials", "--exclude=underlay.repos"];
    let found = sandbox.program("grep", [&["-rla"], &exclude[..], &["--", secret, "."]].concat()).in_folder("..");
    assert_eq!(found.runs().stdout(), "", "{run}");
}

#[test]
fn a_secret_in_a_manifest_is_refused_and_shown_nowhere() {
    let sandbox = one_repository();
    let address = sandbox.server().url().replace("http://", "");
    for url in [
        format!("http://ada:s3cr3tWord@{address}/x.git"),
        format!("http://ghp_0123456789s3cr3tWord@{address}/x.git"),
        format!("http://{address}/x.git?private_token=s3cr3tWord"),
        format!("http://ada:s3cr3tWord/half@{address}/x.git"),
        "ssh://ada:s3cr3tWord@127.0.0.1/x.git".to_owned(),
    ] {
        wants(&sandbox, &url);
        for verb in ["lock", "fetch", "plan", "dockerfile"] {
            let run = sandbox.deps([verb]).without_recheck().runs();
            assert_ne!(run.code(), Some(0), "{url}: {run}");
            is_nowhere(&sandbox, "s3cr3tWord", &run);
        }
    }
}

#[test]
fn no_secret_comes_back_from_a_server_that_repeats_it() {
    let sandbox = one_repository();
    let (url, secret) = (sandbox.server().url(), "s3cr3tWord");
    let with_secret = url.replace("://", &format!("://ada:{secret}@"));
    sandbox.git_config(&instead_of(&format!("{with_secret}/"), "https://git.example/"));
    wants(&sandbox, "https://git.example/x.git");
    let faults = [
        Fault::Error(format!("ada:{secret} may not read {with_secret}/x.git")),
        Fault::Redirect(format!("{}/moved.git", with_secret.replace("127.0.0.1", "localhost"))),
        Fault::Redirect(format!("ftp://ada:{secret}@elsewhere.example/{secret}")),
        Fault::Status(403),
        Fault::Auth("ada".to_owned(), "another".to_owned()),
        Fault::TruncateBody(30),
    ];
    for fault in faults {
        for (way, verb) in WAYS.iter().flat_map(|way| [(way, "lock"), (way, "fetch")]) {
            sandbox.server().mend();
            sandbox.server().fail(".git", -1, fault.clone());
            let run = sandbox.deps([verb, "--retries", "0"]).env("DEPS_GIT", way).exits(5);
            is_nowhere(&sandbox, secret, &run);
        }
    }
    sandbox.server().mend();
    for (way, verb) in WAYS.iter().flat_map(|way| [(way, "lock"), (way, "fetch"), (way, "plan"), (way, "dockerfile")]) {
        let run = sandbox.deps([verb]).env("DEPS_GIT", way).succeeds();
        is_nowhere(&sandbox, secret, &run);
        if verb == "dockerfile" {
            forget(&sandbox);
        }
    }
}

#[test]
fn no_token_comes_back_from_a_server_that_repeats_it() {
    let sandbox = one_repository();
    let url = sandbox.server().url();
    wants(&sandbox, &format!("{url}/x.git"));
    for way in WAYS {
        for fault in [
            Fault::Error("the token t0ken-of-ci has no rights here".to_owned()),
            Fault::Auth("x-access-token".to_owned(), "another".to_owned()),
        ] {
            sandbox.server().mend();
            sandbox.server().fail(".git", -1, fault);
            let run = sandbox.deps(["lock", "--retries", "0"]).env("DEPS_GIT", way);
            let run = run.env("GITHUB_TOKEN", "t0ken-of-ci").env("GITHUB_SERVER_URL", &url).exits(5);
            is_nowhere(&sandbox, "t0ken-of-ci", &run);
        }
    }
}
