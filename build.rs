//! Rebuilds the crate when a built-in extension changes: the macro that embeds them is not run again by itself.

fn main() {
    println!("cargo::rerun-if-changed=extensions");
}
