//! The extensions that a project can name, and folders of new ones.
//!
//! Decides what a new extension looks like. Leaves out words (`report/`) and what its files mean (`extension/`).

#![expect(clippy::disallowed_methods, reason = "this file makes the folder of a new extension")]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::{Trouble, Workspace, all as each};
use crate::extension::{self, Configured, Extension};
use crate::project::{self, ExtensionOrigin, Project};
use crate::source::Source;

/// What `origin` says of the extensions that come with the tool.
const BUILT_IN: &str = "built-in";

/// An extension that a project can name.
#[derive(Debug)]
pub struct Known {
    /// The extension.
    pub extension: Extension,
    /// What it says with the defaults of its options.
    pub configured: Configured,
    /// `built-in`, its folder relative to the project, or its repository.
    pub origin: String,
    /// Whether the project has it.
    pub used: bool,
}

impl Known {
    /// Whether it comes with the tool.
    pub fn is_builtin(&self) -> bool {
        self.origin == BUILT_IN
    }
}

impl Workspace {
    /// Returns the built-in extensions, sorted by name.
    ///
    /// # Errors
    /// Every problem of their files.
    pub fn builtin_extensions() -> Result<Vec<Known>, Vec<Trouble>> {
        let (mut all, mut troubles) = (Vec::new(), Vec::new());
        for name in extension::builtin_names() {
            let files = extension::builtin(name).expect("it is one of the names");
            match read(name, &format!("extensions/{name}"), files).and_then(|one| described(one, BUILT_IN, false)) {
                Ok(known) => all.push(known),
                Err(found) => troubles.extend(found),
            }
        }
        if troubles.is_empty() { Ok(all) } else { Err(troubles) }
    }

    /// Returns the built-in extensions and those of the project, which replace built-in ones of their name; sorted. Those
    /// from git whose files nobody has brought are left out.
    ///
    /// # Errors
    /// Every problem of `deps.toml` and of the project's extensions.
    pub fn extensions(&self) -> Result<Vec<Known>, Vec<Trouble>> {
        let project = self.project()?;
        let builtin = Self::builtin_extensions()?.into_iter().map(|known| (known.extension.name.clone(), known));
        let mut all: BTreeMap<String, Known> = builtin.collect();
        let mut troubles = Vec::new();
        let detected = self.detected(&project, &mut troubles);
        for one in self.load_extensions(&project, &detected, &mut troubles) {
            let origin = self.origin(&project, &one.name);
            match described(one, &origin, true) {
                Ok(known) => _ = all.insert(known.extension.name.clone(), known),
                Err(found) => troubles.extend(found),
            }
        }
        troubles.retain(|trouble| !trouble.is_absence());
        if troubles.is_empty() { Ok(all.into_values().collect()) } else { Err(troubles) }
    }

    /// Returns where an extension of the project comes from, in words.
    fn origin(&self, project: &Project, name: &str) -> String {
        match project.extensions.get(name).map(|wish| &wish.origin) {
            Some(ExtensionOrigin::Path(path)) => path.value.clone(),
            Some(ExtensionOrigin::Git(git)) => {
                let pin = self.brought.get(name).map(|brought| &brought.origin);
                let reference = pin.and_then(|pin| pin.reference.as_ref()).map(|name| format!(" {name}"));
                let dir = git.dir.as_ref().map(|dir| format!(", {}", dir.value));
                format!("{}{}{}", git.url.value, reference.unwrap_or_default(), dir.unwrap_or_default())
            }
            Some(ExtensionOrigin::BuiltIn) | None => BUILT_IN.to_owned(),
        }
    }

    /// Returns the extension in the folder `path` of the project.
    ///
    /// # Errors
    /// Every problem of its files.
    pub fn extension_at(&self, path: &str) -> Result<Known, Vec<Trouble>> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let files = self.files.folder(path).map_err(|trouble| vec![trouble])?;
        described(read(name, path, files)?, path, false)
    }

    /// Makes the extension `name` in the folder `path` of the project.
    ///
    /// # Errors
    /// When the folder exists, stands outside the project, or cannot be made.
    pub fn new_extension(&self, name: &str, path: &str) -> Result<(), Trouble> {
        new_folder(&self.root, path, NEW.iter().map(|(file, text)| (*file, text.replace("my_tool", name))))
    }
}

/// Makes the folder `path` below `root`, with these files.
///
/// # Errors
/// When it exists, stands outside `root`, or cannot be made.
pub fn new_folder<'f>(
    root: &Path,
    path: &str,
    files: impl IntoIterator<Item = (&'f str, String)>,
) -> Result<(), Trouble> {
    let folder = root.join(path);
    let above = folder.ancestors().skip(1).find(|folder| folder.exists());
    let real = |path: &Path| path.canonicalize().unwrap_or_default();
    let inside = above.is_some_and(|above| real(above).starts_with(real(root)));
    if !project::stays_inside(path) || !inside {
        return Err(Trouble::Outside { path: path.to_owned(), place: None });
    }
    let write = || -> std::io::Result<()> {
        if let Some(above) = folder.parent() {
            std::fs::create_dir_all(above)?;
        }
        std::fs::create_dir(&folder)?;
        files.into_iter().try_for_each(|(file, text)| std::fs::write(folder.join(file), text))
    };
    write().map_err(|error| Trouble::Io {
        verb: "make",
        path: path.to_owned(),
        message: match error.kind() {
            ErrorKind::AlreadyExists => "it exists already".to_owned(),
            _ => error.to_string(),
        },
        place: None,
    })
}

fn read(name: &str, root: &str, files: Vec<extension::File>) -> Result<Extension, Vec<Trouble>> {
    Extension::read(name, root, files).map_err(|problems| each(problems, Trouble::Extension))
}

fn described(extension: Extension, origin: &str, used: bool) -> Result<Known, Vec<Trouble>> {
    let nobody = Source::new(super::PROJECT_FILE, "");
    let configured = extension.configure(&nobody, None).map_err(|problems| each(problems, Trouble::Extension))?;
    Ok(Known { extension, configured, origin: origin.to_owned(), used })
}

/// The files of a new extension: every table that most extensions need, and no more.
const NEW: [(&str, &str); 3] = [
    (
        "extension.toml",
        r#"[extension]
name = "my_tool"
version = "0.1.0"
summary = "What my_tool is, in one line"

[options.greeting]
type = "string"
default = "hello"
help = "what my_tool says"

# [inputs.src]                     # pinned in deps.lock, mounted read-only at /deps/in/src
# git = "https://example.com/my_tool.git"
# ref = "^1"                       # or a file: url = "https://example.com/my_tool-{{ version }}-{{ arch }}.tar.gz", version = "1.0.0"

[apt]
builder = []                       # Debian packages of the builder stage
runtime = []                       # Debian packages of the final image

[builder]
snippet = "builder.Dockerfile"
network = "none"                   # the builder sees its inputs only: a pure stage
copy = [{ from = "bin/", to = "/usr/local/bin/" }]    # `from` is relative to {{ out }}

[test]
script = "test.sh"                 # `deps test` runs it in the image
"#,
    ),
    ("test.sh", "# A template, too.\ntest \"$(my_tool)\" = {{ options.greeting | quote }}\n"),
    (
        "builder.Dockerfile",
        r#"# Dockerfile syntax, and a template: write below {{ out }}, of which `copy` takes what the image gets.
RUN mkdir -p {{ out }}/bin \
    && printf '#!/bin/sh\necho {{ options.greeting }}\n' > {{ out }}/bin/my_tool \
    && chmod 755 {{ out }}/bin/my_tool
"#,
    ),
];
