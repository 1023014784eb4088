// SPDX-License-Identifier: LGPL-2.1-or-later
//! Turns smooth scrolling into the steps of a wheel, the only thing a guest takes.

/// A step of a wheel in pixels, for touch pads that scroll by pixels.
const PIXELS_A_STEP: f64 = 15.0;
/// So many steps at most come of one movement.
const MAX_STEPS: f64 = 20.0;

/// Sums up movements until they make a step.
#[derive(Debug, Default)]
pub struct Wheel {
    rest: f64,
}

impl Wheel {
    /// Takes a movement, in steps or in pixels, and gives the steps that are
    /// due: down, or up if negative.
    pub fn turn(&mut self, delta: f64, in_pixels: bool) -> i32 {
        if !delta.is_finite() {
            return 0;
        }
        let steps = if in_pixels { delta / PIXELS_A_STEP } else { delta };
        // A turn back counts at once, not after the way there is undone.
        if steps * self.rest < 0.0 {
            self.rest = 0.0;
        }
        self.rest = (self.rest + steps).clamp(-MAX_STEPS, MAX_STEPS);
        let due = (self.rest + self.rest.signum() * 1e-6).trunc();
        self.rest -= due;
        due as i32
    }

    /// Forgets what has not become a step.
    pub fn reset(&mut self) {
        self.rest = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notch_is_a_step() {
        let mut wheel = Wheel::default();
        assert_eq!((wheel.turn(1.0, false), wheel.turn(-1.0, false), wheel.turn(2.0, false)), (1, -1, 2));
    }

    #[test]
    fn small_movements_add_up() {
        let mut wheel = Wheel::default();
        let steps: i32 = (0..100).map(|_| wheel.turn(0.1, false)).sum();
        assert_eq!(steps, 10);
        let steps: i32 = (0..30).map(|_| wheel.turn(-1.0, true)).sum();
        assert_eq!(steps, -2);
    }

    #[test]
    fn a_turn_back_counts_at_once() {
        let mut wheel = Wheel::default();
        assert_eq!(wheel.turn(0.9, false), 0);
        assert_eq!(wheel.turn(-1.0, false), -1);
    }

    #[test]
    fn wild_movements_are_bounded() {
        let mut wheel = Wheel::default();
        assert_eq!(wheel.turn(1e12, false), 20);
        assert_eq!(wheel.turn(f64::NAN, false), 0);
        assert_eq!(wheel.turn(f64::INFINITY, true), 0);
        assert_eq!(wheel.turn(-1.0, false), -1);
    }
}
