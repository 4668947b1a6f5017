//! What a user sees when an extension is wrong.

use crate::support::sandbox::Sandbox;
use snapbox::str;

#[test]
fn an_extension_that_does_not_render_aborts_the_run() {
    let sandbox = Sandbox::new();
    sandbox.deps_toml(
        "[project]\nname = \"p\"\nbase = \"scratch\"\n\n[extensions]\nmine = { path = \"extensions/mine\", with = { jobs = \"four\" } }\nyours = { path = \"extensions/yours\" }\n",
    );
    sandbox.write("extensions/mine/extension.toml", "[extension]\nname = \"mine\"\nversion = \"1\"\nsummary = \"Mine\"\n\n[options.jobs]\ntype = \"integer\"\ndefault = 1\nhelp = \"jobs\"\n");
    sandbox.write(
        "extensions/yours/extension.toml",
        "[extension]\nname = \"yours\"\nversion = \"1.0.0\"\nsummary = \"Yours\"\n\n[builder]\nsnippet = \"b.Dockerfile\"\ncopy = [{ from = \"bin/\", to = \"/opt/yours\" }]\n",
    );
    sandbox.write("extensions/yours/b.Dockerfile", "RUN echo {{ optons.x }}\nCOPY . /\n");
    sandbox.deps(["lock"]).exits(1).stderr_is(str![[r#"
error: `1` is not a version like `1.2.0`
 --> extensions/mine/extension.toml:3:11
  |
3 | version = "1"
  |           ^^^

error: template: `optons.x` is not defined
 --> extensions/yours/b.Dockerfile:1:13
  |
1 | RUN echo {{ optons.x }}
  |             ^^^^^^^^

error: `/opt/yours` is not a folder (it must end with `/`, as `from` does)
 --> extensions/yours/extension.toml:8:31
  |
8 | copy = [{ from = "bin/", to = "/opt/yours" }]
  |                               ^^^^^^^^^^^^

"#]]);
}
