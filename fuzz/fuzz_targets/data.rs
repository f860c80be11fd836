//! The readers of data without the rest of the program.

#![allow(dead_code, unused_imports, reason = "only the program uses all of it")]

#[path = "../../src/data/cifar.rs"]
pub mod cifar;
#[path = "../../src/data/error.rs"]
pub mod error;
#[path = "../../src/data/idx.rs"]
pub mod idx;
#[path = "../../src/data/labels.rs"]
pub mod labels;
#[path = "../../src/data/listed.rs"]
pub mod listed;
#[path = "../../src/data/manifest.rs"]
pub mod manifest;
#[path = "../../src/data/picture.rs"]
pub mod picture;
#[path = "../../src/data/role.rs"]
pub mod role;

pub use error::Error;
pub use role::Role;
pub use runner_records::run_dir::DataFile;
