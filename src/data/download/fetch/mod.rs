//! Fetching a known set: from one mirror after the other, going on where it stopped, and nothing
//! gets its name before its checksum is right.
//!
//! While a file is on its way it is `.tmp-NAME.part` in the folder, and that is all that an
//! interruption leaves there: the next call goes on with it. Members of an archive have their
//! checksums in `fetched.sha256`, in the form of sha256sum.

mod error;
mod install;
mod options;
mod partial_file;
mod set;
mod transfer;
mod verify;

pub use error::Error;
pub use options::{Event, Options};
pub use set::fetch;
