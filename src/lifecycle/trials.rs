//! Whether the trials of a sweep go with their data, known before any of them begins.

use super::Error;
use super::prepare::{BATCH_SIZE, DataError, too_large};
use crate::config::{Base, Candidate, Data, Experiment, Faults, Sweep};
use crate::data::{Splits, Watch};

/// Trials that see the same data: these are loaded once for all of them.
struct Group<'a> {
    data: Data,
    trials: Vec<(Candidate<'a>, &'a Experiment)>,
}

/// Loads the data of trials, of each different `[data]` once, and compares with them what the trials ask for: their
/// outputs, image sizes and batches. `watch` is told how many images are read.
///
/// # Errors
/// All that is wrong, with the first trial that it is wrong for: of data, and then of batches.
pub fn check_trials<'a>(
    base: &Base,
    sweep: &Sweep,
    trials: impl IntoIterator<Item = (Candidate<'a>, &'a Experiment)>,
    watch: Watch<'_>,
) -> Result<(), Vec<Error>> {
    let groups = groups(trials);
    let mut faults = Faults::new(base, sweep);
    let (mut errors, mut known, mut count) = (Vec::new(), Vec::new(), 0);
    for Group { data, trials } in &groups {
        let (first, experiment) = trials[0];
        let loaded = Splits::load(data, experiment.model.input, experiment.classes(), watch);
        let images = match loaded {
            Ok(splits) => splits.train.len(),
            Err(error) => {
                let error = DataError::new(&base.trial(sweep, first), error);
                let text = error.to_string();
                if !known.contains(&text) {
                    known.push(text);
                    errors.push(match groups.len() {
                        1 => error.into(),
                        _ => error.of(&sweep.in_words(first)).into(),
                    });
                }
                continue;
            }
        };
        count += trials.len();
        for (trial, experiment) in trials {
            if let Some((message, help)) = too_large(experiment.training.batch_size, images) {
                faults.add_at(*trial, BATCH_SIZE, message, &help);
            }
        }
    }
    errors.extend(faults.finish(count).err().map(Error::from));
    match errors.is_empty() {
        true => Ok(()),
        false => Err(errors),
    }
}

fn groups<'a>(trials: impl IntoIterator<Item = (Candidate<'a>, &'a Experiment)>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (trial, experiment) in trials {
        let mut data = experiment.data.clone();
        // Of what is done with images in training, only crops say what they have to be.
        data.augment.retain(|step| step.is_crop());
        let is_same = |group: &&mut Group<'_>| {
            let of = group.trials[0].1;
            let is_same_network =
                of.model.input == experiment.model.input && of.classes() == experiment.classes();
            is_same_network && group.data == data
        };
        match groups.iter_mut().find(is_same) {
            Some(group) => group.trials.push((trial, experiment)),
            None => groups.push(Group {
                data,
                trials: vec![(trial, experiment)],
            }),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Document;

    #[test]
    fn trials_that_see_the_same_data_are_of_one_group() {
        let text = include_str!("../../tests/configs/synthetic.toml");
        let values = [
            "seed=2",
            "data.augment=[\"random_horizontal_flip\"]",
            "training.batch_size=3",
            "data.limit_train=50",
            "model.layers[1].linear.out_features=4",
        ];
        let experiments = values.map(|value| {
            let mut document = Document::parse("tiny.toml", text.to_owned(), "tiny");
            document.set_all(&[value.to_owned()]);
            document.experiment().expect("it is valid")
        });
        let trial = Candidate {
            number: None,
            point: &[],
            seed: None,
        };
        let groups = groups(experiments.iter().map(|it| (trial, it)));
        let sizes: Vec<usize> = groups.iter().map(|it| it.trials.len()).collect();
        assert_eq!(sizes, [3, 1, 1]);
    }
}
