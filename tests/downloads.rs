//! What builds download, and behind which proxy: counted by a real one that looks into https, as companies have them.

use crate::support::engine::Engine;
use crate::support::interceptor::Interceptor;
use crate::support::sandbox::Sandbox;

/// The package managers, each with a step that downloads something.
const STEPS: [(&str, &str); 4] = [
    (
        "cargo",
        "RUN mkdir -p /w/src {{ out }} && cd /w && echo 'fn main() {}' > src/main.rs \\\n    \
         && printf '[package]\\nname = \"w\"\\nversion = \"1.0.0\"\\n[dependencies]\\nitoa = \"=1.0.15\"\\n' > Cargo.toml \\\n    \
         && cargo fetch && cp Cargo.lock {{ out }}/\n",
    ),
    (
        "npm",
        "RUN ln -s /deps/in/node/bin/node /usr/local/bin/node \\\n    \
         && ln -s /deps/in/npm/bin/npm-cli.js /usr/local/bin/npm \\\n    \
         && mkdir -p {{ out }} && cd {{ out }} && npm install --ignore-scripts is-odd@3.0.1\n",
    ),
    ("pip", "RUN pip install --target {{ out }} six==1.17.0\n"),
    (
        "uv",
        "RUN pip install --target /opt/uv uv==0.13.8 \\\n    \
         && PYTHONPATH=/opt/uv /opt/uv/bin/uv pip install --target {{ out }} idna==3.11\n",
    ),
];

/// The programs of the builders that are files.
const NODE: &str = "[inputs.node]\nurl = \"https://registry.npmjs.org/node-linux-{{ arch }}/-/node-linux-{{ arch }}-24.21.0.tgz\"\n\
                    arch = { amd64 = \"x64\", arm64 = \"arm64\" }\nfolder = \"package\"\n\
                    [inputs.npm]\nurl = \"https://registry.npmjs.org/npm/-/npm-11.21.2.tgz\"\nfolder = \"package\"\n";

/// A project with the extensions of [`STEPS`] that `wanted` names, on these bases of the image and of the builders.
fn project(sandbox: &Sandbox, [base, builder_base]: [&str; 2], wanted: &[&str], ca_certificates: bool) {
    let mut lines = String::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| wanted.contains(name)) {
        let inputs = if *name == "npm" { NODE } else { "" };
        let package = if *name == "cargo" { "cargo-web" } else { "python3-pip" };
        sandbox.write(
            &format!("{name}/extension.toml"),
            &format!(
                "[extension]\nname = \"{name}\"\nversion = \"1.0.0\"\nsummary = \"Downloads by {name}\"\n{inputs}\
             [apt]\nbuilder = [\"ca-certificates\", \"libstdc++6\", \"{package}\"]\n\
             [builder]\nsnippet = \"b.Dockerfile\"\ncopy = [{{ from = \"./\", to = \"/opt/deps/{name}/\" }}]\n"
            ),
        );
        sandbox.write(&format!("{name}/b.Dockerfile"), step);
        lines += &format!("{name} = {{ path = \"{name}\" }}\n");
    }
    sandbox.deps_toml(&format!(
        "[project]\nname = \"downloads\"\nbase = \"{base}\"\nbuilder-base = \"{builder_base}\"\n[build]\nca-certificates = {ca_certificates}\n\
         [extensions]\napt = {{ with = {{ packages = [\"tree\"] }} }}\n{lines}"
    ));
}

/// A sandbox behind the proxy, whose authority is in the host's bundle.
fn behind<'a>(engine: &Engine, outer: &'a Sandbox) -> Option<(Interceptor, Sandbox, &'a Sandbox)> {
    let proxy = Interceptor::start_or_skip(outer, engine)?;
    let mut environment = proxy.environment(engine);
    let trusted = environment.iter().find(|(name, _)| name == "SSL_CERT_FILE").map(|(_, path)| path.clone());
    let others = std::fs::read_to_string(trusted.as_deref().unwrap_or("/etc/ssl/certs/ca-certificates.crt")).unwrap();
    let bundle = outer.root().join("bundle.pem");
    std::fs::write(&bundle, format!("{others}\n{}", proxy.authority())).unwrap();
    environment.retain(|(name, _)| name != "SSL_CERT_FILE");
    environment.push(("SSL_CERT_FILE".to_owned(), bundle.display().to_string()));
    Some((proxy, Sandbox::with_environment(environment), outer))
}

/// Pushes an image with what the engine's base has, and a file that is another one for each sandbox and `number`: BuildKit
/// takes images of the same layers for the same.
fn updated_base(engine: &Engine, sandbox: &Sandbox, number: u8) -> String {
    let tag = format!("{}/deps-test/updated:1", engine.registry());
    sandbox.write("base/number", &format!("{number} {}", sandbox.root().display()));
    sandbox.write("base/Dockerfile", &format!("FROM {}\nCOPY number /opt/\n", engine.base()));
    let folder = sandbox.path("base").display().to_string();
    engine.docker(["build", "--quiet", "--tag", &tag, &folder]);
    engine.docker(["push", "--quiet", &tag]);
    tag
}

/// Those of `requests` that brought a package, by the manager that they are of.
fn packages(requests: &[String]) -> Vec<&'static str> {
    let endings = [("cargo", "/download"), ("npm", ".tgz"), ("pip or uv", ".whl"), ("apt", ".deb")];
    let manager = |request: &String| {
        let fetched = request.contains(" GET ") && request.starts_with("20");
        endings.iter().find(|(_, ending)| fetched && request.ends_with(ending)).map(|(manager, _)| *manager)
    };
    let mut managers: Vec<&str> = requests.iter().filter_map(manager).collect();
    managers.sort_unstable();
    managers.dedup();
    managers
}

#[test]
fn steps_that_run_again_download_no_package_again() {
    let Some(engine) = Engine::required() else { return };
    let outer = Sandbox::new();
    let Some((proxy, sandbox, _)) = behind(&engine, &outer) else { return };
    let base = updated_base(&engine, &sandbox, 1);
    project(&sandbox, [&base, engine.base()], &["cargo", "npm", "pip", "uv"], true);
    sandbox.deps(["lock"]).succeeds();
    proxy.take_requests();

    // `--no-cache` empties the cache mounts, so that everything has to come.
    sandbox.deps(["build", "--frozen", "--no-cache", "-t", "deps-test/downloads"]).succeeds();
    let first = proxy.take_requests();
    assert_eq!(packages(&first), ["apt", "cargo", "npm", "pip or uv"], "{first:#?}");

    // Another base, and other words in the builders' steps; their packages are a stage of their own.
    updated_base(&engine, &sandbox, 2);
    for (name, step) in STEPS {
        // In words that no engine has seen: one that this test ran on before has the others.
        let again = format!("{} && : again in {}\n", step.trim_end(), outer.root().display());
        sandbox.write(&format!("{name}/b.Dockerfile"), &again);
    }
    sandbox.deps(["update"]).succeeds();
    let run = sandbox.deps(["build", "-t", "deps-test/downloads"]).succeeds();
    let second = proxy.take_requests();
    let kept = run
        .stderr()
        .lines()
        .any(|line| !line.contains("] apt-") && line.contains(": RUN ") && line.ends_with("CACHED"));
    assert!(!kept, "the steps run again: {run}");
    assert!(!second.is_empty(), "the steps went through the proxy");
    assert_eq!(packages(&second), [""; 0], "{second:#?}");
}

#[test]
fn steps_trust_the_proxy_of_a_company_and_leave_no_trace_of_it() {
    let Some(engine) = Engine::required() else { return };
    let outer = Sandbox::new();
    let Some((_proxy, sandbox, _)) = behind(&engine, &outer) else { return };
    let build = ["build", "-t", "deps-test/trust"];
    // A step that is cached asks nobody: this one never is.
    let step = format!("RUN pip install --target {{{{ out }}}} six==1.17.0 && : {}\n", outer.root().display());
    project(&sandbox, [engine.base(); 2], &["pip"], false);
    sandbox.write("pip/b.Dockerfile", &step);
    let run = sandbox.deps(build).exits(1);
    assert!(run.stderr().to_lowercase().contains("certificate"), "nobody trusts the proxy unasked: {run}");

    sandbox.edit("deps.toml", "ca-certificates = false", "ca-certificates = true");
    sandbox.deps(build).succeeds();
    let trace = "find / -xdev -name ca-certificates.crt -newer /etc/debian_version; env | grep -i -e cert -e _CA_ -e proxy; true";
    assert_eq!(engine.run_image("deps-test/trust", &["sh", "-c", trace]), "");
    let history = engine.docker(["image", "inspect", "--format", "{{json .Config}}", "deps-test/trust"]);
    assert!(!history.contains("CA_BUNDLE") && !history.contains("SSL_CERT"), "{history}");

    // Another bundle is the same build: it is in no cache key.
    let bundle = outer.root().join("bundle.pem");
    let text = std::fs::read_to_string(&bundle).unwrap();
    std::fs::write(&bundle, format!("# another day\n{text}")).unwrap();
    let run = sandbox.deps(["build", "--no-skip", "-t", "deps-test/trust"]).succeeds();
    assert!(run.stderr().contains(", 0 run, "), "{run}");
}
