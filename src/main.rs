//! The program `deps`.

fn main() -> std::process::ExitCode {
    deps::cli::main()
}
