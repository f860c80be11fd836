//! Where a value stands in an experiment: `model.layers[7].dropout.p`.

use std::fmt;

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// A key of a table.
    Key(String),
    /// The index of an element of an array, from 0.
    Index(usize),
}

/// The steps from the whole document to a value; an empty path is the document itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPath(pub Vec<PathStep>);

impl KeyPath {
    /// Parses `model.layers[7].dropout.p`; `None` for a text that is no path.
    pub fn parse(path: &str) -> Option<Self> {
        let mut steps = Vec::new();
        for part in path.split('.') {
            let (key, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
            let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if key.is_empty() || !key.chars().all(bare) {
                return None;
            }
            steps.push(PathStep::Key(key.to_owned()));
            let mut rest = indices;
            while !rest.is_empty() {
                let (index, after) = rest.strip_prefix('[')?.split_once(']')?;
                if !index.bytes().all(|byte| byte.is_ascii_digit()) {
                    return None;
                }
                steps.push(PathStep::Index(index.parse().ok()?));
                rest = after;
            }
        }
        Some(Self(steps))
    }

    pub fn push(&mut self, step: PathStep) {
        self.0.push(step);
    }

    /// The path of a key inside.
    pub fn join(&self, key: &str) -> Self {
        let mut path = self.clone();
        path.push(PathStep::Key(key.to_owned()));
        path
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if index == 0 => f.write_str(key)?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
