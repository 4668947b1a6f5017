//! Rebuilds the crate when a built-in extension changes: the macro that embeds them is not run again by itself.

#![expect(clippy::print_stdout, reason = "cargo reads instructions from here")]

fn main() {
    println!("cargo::rerun-if-changed=extensions");
}
