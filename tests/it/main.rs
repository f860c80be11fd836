//! All integration tests, in one binary, because each one links Burn again.

mod support;

mod run;
