//! Whether two classifiers that saw the same images differ.

use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

/// McNemar's test of two classifiers (Q. McNemar, "Note on the sampling error of the difference between correlated
/// proportions", 1947). The null hypothesis is that an image which only one of them gets right is as likely to be the
/// one's as the other's. The exact one, by the binomial distribution, for any counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Images that only the first gets right.
    pub only_first: u64,
    /// Images that only the second gets right.
    pub only_second: u64,
    /// The exact two-sided probability of counts at least as unequal, if the null hypothesis holds; 1 where there are none.
    pub p: f64,
    /// The same with half of the probability of these counts themselves (mid-p), which is less cautious.
    pub mid_p: f64,
}

impl McNemar {
    /// The test for these counts.
    pub fn new(only_first: u64, only_second: u64) -> Self {
        let (fewer, all) = (only_first.min(only_second), only_first + only_second);
        let (p, mid_p) = match (all, only_first == only_second) {
            (0, _) => (1.0, 1.0),
            (_, equal) => {
                let distribution = Binomial::new(0.5, all).expect("one half is a probability");
                let tail = 2.0 * distribution.cdf(fewer);
                let here = distribution.pmf(fewer);
                match equal {
                    true => (1.0, 1.0 - here),
                    false => (tail.min(1.0), tail - here),
                }
            }
        };
        Self {
            only_first,
            only_second,
            p,
            mid_p,
        }
    }

    /// The odds that an image which only one gets right is the first's; infinite or 0 where one of the counts is 0, and
    /// `None` where both are.
    pub fn odds(&self) -> Option<f64> {
        let has_any = self.only_first + self.only_second > 0;
        has_any.then(|| self.only_first as f64 / self.only_second as f64)
    }
}
