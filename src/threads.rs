//! Much work of one kind, on all cores.
//!
//! Decides how many threads it is worth. What comes out stands in the order of what went in, whoever was faster, so that
//! rooms without effects may use it: nothing that they return depends on it.

use std::num::NonZero;
use std::sync::Mutex;

/// More threads wait for the disk, for memory and for each other.
const MOST_THREADS: usize = 8;

/// A thread that is held up leaves what it has not begun to the others.
const PARTS: usize = 4;

/// Returns what `work` makes of each of `items`, in their order. It is worth a thread to do at least `least` of them.
pub fn map<T: Sync, R: Send>(items: &[T], least: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let count = count(items.len(), least);
    if count == 1 {
        return items.iter().map(work).collect();
    }
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    let part = items.len().div_ceil(count * PARTS);
    let parts = Mutex::new(items.chunks(part).zip(results.chunks_mut(part)));
    let next = || parts.lock().expect("nobody panics who holds it").next();
    let take = || {
        while let Some((items, results)) = next() {
            items.iter().zip(results).for_each(|(item, result)| *result = Some(work(item)));
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..count).map(|_| scope.spawn(take)).collect();
        take();
        for other in others {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    results.into_iter().map(|result| result.expect("every part was taken")).collect()
}

/// Returns how many threads `work` pieces of work are worth, with at least `least` for each.
pub fn count(work: usize, least: usize) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    cores.min(MOST_THREADS).min(work / least).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_what_they_are_made_of() {
        for length in [0, 1, 2, 3, 17, 1000] {
            let items: Vec<usize> = (0..length).collect();
            for least in [1, 2, 400, 5000] {
                assert_eq!(map(&items, least, |item| item * 3), items.iter().map(|item| item * 3).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn little_work_stays_on_one_thread() {
        assert_eq!((count(0, 8), count(8, 8), count(15, 8)), (1, 1, 1));
        let here = std::thread::current().id();
        assert!(map(&[1, 2, 3], 8, |_| std::thread::current().id()).iter().all(|thread| *thread == here));
    }

    #[test]
    #[should_panic(expected = "seventeen")]
    fn a_panic_is_everybodys() {
        let items: Vec<u32> = (0..100).collect();
        map(&items, 1, |item| assert_ne!(*item, 17, "seventeen"));
    }
}
