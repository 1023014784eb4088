// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is asked about a sandbox again and again, beside it: one question at a
//! time, and no answer counts that is from before something was changed.

use std::cell::{Cell, RefCell};
use terrarium_engine::sandbox::Id;

/// Whom it is about, and how far the asking is.
#[derive(Default)]
pub struct Asked {
    of: RefCell<Option<Id>>,
    turn: Cell<u64>,
    waits: Cell<bool>,
}

impl Asked {
    /// Whom it is about.
    pub fn of(&self) -> Option<Id> {
        self.of.borrow().clone()
    }

    /// From now on it is about this one. Returns whether that is another.
    pub fn set(&self, of: Option<&Id>) -> bool {
        if self.of.borrow().as_ref() == of {
            return false;
        }
        self.of.replace(of.cloned());
        self.forget();
        true
    }

    /// Begins a question, unless one waits for its answer.
    pub fn begin(&self) -> Option<u64> {
        (!self.waits.replace(true)).then(|| self.turn.get())
    }

    /// An answer is there. Returns whether it counts.
    pub fn end(&self, turn: u64) -> bool {
        let counts = self.is(turn);
        if counts {
            self.waits.set(false);
        }
        counts
    }

    /// Whether nothing was changed since then.
    pub fn is(&self, turn: u64) -> bool {
        self.turn.get() == turn
    }

    /// No answer to what was asked counts any more.
    pub fn forget(&self) -> u64 {
        self.turn.set(self.turn.get() + 1);
        self.waits.set(false);
        self.turn.get()
    }

    /// The same, and nothing is asked until the next [`Self::forget`].
    pub fn hold(&self) -> u64 {
        let turn = self.forget();
        self.waits.set(true);
        turn
    }
}
