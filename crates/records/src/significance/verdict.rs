//! Whether runs or groups differ by more than chance, in numbers and in a sentence.

use runner_statistics::agreement::McNemar;
use runner_statistics::bootstrap::{self, Bootstrap};
use runner_statistics::means::{TTest, paired, welch};
use runner_statistics::several::holm;
use runner_statistics::{ALPHA, Refusal};

use super::groups::Group;
use super::images::SameImages;
use crate::metrics::{ConfusionMatrix, Mode, column, mode_of};
use crate::table::{Cell, Column, Table};

/// How often images are drawn anew for the interval of a difference.
const RESAMPLES: usize = 10_000;

/// The seed of these draws, so that a comparison says the same each time.
const SEED: u64 = 0;

/// The difference of a group or run from the first one.
#[derive(Debug)]
pub struct Verdict {
    /// What is held against the first.
    pub name: String,
    /// The first.
    pub reference: String,
    /// The column of metrics.csv.
    pub by: String,
    /// What the test says, or why there is none.
    pub outcome: Result<Outcome, String>,
}

/// A test and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The value of the one less that of the first.
    pub difference: f64,
    /// The ends of the difference's 95 % interval.
    pub interval: Option<[f64; 2]>,
    /// Which test.
    pub test: Test,
    /// Its p value.
    pub p: Option<f64>,
    /// The p value after Holm's correction; the same where there is one test.
    pub corrected: Option<f64>,
}

/// A test of a difference.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// Of two runs' right and wrong answers on so many images.
    McNemar(McNemar, usize),
    /// Of two runs' scores on so many images, by drawing them anew.
    Bootstrap(usize),
    /// Of two groups of so many runs.
    Welch(TTest, [usize; 2]),
    /// Of pairs of runs with the same seed.
    Paired(TTest, usize),
}

impl Outcome {
    /// Whether chance alone would rarely give such a difference: in less than one case in twenty.
    pub fn is_significant(&self) -> bool {
        match (self.corrected, self.interval) {
            (Some(p), _) => p < ALPHA,
            (None, Some([low, high])) => low > 0.0 || high < 0.0,
            (None, None) => false,
        }
    }
}

/// Holds every group or run against the first one, by a column of metrics.csv.
pub fn verdicts(groups: &[Group<'_>], by: &str) -> Vec<Verdict> {
    let Some((first, others)) = groups.split_first() else {
        return Vec::new();
    };
    let mut verdicts: Vec<Verdict> = others
        .iter()
        .map(|other| Verdict {
            name: other.name.clone(),
            reference: first.name.clone(),
            by: by.to_owned(),
            outcome: outcome(first, other, by),
        })
        .collect();
    let mut outcomes: Vec<&mut Outcome> = verdicts
        .iter_mut()
        .filter_map(|verdict| verdict.outcome.as_mut().ok())
        .filter(|outcome| outcome.p.is_some())
        .collect();
    let p: Vec<f64> = outcomes.iter().filter_map(|outcome| outcome.p).collect();
    for (outcome, corrected) in outcomes.iter_mut().zip(holm(&p)) {
        outcome.corrected = Some(corrected);
    }
    verdicts
}

fn outcome(first: &Group<'_>, other: &Group<'_>, by: &str) -> Result<Outcome, String> {
    match (first.runs.as_slice(), other.runs.as_slice()) {
        ([one], [two]) => of_images([one.named_folder(), two.named_folder()], by),
        ([_], _) | (_, [_]) => Err(format!(
            "one run says nothing of how much runs vary; run {} with more seeds",
            if first.runs.len() == 1 {
                &first.name
            } else {
                &other.name
            }
        )),
        _ => of_seeds(first, other, by),
    }
}

fn of_images(runs: [Option<(&str, &std::path::Path)>; 2], by: &str) -> Result<Outcome, String> {
    let [Some(first), Some(second)] = runs else {
        return Err(
            "a metrics file on its own does not say what the run said of each image".to_owned(),
        );
    };
    let column =
        column(by).filter(|column| column.from_predictions(&ConfusionMatrix::new(1)).is_some());
    let Some(column) = column else {
        return Err(format!(
            "{by} does not follow from labels and predictions; compare by eval_accuracy, or groups of seeds"
        ));
    };
    // The one less the first, so the first is the subtrahend.
    let images = SameImages::read([second, first]).map_err(|error| error.to_string())?;
    let (pairs, classes) = images.pairs();
    let score =
        |confusion: &ConfusionMatrix| column.from_predictions(confusion).unwrap_or(f64::NAN);
    let Bootstrap {
        difference,
        low,
        high,
    } = bootstrap::paired(&pairs, classes, score, RESAMPLES, SEED);
    let interval = Some([low, high]);
    if by != "eval_accuracy" {
        return Ok(Outcome {
            difference,
            interval,
            test: Test::Bootstrap(pairs.len()),
            p: None,
            corrected: None,
        });
    }
    let only = |is: fn(bool, bool) -> bool| {
        let said = pairs
            .iter()
            .map(|pair| (pair.first == pair.label, pair.second == pair.label));
        said.filter(|(first, second)| is(*first, *second)).count() as u64
    };
    let test = McNemar::new(only(|a, b| a && !b), only(|a, b| b && !a));
    Ok(Outcome {
        difference,
        interval,
        p: Some(test.p),
        corrected: None,
        test: Test::McNemar(test, pairs.len()),
    })
}

fn of_seeds(first: &Group<'_>, other: &Group<'_>, by: &str) -> Result<Outcome, String> {
    let (a, b) = (other.values(by), first.values(by));
    if a.len() < other.runs.len() || b.len() < first.runs.len() {
        return Err(format!("some of the runs have no {by} yet"));
    }
    let refused = |refusal: Refusal| refusal.to_string();
    let sorted = |group: &Group<'_>| {
        let mut pairs: Vec<(String, f64)> = Vec::new();
        for (seed, value) in group.seeds()?.into_iter().zip(group.values(by)) {
            pairs.push((seed.to_owned(), value));
        }
        pairs.sort_by(|one, two| one.0.cmp(&two.0));
        Some(pairs)
    };
    let (mine, theirs) = (sorted(other), sorted(first));
    let in_pairs = mine.zip(theirs).filter(|(mine, theirs)| {
        let seeds =
            |pairs: &[(String, f64)]| pairs.iter().map(|it| it.0.clone()).collect::<Vec<_>>();
        seeds(mine) == seeds(theirs)
    });
    let (test, outcome) = match in_pairs {
        Some((mine, theirs)) => {
            let values =
                |pairs: Vec<(String, f64)>| pairs.into_iter().map(|it| it.1).collect::<Vec<_>>();
            let test = paired(&values(mine), &values(theirs)).map_err(refused)?;
            (test, Test::Paired(test, a.len()))
        }
        None => {
            let test = welch(&a, &b).map_err(refused)?;
            (test, Test::Welch(test, [a.len(), b.len()]))
        }
    };
    Ok(Outcome {
        difference: test.difference,
        interval: Some([
            test.difference - test.interval,
            test.difference + test.interval,
        ]),
        p: Some(test.p),
        corrected: None,
        test: outcome,
    })
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            name,
            reference,
            by,
            outcome,
        } = self;
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(why) => return write!(f, "{name} and {reference} are not tested: {why}"),
        };
        let named = by.strip_prefix("eval_").unwrap_or(by);
        let amount = |difference: f64| match mode_of(by) {
            Mode::Max => format!("{:.2} points", 100.0 * difference),
            Mode::Min => format!("{difference:.4}"),
        };
        let relation = match outcome.difference {
            difference if difference > 0.0 => {
                format!("is {} above {reference}", amount(difference))
            }
            difference if difference < 0.0 => {
                format!("is {} below {reference}", amount(-difference))
            }
            _ => format!("equals {reference}"),
        };
        write!(f, "{name} {relation} in {named} {}", outcome.test)?;
        if let Some([low, high]) = outcome.interval {
            write!(f, ", 95 % interval {} to {}", amount(low), amount(high))?;
        }
        if let Some(p) = outcome.p {
            write!(f, ", p = {}", short(p))?;
        }
        if let Some(corrected) = outcome.corrected.filter(|it| Some(*it) != outcome.p) {
            write!(f, ", {} corrected", short(corrected))?;
        }
        match outcome.is_significant() {
            true => f.write_str(": more than chance"),
            false => f.write_str(": not distinguishable"),
        }
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::McNemar(test, images) => write!(
                f,
                "on the same {images} images; McNemar's exact test, {} right only here and {} only there",
                test.only_first, test.only_second
            ),
            Self::Bootstrap(images) => write!(f, "on the same {images} images; paired bootstrap"),
            Self::Welch(test, [a, b]) => write!(
                f,
                "over {a} and {b} runs; Welch's t test, t = {:.2}, d = {:.2}",
                test.t, test.effect
            ),
            Self::Paired(test, pairs) => write!(
                f,
                "over {pairs} pairs of runs with the same seed; paired t test, t = {:.2}, d = {:.2}",
                test.t, test.effect
            ),
        }
    }
}

impl Test {
    /// Its name in tables.
    fn name(&self) -> &'static str {
        match self {
            Self::McNemar(..) => "McNemar, exact",
            Self::Bootstrap(_) => "paired bootstrap",
            Self::Welch(..) => "Welch's t",
            Self::Paired(..) => "paired t",
        }
    }
}

/// A p value with two significant digits.
fn short(p: f64) -> String {
    match p {
        p if p >= 0.0995 => format!("{p:.2}"),
        p if p >= 0.000_995 => format!("{p:.4}"),
        p => format!("{p:.1e}"),
    }
}

/// A row a verdict.
pub fn of_verdicts(verdicts: &[Verdict]) -> Table {
    let columns = vec![
        Column::new("run"),
        Column::headed("against", "against"),
        Column::new("difference"),
        Column::headed("interval_low", "95 %\nfrom"),
        Column::headed("interval_high", "\nto"),
        Column::new("test"),
        Column::new("p"),
        Column::headed("p_holm", "p,\nHolm"),
        Column::new("significant"),
        Column::notes("why"),
    ];
    let rows = verdicts.iter().map(|verdict| {
        let mut row = vec![
            Cell::Text(verdict.name.clone()),
            Cell::Text(verdict.reference.clone()),
        ];
        match &verdict.outcome {
            Ok(outcome) => {
                let [low, high] = [0, 1].map(|end| outcome.interval.map(|interval| interval[end]));
                row.extend([
                    Cell::Number(outcome.difference),
                    Cell::from(low),
                    Cell::from(high),
                    Cell::Text(outcome.test.name().to_owned()),
                    Cell::from(outcome.p),
                    Cell::from(outcome.corrected),
                    Cell::Text(
                        if outcome.is_significant() {
                            "yes"
                        } else {
                            "no"
                        }
                        .to_owned(),
                    ),
                    Cell::Empty,
                ]);
            }
            Err(why) => {
                row.resize(columns.len() - 1, Cell::Empty);
                row.push(Cell::Text(why.clone()));
            }
        }
        row
    });
    Table {
        rows: rows.collect(),
        columns,
    }
}
