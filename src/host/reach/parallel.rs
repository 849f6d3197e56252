//! Hosts and others in parallel, but not all at once: a thread each, with a limit.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use crate::cluster::name::HostName;

/// How many hosts are worked on at the same time unless `--parallel` says otherwise.
pub const DEFAULT_PARALLEL: NonZeroUsize = NonZeroUsize::new(32).expect("32 is not zero");

/// Does `work` for every item, mostly a host, for at most `limit` of them at the same time, and waits for all.
///
/// `items` pairs a key, the name of a host, with what the work needs for it: its description, or its session.
/// A panic of `work` is passed on.
pub fn each_in_parallel<K, H, T, W>(
    items: impl IntoIterator<Item = (K, H)>,
    limit: NonZeroUsize,
    work: W,
) -> BTreeMap<K, T>
where
    K: Ord + Send,
    H: Send,
    T: Send,
    W: Fn(&K, H) -> T + Sync,
{
    let items: Vec<(K, H)> = items.into_iter().collect();
    let threads = limit.get().min(items.len());
    let queue = Mutex::new(items.into_iter());
    let done = Mutex::new(BTreeMap::new());
    let worker = || {
        loop {
            // A poisoned lock means that another worker panicked: the scope passes that on.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((key, item)) = next else { return };
            let result = work(&key, item);
            done.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key, result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(worker);
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What succeeded, and what did not.
#[must_use]
pub fn apart<T, E>(
    results: BTreeMap<HostName, Result<T, E>>,
) -> (BTreeMap<HostName, T>, BTreeMap<HostName, E>) {
    let mut done = BTreeMap::new();
    let mut problems = BTreeMap::new();
    for (name, result) in results {
        match result {
            Ok(result) => {
                done.insert(name, result);
            }
            Err(problem) => {
                problems.insert(name, problem);
            }
        }
    }
    (done, problems)
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn names(count: usize) -> Vec<(HostName, usize)> {
        (0..count)
            .map(|i| (HostName::new(format!("h{i}")).unwrap(), i))
            .collect()
    }

    fn limit(limit: usize) -> NonZeroUsize {
        NonZeroUsize::new(limit).unwrap()
    }

    #[test]
    fn every_host_gets_its_own_result() {
        let results = each_in_parallel(names(100), limit(7), |name, i| format!("{name} {i}"));
        assert_eq!(results.len(), 100);
        assert_eq!(results[&HostName::new("h42").unwrap()], "h42 42");
    }

    #[test]
    fn never_more_than_the_limit_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        each_in_parallel(names(50), limit(3), |_, _| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            now.fetch_sub(1, Ordering::SeqCst);
        });
        assert!((1..=3).contains(&most.into_inner()));
    }

    #[test]
    fn as_many_as_the_limit_run_at_once() {
        // Passes only if all four are at the barrier together.
        let barrier = Barrier::new(4);
        each_in_parallel(names(4), limit(4), |_, _| {
            barrier.wait();
        });
    }

    #[test]
    fn no_hosts_are_no_work() {
        assert!(each_in_parallel(names(0), limit(1), |_, i| i).is_empty());
    }
}
