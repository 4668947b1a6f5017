//! Every rule with what it finds and what it lets pass; ignores, changes and templates.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn dockerfile(text: &str) -> Subject {
    Subject { source: Source::new("Dockerfile", text), kind: Kind::Dockerfile }
}

/// What the rules find, as `rule text`.
fn found(text: &str) -> Vec<String> {
    let shown = |finding: &Finding| format!("{} {}", finding.rule.id, &text[finding.span.clone()]);
    lint(&dockerfile(text)).unwrap_or_else(|problems| panic!("{problems:?}")).findings.iter().map(shown).collect()
}

/// The rule, what it finds (with the words that it points at), and what it lets pass.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const CASES: [Case; 20] = [
    (
        "apt-key",
        &[("RUN apt-key add /k", "apt-key add /k"), ("RUN curl https://x.io/k && sudo apt-key add -", "apt-key add -")],
        &["RUN install -m 644 /k.gpg /usr/share/keyrings/"],
    ),
    (
        "apt-yes",
        &[
            ("RUN apt-get update && apt-get -o X=1 install vim", "apt-get -o X=1 install"),
            ("RUN bash -c 'apt upgrade'", "apt upgrade"),
        ],
        &[
            "RUN apt-get install -y vim",
            "RUN apt-get install -qy vim",
            "RUN apt-get -qq install vim",
            "RUN apt-get --assume-yes install vim",
            "RUN yes | apt-get install vim",
            "RUN apt-get download vim",
            "RUN apt-cache policy vim",
        ],
    ),
    (
        "bad-ignore",
        &[
            ("# deps-lint: ignore=apt-yes\nRUN make", "# deps-lint: ignore=apt-yes"),
            ("# deps-lint: ignore=apt-no because\nRUN make", "# deps-lint: ignore=apt-no because"),
            ("# deps-lint: off\nRUN make", "# deps-lint: off"),
            ("# deps-lint: ignore=apt-yes nothing asks\nRUN make", "# deps-lint: ignore=apt-yes nothing asks"),
        ],
        &[
            "# deps-lint: ignore=apt-key,apt-yes old\nRUN apt-key add k && apt install x",
            "# deps-linter is a thing\nRUN make",
        ],
    ),
    (
        "base-digest",
        &[("FROM debian:12", "debian:12"), ("FROM scratch\nCOPY --from=a.b/c:1 /x /x", "--from=a.b/c:1")],
        &[
            "FROM debian:12@sha256:00",
            "FROM scratch",
            "ARG BASE\nFROM $BASE",
            "FROM debian:12@sha256:00 AS one\nFROM one\nCOPY --from=ONE /x /x\nCOPY --from=0 /x /x\nCOPY --from=context /x /x",
        ],
    ),
    (
        "cache-buster",
        &[
            ("RUN echo \"built $(date +%s)\" > /x", "date +%s"),
            ("RUN echo `date`", "date"),
            ("RUN echo $RANDOM > /x", "$RANDOM"),
            ("ARG CACHE_BUST=1", "CACHE_BUST"),
        ],
        &[
            "RUN date -d @$SOURCE_DATE_EPOCH +%F",
            "RUN date --reference=/x",
            "RUN echo date '$(date)' '$RANDOM'",
            "ARG CACHE_DIR",
        ],
    ),
    (
        "emptied-cache",
        &[
            ("RUN --mount=type=cache,target=/root/.cache/pip pip install --no-cache-dir a==1", "--no-cache-dir"),
            ("RUN --mount=type=cache,target=/var/cache/apt apt-get clean", "apt-get clean"),
            ("RUN --mount=type=cache,target=/c rm -rf /var/lib/apt/lists/*", "rm -rf /var/lib/apt/lists/*"),
            ("RUN --mount=type=cache,target=/c apk add --no-cache x", "--no-cache"),
            ("RUN --mount=type=cache,target=/c npm cache clean --force", "npm cache clean --force"),
        ],
        &[
            "RUN pip install --no-cache-dir a==1",
            "RUN rm -rf /var/lib/apt/lists/*",
            "RUN --mount=type=cache,target=/c rm -rf /tmp/x",
        ],
    ),
    (
        "latest-download",
        &[
            ("RUN wget https://x.io/releases/latest/a.deb && sha256sum -c s", "https://x.io/releases/latest/a.deb"),
            ("ADD --checksum=sha256:0 https://x.io/a-latest.tgz /a", "https://x.io/a-latest.tgz"),
        ],
        &["RUN wget https://x.io/1.2/a.deb && sha256sum -c s", "RUN echo https://x.io/latest"],
    ),
    (
        "latest-image",
        &[("FROM debian", "debian"), ("FROM a.b:5000/c:latest AS x", "a.b:5000/c:latest")],
        &["FROM a:5000/c:1@sha256:0"],
    ),
    (
        "lone-apt-update",
        &[
            ("RUN apt-get update\nRUN apt-get install -y x", "apt-get update"),
            ("RUN set -e; sudo apt update && rm -f /x", "apt update"),
        ],
        &[
            "RUN apt-get update && apt-get install -y x",
            "RUN apt-get update && ./install.sh",
            "RUN <<EOF\napt-get update\napt-get install -y x\nEOF",
        ],
    ),
    (
        "pipe-to-shell",
        &[
            ("RUN curl -fsSL https://x.io/i | sudo -E bash -", "curl -fsSL https://x.io/i | sudo -E bash -"),
            (
                "RUN wget -qO- https://x.io/i | sed s/a/b/ | sh -s -- -y",
                "wget -qO- https://x.io/i | sed s/a/b/ | sh -s -- -y",
            ),
            ("RUN bash <(curl https://x.io/i)", "bash <(curl https://x.io/i)"),
            ("RUN sh -c \"$(curl https://x.io/i)\"", "$(curl https://x.io/i)"),
            ("RUN eval \"$(wget -O- https://x.io/i)\"", "$(wget -O- https://x.io/i)"),
            ("RUN curl https://x.io/i | python3", "curl https://x.io/i | python3"),
        ],
        &["RUN curl -o i https://x.io/i && sha256sum -c s && sh i", "RUN cat /i | sh"],
    ),
    (
        "secret-in-env",
        &[
            ("ENV A=1 DB_PASSWORD=hunter2", "DB_PASSWORD"),
            ("ENV TOKEN x y", "TOKEN"),
            ("ARG GITHUB_TOKEN", "GITHUB_TOKEN"),
            ("ENV REPO=https://me:hunter2@x.io/r", "REPO"),
            ("ARG AWS_SECRET_ACCESS_KEY=x", "AWS_SECRET_ACCESS_KEY"),
            ("ENV 'É'_TOKEN=hunter2", "'É'_TOKEN=hunter2"),
            ("ENV \"ÉÉ_TOKEN\"=\"ü hunter2\"", "\"ÉÉ_TOKEN\"=\"ü hunter2\""),
        ],
        &["ENV TOKEN_FILE=/run/t TOKENIZERS_PARALLELISM=1", "ENV TOKEN=", "ARG KEY=x", "ENV URL=https://x.io/r@1"],
    ),
    (
        "unchecked-add",
        &[
            ("ADD https://x.io/a.tgz /a", "https://x.io/a.tgz"),
            ("ADD [\"http://x.io/a\", \"/a\"]", "\"http://x.io/a\""),
            ("ADD https://x.io/a.git#main /a", "https://x.io/a.git#main"),
        ],
        &[
            "ADD --checksum=sha256:0 https://x.io/a.tgz /a",
            "ADD https://x.io/a.git#0123456789abcdef0123456789abcdef01234567 /a",
            "ADD a.tgz /a",
        ],
    ),
    (
        "unchecked-download",
        &[
            ("RUN curl -fsSLo /a https://x.io/a && tar xf /a", "curl -fsSLo /a https://x.io/a"),
            ("RUN sha256sum -c s && wget \"$URL\"", "wget \"$URL\""),
            ("RUN wget -O- https://x.io/a | tar xz", "wget -O- https://x.io/a"),
        ],
        &[
            "RUN curl -o a https://x.io/a && echo \"00  a\" | sha256sum -c -",
            "RUN wget https://x.io/a && test \"$(sha512sum a | cut -d' ' -f1)\" = 00",
            "RUN wget https://x.io/a && gpg --verify a.sig a",
            "RUN curl -fI https://x.io && curl http://localhost:80/ && curl --version",
        ],
    ),
    (
        "unhashed-requirements",
        &[("RUN pip3 install -r r.txt", "-r"), ("RUN uv pip install --requirements=r.txt", "--requirements=r.txt")],
        &["RUN pip install --require-hashes -r r.txt", "RUN uv sync --frozen"],
    ),
    (
        "unpinned-cargo",
        &[
            ("RUN cargo install --locked ripgrep", "ripgrep"),
            ("RUN cargo install ripgrep@14.1.0", "install"),
            ("RUN cargo install --locked --git https://x.io/a", "cargo install --locked --git https://x.io/a"),
        ],
        &[
            "RUN cargo install --locked --version 14.1.0 ripgrep",
            "RUN cargo +stable install --locked ripgrep@14.1.0",
            "RUN cargo install --locked --path .",
            "RUN cargo build",
            "RUN cargo install --locked --git https://x.io/a --rev 0123456",
        ],
    ),
    (
        "unpinned-clone",
        &[
            ("RUN git clone https://x.io/a.git", "git clone https://x.io/a.git"),
            ("RUN git clone -b v1 --depth 1 https://x.io/a", "git clone -b v1 --depth 1 https://x.io/a"),
            ("RUN git clone u:a && git clone u:b && git -C b checkout 0123456", "git clone u:a"),
        ],
        &[
            "RUN git clone https://x.io/a && git -C a checkout 0123456789abcdef0123456789abcdef01234567",
            "RUN git clone https://x.io/a && cd a && git reset --hard \"$REV\"",
            "RUN git clone --revision=0123456789abcdef0123456789abcdef01234567 https://x.io/a",
            "RUN git clone /deps/in/src /src",
            "RUN git init && git fetch https://x.io/a 0123456",
        ],
    ),
    (
        "unpinned-gem",
        &[("RUN gem install rake", "rake")],
        &["RUN gem install rake:13.0", "RUN gem install rake -v 13.0", "RUN bundle install"],
    ),
    (
        "unpinned-go",
        &[
            ("RUN go install x.io/a@latest", "x.io/a@latest"),
            ("RUN go install x.io/a@v1", "x.io/a@v1"),
            ("RUN go get x.io/a", "x.io/a"),
        ],
        &[
            "RUN go install x.io/a@v1.2.3",
            "RUN go install ./...",
            "RUN go run x.io/a@v1.2.3-rc.1 b@main",
            "RUN go install x.io/a",
        ],
    ),
    (
        "unpinned-npm",
        &[
            ("RUN npm install -g a b@1.2.3", "a"),
            ("RUN npm i @s/a@^1.2.3", "@s/a@^1.2.3"),
            ("RUN npm install", "npm install"),
            ("RUN yarn install", "yarn install"),
            ("RUN pnpm add github:a/b#main", "github:a/b#main"),
        ],
        &[
            "RUN npm ci",
            "RUN npm install @s/a@1.2.3 ./b c.tgz",
            "RUN yarn install --frozen-lockfile",
            "RUN npm run build",
        ],
    ),
    (
        "unpinned-pip",
        &[
            ("RUN pip install --no-cache-dir a b==1", "a"),
            ("RUN python3 -m pip install 'a>=1'", "'a>=1'"),
            ("RUN uv pip install a==1.*", "a==1.*"),
            ("RUN pip install git+https://x.io/a@main", "git+https://x.io/a@main"),
            ("RUN pipx install a", "a"),
            ("RUN pip install https://x.io/a.whl", "https://x.io/a.whl"),
        ],
        &[
            "RUN pip install a==1 b[c]==2 -t /x -i https://x.io",
            "RUN pip install . ./a /b/c.whl \"$PACKAGES\"",
            "RUN pip install git+https://x.io/a@0123456789abcdef0123456789abcdef01234567#egg=a",
            "RUN pip install --no-index --find-links /w a",
            "RUN pip list",
        ],
    ),
];

#[test]
fn every_rule_finds_what_it_is_about_and_nothing_else() {
    let tested: BTreeSet<&str> = CASES.iter().map(|(rule, ..)| *rule).collect();
    assert_eq!(tested, RULES.iter().map(|rule| rule.id).collect(), "a rule without a case");
    for (rule, bad, good) in CASES {
        for (text, words) in bad {
            let found = found(text);
            assert!(found.contains(&format!("{rule} {words}")), "{rule}: {text}\n{found:#?}");
        }
        for text in good {
            let of_rule: Vec<String> = found(text).into_iter().filter(|one| one.starts_with(rule)).collect();
            assert!(of_rule.is_empty(), "{rule}: {text}\n{of_rule:?}");
        }
    }
}

#[test]
fn rules_are_sorted_and_every_finding_says_what_to_write_instead() {
    assert!(RULES.is_sorted_by_key(|rule| rule.id));
    for (_, bad, _) in CASES {
        for finding in bad.iter().flat_map(|(text, _)| lint(&dockerfile(text)).unwrap().findings) {
            assert!(!finding.advice.is_empty() && !finding.message.contains('\n'), "{finding:?}");
        }
    }
}

#[test]
fn an_ignore_counts_for_its_line_and_for_the_instruction_that_begins_there() {
    let clone = "git clone https://x.io/a";
    for (text, expected) in [
        (format!("# deps-lint: ignore=unpinned-clone ours\n# more\n\nRUN make && \\\n  {clone}\nRUN {clone}"), 1),
        (format!("RUN make && \\\n  # deps-lint: ignore=unpinned-clone ours\n  {clone} && \\\n  {clone}"), 1),
        (format!("RUN <<EOF\n# deps-lint: ignore=unpinned-clone ours\n{clone}\nEOF"), 0),
    ] {
        assert_eq!(found(&text).len(), expected, "{text}\n{:?}", found(&text));
    }
}

#[test]
fn a_here_document_is_part_of_its_instruction_wherever_it_begins() {
    let text = "FROM scratch\nRUN cat <<A >/x && cat <<-\"B C\" >/y\nFROM debian\nA\n\tENV TOKEN=x\n\tB C\nCOPY <<EOF /z\nADD https://x.io/a /a\nEOF\nRUN apt-key add k\n";
    assert_eq!(found(text), ["apt-key apt-key add k"]);
    let problems = lint(&dockerfile("FROM scratch\nRUN make\nmake install\nfoo: bar\n")).expect_err("no Dockerfile");
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "Dockerfile:3:1: `make` is no instruction of a Dockerfile",
            "Dockerfile:4:1: `foo:` is no instruction of a Dockerfile"
        ]
    );
}

fn mended(text: &str) -> String {
    fixed(text, &lint(&dockerfile(text)).unwrap().findings).0
}

#[test]
fn mechanical_changes_leave_every_other_byte_alone() {
    let keep = "\u{feff}# ü\r\nfrom  scratch\r\n\r\nENV  A=1\t\n";
    for (before, after) in [
        ("RUN apt-get  install \\\n  vim # x\n", "RUN apt-get  install -y \\\n  vim # x\n"),
        (
            "RUN apt-get update\n# c\n\n  # d\nrun apt-get install -y a | cat && b\nRUN c\n",
            "RUN apt-get update \\\n# c\n  # d\n    && apt-get install -y a | cat && b\nRUN c\n",
        ),
        ("RUN apt-get update\nRUN apt-get install -y a; b\n", "RUN apt-get update\nRUN apt-get install -y a; b\n"),
        (
            "RUN apt-get update\nUSER x\nRUN apt-get install -y a\n",
            "RUN apt-get update\nUSER x\nRUN apt-get install -y a\n",
        ),
        (
            "RUN --mount=type=cache,target=/c pip install --no-cache-dir a==1 && pip install b==1 --no-cache-dir\n",
            "RUN --mount=type=cache,target=/c pip install a==1 && pip install b==1\n",
        ),
        (
            "RUN --mount=type=cache,target=/c pip install \\\n    --no-cache-dir \\\n    a==1\n",
            "RUN --mount=type=cache,target=/c pip install \\\n    a==1\n",
        ),
        ("RUN cargo install a@1.0.0\n", "RUN cargo install --locked a@1.0.0\n"),
        ("RUN [\"apt-get\", \"install\", \"a\"]\n", "RUN [\"apt-get\", \"install\", \"a\"]\n"),
    ] {
        let whole = format!("{keep}{before}");
        assert_eq!(mended(&whole), format!("{keep}{after}"));
        assert_eq!(mended(&mended(&whole)), mended(&whole), "a second run finds nothing to do");
    }
}

#[test]
fn secrets_are_hidden_and_everything_else_stands_where_it_was() {
    let text = "ENV A=1 DB_PASSWORD=\"hün ter\" \\\n  TOKEN=x\n";
    let subject = dockerfile(text);
    let shown = hidden(&subject.source, &lint(&subject).unwrap().secrets);
    assert_eq!(shown.text(), "ENV A=1 DB_PASSWORD=********** \\\n  TOKEN=*\n");
}

/// A snippet whose template becomes `rendered`, from the lines `origin`.
fn snippet(template: &str, rendered: &str, origin: &[usize]) -> Subject {
    let rendered = Rendered { text: rendered.to_owned(), origin: origin.to_vec() };
    Subject { source: Source::new("b", template), kind: Kind::Snippet { rendered, caches: true } }
}

#[test]
fn a_finding_in_a_snippet_stands_at_its_place_in_the_template() {
    let template =
        "{% if a %}\nRUN pip install {{ options.package }} b && apt install \\\n  x\n{% endif %}\nRUN apt install y\n";
    let rendered = "RUN pip install a b && apt install \\\n  x\nRUN apt install y\n";
    let findings = lint(&snippet(template, rendered, &[1, 2, 4])).unwrap().findings;
    let shown: Vec<_> = findings.iter().map(|one| (one.rule.id, &template[one.span.clone()])).collect();
    assert_eq!(
        shown,
        [
            ("unpinned-pip", "{{ options.package }}"),
            ("unpinned-pip", "b"),
            ("apt-yes", "apt install"),
            ("apt-yes", "apt install"),
        ]
    );
    let (fixed, count) = fixed(template, &findings);
    assert_eq!(
        (fixed, count),
        (template.replace("apt install y", "apt install -y y"), 1),
        "only where both lines are the same"
    );
}

#[test]
fn what_a_loop_repeats_is_found_once() {
    let findings = lint(&snippet(
        "{% for i in [1, 2] %}\nRUN apt install y\n{% endfor %}\n",
        "RUN apt install y\nRUN apt install y\n",
        &[1, 1],
    ));
    assert_eq!(findings.unwrap().findings.len(), 1);
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "RUN ",
        "FROM ",
        "ADD https://x/y ",
        "ENV TOKEN=",
        "ARG ",
        "COPY ",
        "--from=",
        "--mount=type=cache ",
        "\n",
        "\\\n",
        "<<EOF",
        "\nEOF\n",
        "apt-get ",
        "update ",
        "install ",
        "pip install ",
        "--no-cache-dir ",
        "&& ",
        "# deps-lint: ignore=apt-yes x\n",
        "'",
        "\"",
        "[\"",
        "\"]",
        "$(date)",
        "curl https://x ",
        "| sh",
        "ü",
        "\r\n",
        " ",
        "git clone u:x ",
        "cargo install ",
        "ONBUILD ",
        "# escape=`\n",
        "`",
    ]);
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_stops_the_lint_and_every_change_leaves_a_dockerfile(text in pieces(), origin in prop::collection::vec(0_usize..9, 0..9)) {
        if let Ok(found) = lint(&dockerfile(&text)) {
            for span in found.findings.iter().map(|finding| &finding.span).chain(&found.secrets) {
                prop_assert!(text.get(span.clone()).is_some(), "{span:?} of {text:?}");
            }
            let (fixed, count) = fixed(&text, &found.findings);
            prop_assert_eq!(count == 0, fixed == text);
            prop_assert!(lint(&dockerfile(&fixed)).is_ok(), "{fixed:?}");
            hidden(&Source::new("x", text.clone()), &found.secrets);
        }
        let template = format!("{{{{ x }}}}\n{text}");
        if let Ok(found) = lint(&snippet(&template, &text, &origin)) {
            for span in found.findings.iter().map(|finding| &finding.span).chain(&found.secrets) {
                prop_assert!(template.get(span.clone()).is_some(), "{span:?} of {template:?}");
            }
            fixed(&template, &found.findings);
        }
    }
}
