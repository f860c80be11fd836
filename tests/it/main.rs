//! All integration tests, in one binary, because each one links Burn again.

mod support;

mod compare;
mod docs;
mod faults;
#[cfg(feature = "ndarray")]
mod ndarray;
mod resume;
mod run;
