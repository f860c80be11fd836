//! A checkpoint: one safetensors file with everything a run needs to go on as if it had never stopped.
//!
//! Tensors are named `model.<parameter>` and `optimizer.<state>.<parameter>`; the file's metadata
//! has one entry, `runner`, with the state of the loop and a digest. Neither safetensors nor most
//! file systems notice a flipped bit, and a network with one can train on for hours; so a file
//! counts only if the digest over its arrays and state agrees *and* writing what was read gives
//! the same bytes again, which covers every bit of the header as well.

use std::fs;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::run_json::Identity;
use crate::array::{self, Array, Arrays, Values};
use crate::config;
use crate::metrics::{Evaluation, Tally};

/// All that a run needs to go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// All that is not an array.
    pub state: State,
    /// Parameters, optimizer state and averages by name.
    pub arrays: Arrays,
}

/// What the arrays of a checkpoint are, which the beginnings of their names say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Parameters and running statistics.
    Model,
    /// What the optimizer remembers.
    Optimizer,
    /// Averages of the parameters, with `training.ema_decay`.
    Average,
}

impl Part {
    /// What the names of its arrays begin with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Model => "model.",
            Self::Optimizer => "optimizer.",
            Self::Average => "ema.",
        }
    }
}

/// What a checkpoint says beside its arrays: whose it is, where the run stands, and all rows so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The format of run directories and checkpoints.
    pub format: u32,
    /// The run that it belongs to.
    pub run_id: String,
    /// The run's digest of its config.
    pub config_digest: String,
    /// The run's digest of its data files.
    pub data_digest: String,
    /// What the outputs of the network stand for, in their order.
    pub class_names: Vec<String>,
    /// Where the run stands.
    pub position: Position,
    /// The whole of metrics.csv at this point.
    pub metrics: String,
    /// Digest of the checkpoint before this one, in the order of writing.
    pub previous: Option<String>,
}

/// Where a run stands: what has been done, and what comes next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// The epoch under way, 1-based; one more than the last when the run is done.
    pub epoch: u64,
    /// Optimizer steps done.
    pub step: u64,
    /// What the batches that come next are for.
    pub phase: Phase,
    /// Batches of the phase done.
    pub batch: u64,
    /// The sums of the epoch's training so far.
    pub train: Tally,
    /// The sums of the epoch's evaluation so far.
    pub eval: Evaluation,
}

/// The two parts of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Batches that the network learns from.
    Training,
    /// Batches that it is measured on.
    Evaluation,
}

/// Why a file is no checkpoint that can be trusted.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The system refuses; the file may be good.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The bytes are not of the format.
    #[error("not a safetensors file: {0}")]
    Format(#[from] safetensors::SafeTensorError),
    /// The file is of the format, and what it holds is wrong.
    #[error("{0}")]
    Content(String),
}

impl State {
    /// Why an intact checkpoint is not one of this run; `None` if it is.
    pub(in crate::run_dir) fn foreign_to(&self, identity: &Identity) -> Option<String> {
        [
            ("run", &self.run_id, &identity.run_id),
            ("config", &self.config_digest, &identity.config_digest),
            ("data set", &self.data_digest, &identity.data_digest),
        ]
        .into_iter()
        .find(|(_, its, ours)| its != ours)
        .map(|(what, ..)| format!("it belongs to a different {what}"))
        .or_else(|| {
            let is_other = self.class_names != identity.class_names;
            is_other.then(|| "its classes differ from those of the run".to_owned())
        })
    }
}

impl Checkpoint {
    /// Why an intact checkpoint is not the one that its file name and its run say; `None` if it is.
    pub fn misplaced(&self, file_name: &str, identity: &Identity) -> Option<String> {
        let own_name = self.state.position.file_name();
        let foreign = self.state.foreign_to(identity);
        foreign.or_else(|| (own_name != file_name).then(|| format!("it is actually {own_name}")))
    }
}

impl Position {
    /// Before the first step.
    pub fn start(classes: usize, metrics: &config::Metrics) -> Self {
        Self {
            epoch: 1,
            step: 0,
            phase: Phase::Training,
            batch: 0,
            train: Tally::new(classes),
            eval: Evaluation::new(classes, metrics.top_k, metrics.calibration_bins),
        }
    }

    /// Whether an epoch has just ended, its row written.
    pub fn is_epoch_end(&self) -> bool {
        self.phase == Phase::Training && self.batch == 0
    }

    /// The checkpoint's file name: `step-00000100.safetensors`, inside an evaluation
    /// `step-00000100-eval-0003.safetensors`.
    pub fn file_name(&self) -> String {
        match self.phase {
            Phase::Training => format!("step-{:08}.safetensors", self.step),
            Phase::Evaluation => {
                format!("step-{:08}-eval-{:04}.safetensors", self.step, self.batch)
            }
        }
    }
}

/// When a checkpoint was written, in the order of writing: the evaluation that follows a step comes before
/// the end of the epoch, which has the same step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WrittenAt {
    /// Optimizer steps done.
    pub step: u64,
    /// How far the evaluation after that step had come.
    pub stage: Stage,
}

/// How much had been done after the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// This number of evaluation batches.
    Evaluating(u64),
    /// Everything: if the step ends an epoch, its whole evaluation.
    Done,
}

impl WrittenAt {
    /// Reads it from the name of a checkpoint file; `None` for other files.
    pub fn of_file_name(file_name: &str) -> Option<Self> {
        let stem = file_name
            .strip_prefix("step-")?
            .strip_suffix(".safetensors")?;
        let (step, stage) = match stem.split_once("-eval-") {
            Some((step, batch)) => (step, Stage::Evaluating(batch.parse().ok()?)),
            None => (stem, Stage::Done),
        };
        let step = step.parse().ok()?;
        Some(Self { step, stage })
    }
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    digest: String,
    state: State,
}

const METADATA_KEY: &str = "runner";

impl Checkpoint {
    /// The arrays of one part, by their names inside it: `layers.8.weight`.
    pub fn arrays_of(&self, part: Part) -> Arrays {
        let arrays = self.arrays.iter();
        let arrays = arrays.filter_map(|(name, array)| {
            Some((name.strip_prefix(part.prefix())?.to_owned(), array.clone()))
        });
        arrays.collect()
    }

    /// The network that evaluation uses: the averages of parameters where there are some, the rest as trained.
    pub fn evaluated(&self) -> Arrays {
        let mut arrays = self.arrays_of(Part::Model);
        arrays.extend(self.arrays_of(Part::Average));
        arrays
    }

    /// Whether it has averages of the parameters.
    pub fn is_averaged(&self) -> bool {
        let mut names = self.arrays.keys();
        names.any(|name| name.starts_with(Part::Average.prefix()))
    }

    /// SHA-256 (hex) over all arrays and the state.
    pub fn digest(&self) -> String {
        let mut digest = array::digest(&self.arrays);
        digest.update(serde_json::to_vec(&self.state).expect("a state is plain data"));
        digest.hex()
    }

    /// The file, given the checkpoint's own digest. Equal checkpoints have equal bytes.
    pub(crate) fn encoding(&self, digest: String) -> Encoding<'_> {
        let metadata = Metadata {
            digest,
            state: self.state.clone(),
        };
        let text = serde_json::to_string(&metadata).expect("a state is plain data");
        Encoding::new(&self.arrays, METADATA_KEY, text)
    }

    /// The bytes of the file, all in memory.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = self.encoding(self.digest()).write_to(&mut bytes);
        written.expect("memory takes all bytes");
        bytes
    }

    /// Reads and checks the bytes of a file; also gives its digest.
    ///
    /// # Errors
    ///
    /// If any bit is not what [`Checkpoint::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<(Self, String), Damage> {
        let content = |what: &str| Damage::Content(what.to_owned());
        let (_, header) = SafeTensors::read_metadata(bytes)?;
        let text = header
            .metadata()
            .as_ref()
            .and_then(|entries| entries.get(METADATA_KEY))
            .ok_or_else(|| content("it has no `runner` metadata"))?;
        let Metadata { digest, state } = serde_json::from_str(text)
            .map_err(|error| Damage::Content(format!("its state cannot be read: {error}")))?;
        let mut arrays = Arrays::new();
        for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
            let values = match view.dtype() {
                Dtype::F32 => Values::F32(
                    view.data()
                        .chunks_exact(4)
                        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                        .collect(),
                ),
                Dtype::I64 => Values::I64(
                    view.data()
                        .chunks_exact(8)
                        .map(|b| i64::from_le_bytes(b.try_into().expect("chunks of 8")))
                        .collect(),
                ),
                other => return Err(content(&format!("tensor `{name}` has type {other:?}"))),
            };
            let shape = view.shape().to_vec();
            arrays.insert(name.to_owned(), Array { shape, values });
        }
        let checkpoint = Self { state, arrays };
        if checkpoint.digest() != digest {
            return Err(content("its content does not match its digest"));
        }
        if !checkpoint.encoding(digest.clone()).is_in(bytes)? {
            return Err(content("its header was changed"));
        }
        Ok((checkpoint, digest))
    }

    /// Reads and checks a file; also gives its digest.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or any bit is not what the program wrote.
    pub fn read(path: &Path) -> Result<(Self, String), Damage> {
        Self::decode(&fs::read(path)?)
    }
}
