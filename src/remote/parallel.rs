//! Does many things at once and keeps the results in the order of the things.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Returns `work` of every item, in the order of `items`, made by at most `jobs` threads (at least one).
pub(crate) fn each<T: Sync, R: Send>(items: &[T], jobs: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while let Some((index, item)) = taken(items, &next) {
                    let result = work(item);
                    results.lock().expect("no thread panics while it holds the lock").insert(index, result);
                }
            });
        }
    });
    results.into_inner().expect("no thread panicked").into_values().collect()
}

fn taken<'a, T>(items: &'a [T], next: &AtomicUsize) -> Option<(usize, &'a T)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, items.get(index)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..100).collect();
        let slow_first = |item: &u64| {
            std::thread::sleep(std::time::Duration::from_micros(100 - item));
            item * 2
        };
        assert_eq!(each(&items, 8, slow_first), (0..100).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(each(&items, 0, |item| *item), items);
        assert!(each(&[] as &[u8], 4, |item| *item).is_empty());
    }
}
