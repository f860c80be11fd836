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

    /// Which of the splits that a table has is meant: an evaluation takes the images of the test where there are no others.
    pub(in crate::data) fn of_those(self, there: &[Role]) -> Role {
        match self {
            Role::Eval if !there.contains(&Role::Eval) && there.contains(&Role::Test) => Role::Test,
            role => role,
        }
    }

    /// The names that folders, files and columns have for it, in lower case; of several folders the first name counts.
    pub(in crate::data) fn names(self) -> &'static [&'static str] {
        match self {
            Role::Train => &["train", "training"],
            Role::Eval => &["val", "valid", "validation", "eval"],
            Role::Test => &["test", "testing"],
        }
    }

    /// From any of its names, in any case.
    pub(in crate::data) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let mut all = [Role::Train, Role::Eval, Role::Test].into_iter();
        all.find(|role| role.names().contains(&name.as_str()))
    }
}
