//! A stop at one operation of a simulated disk, for tests of what happens meanwhile.

use parking_lot::{Condvar, Mutex};

/// Holds one operation up, so that a test knows what happens meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    hold: Mutex<Hold>,
    released: Condvar,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Hold {
    #[default]
    None,
    /// This many operations still pass; the next waits.
    After(u64),
    /// One waits.
    Held,
}

impl Gate {
    pub(crate) fn hold_at(&self, n: u64) {
        *self.hold.lock() = Hold::After(n.saturating_sub(1));
    }

    pub(crate) fn is_held(&self) -> bool {
        *self.hold.lock() == Hold::Held
    }

    pub(crate) fn release(&self) {
        *self.hold.lock() = Hold::None;
        self.released.notify_all();
    }

    /// Counts an operation, and waits if it is the one.
    pub(crate) fn pass(&self) {
        let mut hold = self.hold.lock();
        match *hold {
            Hold::None | Hold::Held => {}
            Hold::After(0) => {
                *hold = Hold::Held;
                while *hold == Hold::Held {
                    self.released.wait(&mut hold);
                }
            }
            Hold::After(n) => *hold = Hold::After(n - 1),
        }
    }
}
