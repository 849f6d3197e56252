//! Which steps a drill strikes at that could strike at each of them: all, or every n-th. Then the commit decides
//! which is the first one, so that no step is left out for ever.

use crate::run::number_of_commit;

/// Every n-th step, from one of the first n on.
#[derive(Debug, Clone, Copy)]
pub struct Every {
    nth: usize,
    first: usize,
}

impl Every {
    /// As `BAYPLAN_FLEET_EVERY` says; without it, all steps.
    pub fn of_this_run() -> Self {
        let nth = match std::env::var("BAYPLAN_FLEET_EVERY") {
            Ok(nth) => nth.parse().expect("a number of steps"),
            Err(_) => 1,
        };
        Self::nth(nth, number_of_commit())
    }

    fn nth(nth: usize, number: u64) -> Self {
        assert!(nth > 0, "BAYPLAN_FLEET_EVERY is at least 1");
        let first = usize::try_from(number % nth as u64).expect("less than nth");
        Self { nth, first }
    }

    /// Those of all steps at which the drill strikes.
    pub fn of<T>(self, steps: Vec<T>) -> Vec<T> {
        steps
            .into_iter()
            .skip(self.first)
            .step_by(self.nth)
            .collect()
    }
}

/// Whatever n is, n numbers in a row strike at each step, and none strikes at one twice.
pub fn all_offsets_together_strike_at_each_step_once() {
    for count in 0..40 {
        let steps: Vec<usize> = (0..count).collect();
        for nth in 1..12 {
            for number in [0, 7, u64::MAX - 11] {
                let numbers = (number..).take(nth);
                let mut struck: Vec<usize> = numbers
                    .flat_map(|number| Every::nth(nth, number).of(steps.clone()))
                    .collect();
                struck.sort_unstable();
                assert_eq!(struck, steps, "every {nth}th, from {number} on");
            }
        }
    }
}
