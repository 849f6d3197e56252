//! Ctrl-C: a wish to stop. It is looked at where stopping does no harm.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// What a shell says of a program that SIGINT ended.
const ENDED_BY_SIGINT: i32 = 130;

/// Whether the operator wants to stop. Clones share the wish.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT and SIGTERM are noted here and end the process only at the second time.
    ///
    /// # Errors
    /// The system does not let them be caught.
    pub fn listen(&self) -> io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, ENDED_BY_SIGINT, Arc::clone(&self.0))?;
            flag::register(signal, Arc::clone(&self.0))?;
        }
        Ok(())
    }

    /// From now on SIGINT and SIGTERM are noted here, however often they come: whoever has to leave something in order (a
    /// terminal) looks at it soon.
    ///
    /// # Errors
    /// The system does not let them be caught.
    pub fn note(&self) -> io::Result<()> {
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&self.0))?;
        }
        Ok(())
    }

    /// Whether the operator asked.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks, as the operator would.
    pub fn ask(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
