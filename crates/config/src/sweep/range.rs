//! A range of numbers that a parameter is drawn from.

/// Numbers between two bounds, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
    /// Whether the logarithm is uniform instead of the number.
    pub is_log: bool,
    /// Whether only whole numbers are drawn.
    pub is_whole: bool,
}

impl Range {
    /// The number at a place of `0..1`: of whole numbers each has a part of it. A number that is not whole is rounded
    /// to six significant digits.
    pub fn at(self, unit: f64) -> f64 {
        let (low, high) = self.ends();
        let number = match self.is_log {
            true => libm::exp(libm::log(low) + unit * (libm::log(high) - libm::log(low))),
            false => low + unit * (high - low),
        };
        let number = match self.is_whole {
            true => number.floor(),
            false => rounded(number),
        };
        number.clamp(self.low, self.high)
    }

    /// The place of a number in `0..1`; of a whole number the middle of its part.
    pub fn unit(self, number: f64) -> f64 {
        let (low, high) = self.ends();
        let number = if self.is_whole { number + 0.5 } else { number };
        let unit = match self.is_log {
            true => (libm::log(number) - libm::log(low)) / (libm::log(high) - libm::log(low)),
            false => (number - low) / (high - low),
        };
        unit.clamp(0.0, 1.0 - f64::EPSILON)
    }

    /// How many numbers there are, if they can be counted.
    pub fn count(self) -> Option<u64> {
        self.is_whole.then(|| (self.high - self.low) as u64 + 1)
    }

    /// What the places from 0 to 1 are spread over: a whole number stands for all up to the next one.
    fn ends(self) -> (f64, f64) {
        match self.is_whole {
            true => (self.low, self.high + 1.0),
            false => (self.low, self.high),
        }
    }
}

/// To six significant digits: what a person would type, and enough to tell any two trials apart.
fn rounded(number: f64) -> f64 {
    format!("{number:.5e}").parse().unwrap_or(number)
}
