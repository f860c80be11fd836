//! Whether runs differ by more than chance: `groups` puts runs together that differ in the seed alone, `images` reads what two runs
//! say of the same images, `verdict` tests and says in words what follows, `flips` lists the images on which two runs
//! part.

mod flips;
mod groups;
mod images;
mod verdict;

pub use flips::flips;
pub use groups::{Group, Grouping, groups, of_groups};
pub use images::{SameImages, Unpaired};
pub use verdict::{Verdict, of_verdicts, verdicts};
