//! The run that a schedule is for, against which its lengths are held.

use crate::language::info::KeyInfo;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::text::tree::Node;

/// The run that a schedule is for, as far as its config can be read.
pub(super) struct PlannedRun<'a> {
    /// The table of the schedule.
    pub section: &'a Section<'a>,
    /// The table `[training]`.
    pub training: &'a Section<'a>,
    /// Where the number of epochs is typed, and the number.
    pub epochs: Option<(&'a Node, f64)>,
    /// Epochs after the warm-up; not positive for a run that is all warm-up.
    pub left: f64,
    /// Where the learning rate is typed.
    pub rate: Option<&'a Node>,
}

impl PlannedRun<'_> {
    /// Warns at `node`, pointing at the number of epochs too.
    pub(crate) fn warn(&self, node: Option<&Node>, message: String, help: &str) {
        if let (Some(node), Some((epochs, count))) = (node, self.epochs) {
            let related = Some((epochs, format!("the run has {count}")));
            self.section.warn(node, message, related, help);
        }
    }

    /// The default length of a rule. It is 1 for a run that is all warm-up, which has its own warning.
    pub(crate) fn epochs_after_warmup(&self) -> f64 {
        if self.left > 0.0 { self.left } else { 1.0 }
    }

    /// Reads a length in epochs and checks it.
    pub(crate) fn length(&self, rule: &Section<'_>, key: &Key<f64>) -> f64 {
        let length = rule.read(key);
        self.check_length(rule, key, length);
        length
    }

    /// Warns of a length that is longer than the run after its warm-up.
    pub(crate) fn check_length(&self, rule: &Section<'_>, key: &KeyInfo, length: f64) {
        // A warm-up that takes the whole run has its own warning.
        if self.epochs.is_some() && self.left > 0.0 && length > self.left {
            let is_all = self.epochs.is_some_and(|(_, epochs)| epochs == self.left);
            let message = format!(
                "`{}` of {length} epochs is longer than the run, which has {}{}",
                rule.path_of(key.name),
                self.left,
                if is_all { "" } else { " after the warm-up" }
            );
            let help = format!(
                "choose a `{}` of at most {}, unless the run is to be extended later",
                key.name, self.left
            );
            self.warn(rule.node(key), message, &help);
        }
    }
}
