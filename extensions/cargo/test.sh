cd "$(mktemp -d)"
printf 'fn main() { println!("%s") }' hello > main.rs
rustc main.rs
test "$(./main)" = hello
cargo --version
