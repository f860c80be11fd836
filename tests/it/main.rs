//! All integration tests, in one binary, because each one links Burn again.

mod support;

mod checks;
mod compare;
mod disks;
mod docs;
mod endings;
mod faults;
#[cfg(feature = "ndarray")]
mod ndarray;
mod resume;
mod run;
mod soak;
