//! The fleets of a run: each test has one for itself as long as it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::hosts::Fleet;

/// Fleets of one kind. As many are booted as tests of that kind run at the same time.
pub struct Fleets {
    boot: fn() -> Result<Fleet, String>,
    all: Mutex<Vec<&'static Fleet>>,
    free: Mutex<Vec<&'static Fleet>>,
}

impl Fleets {
    /// None yet.
    pub const fn new(boot: fn() -> Result<Fleet, String>) -> Self {
        Self {
            boot,
            all: Mutex::new(Vec::new()),
            free: Mutex::new(Vec::new()),
        }
    }

    /// Runs a test on a fleet that no other test uses meanwhile.
    ///
    /// # Errors
    /// No fleet is free, and another one does not boot.
    pub fn run(&self, test: impl FnOnce(&'static Fleet)) -> Result<(), String> {
        let free = locked(&self.free).pop();
        let fleet = match free {
            Some(fleet) => fleet,
            None => {
                let fleet: &'static Fleet = Box::leak(Box::new((self.boot)()?));
                locked(&self.all).push(fleet);
                fleet
            }
        };
        let _lent = Lent {
            fleets: self,
            fleet,
        };
        test(fleet);
        Ok(())
    }

    /// Ends all of them.
    pub fn down(&self) {
        for fleet in locked(&self.all).drain(..) {
            fleet.down();
        }
    }
}

/// Gives the fleet back, also when the test panics.
struct Lent<'a> {
    fleets: &'a Fleets,
    fleet: &'static Fleet,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        locked(&self.fleets.free).push(self.fleet);
    }
}

fn locked<T>(fleets: &Mutex<T>) -> MutexGuard<'_, T> {
    fleets.lock().unwrap_or_else(PoisonError::into_inner)
}
