//! What the images of a run are for.

/// What images are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The network learns from them.
    Train,
    /// An evaluation after every epoch.
    Eval,
    /// One last evaluation.
    Test,
}

impl Role {
    /// As a key of `[data]`, and in the split column of a CSV file.
    pub fn name(self) -> &'static str {
        match self {
            Role::Train => "train",
            Role::Eval => "eval",
            Role::Test => "test",
        }
    }

    /// In a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Role::Train => "training",
            Role::Eval => "evaluation",
            Role::Test => "test",
        }
    }

    /// From any of its usual names, in any case.
    pub(in crate::data) fn from_name(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "train" | "training" => Some(Role::Train),
            "eval" | "val" | "valid" | "validation" => Some(Role::Eval),
            "test" | "testing" => Some(Role::Test),
            _ => None,
        }
    }
}
