//! The program `deps`.

/// Much is read at once and on all threads, in small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    deps::cli::main()
}
