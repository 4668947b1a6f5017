//! Benches with criterion: locking and fetching over a network with a distance, planning, start-up, reviews.
//!
//! Decides what is measured on `deps` alone; `benches/run` compares it with other tools and uses this program as its
//! server (`serve FOLDER ONE_WAY_MS`). `growth [ROUNDS]` prints how cost grows with size. Leaves out every limit on time: numbers are read by people (benches/README.md).
//! What must hold on any machine, the number of requests, is asserted.

#[expect(dead_code, reason = "tests use the rest of the server")]
#[path = "../tests/support/delay.rs"]
mod delay;
mod distant;
#[expect(dead_code, reason = "tests use the rest of the server")]
#[path = "../tests/support/git_server.rs"]
mod git_server;
mod growth;
mod planning;
mod program;
mod reviews;

use criterion::Criterion;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", folder, one_way, ..] => distant::serve(folder.as_ref(), one_way.parse().expect("milliseconds")),
        ["growth", rounds, ..] => growth::print(rounds.parse().unwrap_or(growth::ROUNDS)),
        _ => measure(),
    }
}

fn measure() {
    let mut criterion = Criterion::default().configure_from_args();
    planning::benches(&mut criterion);
    program::benches(&mut criterion);
    reviews::benches(&mut criterion);
    distant::benches(&mut criterion);
    criterion.final_summary();
}
