//! What a caller sets for a fetch, and what it is told on the way.

use std::time::Duration;

use crate::data::download::archive::Limits;

/// How patient a fetch is.
#[derive(Debug, Clone)]
pub struct Options {
    /// To connect.
    pub connect: Duration,
    /// How long a transfer may go without a byte.
    pub stall: Duration,
    /// How often a mirror whose connection breaks is asked for the rest.
    pub retries: u32,
    /// Before each of these.
    pub pause: Duration,
    /// Bytes that may be written to the folder, where that is known.
    pub free: Option<u64>,
    /// What an archive may unpack to.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            retries: 3,
            pause: Duration::from_secs(1),
            free: None,
            limits: Limits::default(),
        }
    }
}

/// What happens while a set is fetched.
#[derive(Debug)]
pub enum Event<'a> {
    /// A file is here already, and right.
    There {
        /// The name of the file.
        name: &'a str,
    },
    /// Part of a file has been downloaded.
    Bytes {
        /// The name of the file.
        name: &'a str,
        /// Downloaded so far.
        bytes: u64,
        /// The size of the whole file, or what it should be.
        of: u64,
    },
    /// It did not go well with a mirror; what comes next is another try.
    Trouble {
        /// What was asked for.
        url: &'a str,
        /// What went wrong.
        why: &'a str,
    },
    /// A file is whole, and right.
    Done {
        /// The name of the file.
        name: &'a str,
        /// Its size.
        bytes: u64,
    },
}
