//! Values that are used again and again: in a steady state nothing is allocated.

use parking_lot::Mutex;

/// Values that are not in use, as many as there is room for.
#[derive(Debug)]
pub(crate) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    /// Keeps at most `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Vec::with_capacity(most)))
    }

    /// One of them, if there is any.
    #[inline]
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().pop()
    }

    /// Takes one back, or drops it.
    #[inline]
    pub(crate) fn give(&self, value: T) {
        let mut kept = self.0.lock();
        if kept.len() < kept.capacity() {
            kept.push(value);
        }
    }

    /// Drops all.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_taken_again_and_no_more_is_kept_than_there_is_room_for() {
        let pool = Pool::new(2);
        assert_eq!(pool.take(), None);
        let room = pool.0.lock().capacity();
        (0..=room).for_each(|value| pool.give(value));
        assert_eq!(pool.take(), Some(room - 1), "the last one that had room");
        pool.clear();
        assert_eq!(pool.take(), None);
    }
}
