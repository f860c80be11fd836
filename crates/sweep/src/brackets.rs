//! How long trials train: brackets of rungs, of each of which the best go on to the next.

/// Points that compete with each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bracket {
    /// The number of points that begin.
    pub points: u64,
    /// From the shortest to the full length.
    pub rungs: Vec<Rung>,
}

/// One length of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rung {
    /// The number of points that get so far.
    pub points: u64,
    /// Epochs in all; `None` is the full length of each trial.
    pub epochs: Option<u64>,
}

impl Bracket {
    /// Points that all train for their full length.
    pub fn whole(points: u64) -> Self {
        let rung = Rung {
            points,
            epochs: None,
        };
        Self {
            points,
            rungs: vec![rung],
        }
    }

    /// Successive halving: of each rung one of `eta` points goes on, to train `eta` times as long; the last rung is
    /// the full length of `full` epochs. One that is left alone goes there at once.
    pub fn halving(points: u64, eta: u64, min_epochs: u64, full: u64) -> Self {
        let mut rungs = Vec::new();
        let (mut left, mut epochs) = (points, min_epochs);
        while epochs < full && left > 1 {
            rungs.push(Rung {
                points: left,
                epochs: Some(epochs),
            });
            left = (left / eta).max(1);
            epochs = epochs.saturating_mul(eta);
        }
        rungs.push(Rung {
            points: left,
            epochs: None,
        });
        Self { points, rungs }
    }

    /// The brackets of Hyperband for a full length of `full` epochs, the one with the shortest rung first.
    pub fn hyperband(eta: u64, min_epochs: u64, full: u64) -> Vec<Self> {
        let mut powers = vec![1_u64];
        while let Some(power) = powers.last().and_then(|last| last.checked_mul(eta))
            && power.saturating_mul(min_epochs) <= full
        {
            powers.push(power);
        }
        let all = powers.len() as u64;
        let halvings = powers.iter().enumerate().rev();
        let halvings = halvings.map(|(halvings, power)| {
            let points = (all * power).div_ceil(halvings as u64 + 1);
            Self::halving(points, eta, full / power, full)
        });
        halvings.collect()
    }

    /// Epochs that the bracket costs, if no trial ends early; `full` are those of a whole trial.
    pub fn cost(&self, full: u64) -> u64 {
        let mut before = 0;
        let rungs = self.rungs.iter().map(|rung| {
            let epochs = rung.epochs.unwrap_or(full);
            let added = rung.points * (epochs - before);
            before = epochs;
            added
        });
        rungs.sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rungs(bracket: &Bracket) -> Vec<(u64, Option<u64>)> {
        let rungs = bracket.rungs.iter();
        rungs.map(|rung| (rung.points, rung.epochs)).collect()
    }

    #[test]
    fn of_27_points_a_third_goes_on_each_time() {
        let bracket = Bracket::halving(27, 3, 1, 27);
        let expected = [(27, Some(1)), (9, Some(3)), (3, Some(9)), (1, None)];
        assert_eq!(rungs(&bracket), expected);
        assert_eq!(bracket.cost(27), 27 + 9 * 2 + 3 * 6 + 18);
    }

    #[test]
    fn the_last_rung_is_the_full_length_whatever_the_powers_are() {
        let bracket = Bracket::halving(27, 3, 1, 5);
        assert_eq!(rungs(&bracket), [(27, Some(1)), (9, Some(3)), (3, None)]);
        assert_eq!(bracket.cost(5), 27 + 9 * 2 + 3 * 2);
        assert_eq!(
            rungs(&Bracket::halving(2, 3, 1, 27)),
            [(2, Some(1)), (1, None)]
        );
        assert_eq!(rungs(&Bracket::halving(4, 2, 8, 8)), [(4, None)]);
    }

    /// The table in the paper, for R = 81 and eta = 3.
    #[test]
    fn hyperband_has_the_brackets_of_the_paper() {
        let brackets = Bracket::hyperband(3, 1, 81);
        let expected: [&[(u64, Option<u64>)]; 5] = [
            &[
                (81, Some(1)),
                (27, Some(3)),
                (9, Some(9)),
                (3, Some(27)),
                (1, None),
            ],
            &[(34, Some(3)), (11, Some(9)), (3, Some(27)), (1, None)],
            &[(15, Some(9)), (5, Some(27)), (1, None)],
            &[(8, Some(27)), (2, None)],
            &[(5, None)],
        ];
        assert_eq!(brackets.iter().map(rungs).collect::<Vec<_>>(), expected);
    }
}
