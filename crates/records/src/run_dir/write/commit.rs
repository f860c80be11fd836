//! Writing a checkpoint, and deleting those that it makes superfluous.

use std::fs::{self, File};
use std::path::Path;

use super::retention::{RankedCheckpoint, Retention, superfluous};
use super::writer::Writer;
use crate::array::Arrays;
use crate::config;
use crate::files::{self, IoError};
use crate::run_dir::format::checkpoint::{Checkpoint, Position, Stage, State, WrittenAt};
use crate::run_dir::format::run_json::FORMAT;
use crate::run_dir::{Error, checkpoint_names, layout};

impl Writer {
    /// Writes a checkpoint, reads it back, and only then deletes those it makes superfluous.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`] before anything is written; [`Error::Locked`] if the lock was lost;
    /// [`Error::Damaged`] if what was written reads back differently, or differs from a checkpoint of the
    /// same position; [`Error::Io`].
    pub fn commit(
        &mut self,
        position: &Position,
        arrays: Arrays,
        policy: &config::Checkpoint,
    ) -> Result<(), Error> {
        if let Some((name, _)) = arrays.iter().find(|(_, array)| !array.is_finite()) {
            return Err(Error::NotFinite {
                array: name.clone(),
            });
        }
        self.lock.confirm(&self.folder)?;
        let path = self
            .folder
            .join(layout::CHECKPOINTS)
            .join(position.file_name());
        let checkpoint = Checkpoint {
            state: State {
                format: FORMAT,
                run_id: self.identity.run_id.clone(),
                config_digest: self.identity.config_digest.clone(),
                data_digest: self.identity.data_digest.clone(),
                class_names: self.identity.class_names.clone(),
                position: position.clone(),
                metrics: self.metrics.clone(),
                previous: self.previous.clone(),
            },
            arrays,
        };
        if path.exists() {
            return self.confirm_existing(&path, &checkpoint);
        }
        let digest = checkpoint.digest();
        let encoding = checkpoint.encoding(digest.clone());
        files::create_with(&path, |file| encoding.write_to(file))?;
        let is_written = File::open(&path).and_then(|file| encoding.is_in(file));
        if !is_written.map_err(IoError::at("read back", &path))? {
            return Err(Error::Damaged {
                path,
                why: "the checkpoint just written differs when read back\ncheck the disk"
                    .to_owned(),
            });
        }
        self.previous = Some(digest);
        self.rotate(policy)
    }

    /// Refuses if the checkpoint that this position has already holds anything else.
    fn confirm_existing(&self, path: &Path, checkpoint: &Checkpoint) -> Result<(), Error> {
        let same = Checkpoint::read(path).is_ok_and(|(existing, _)| {
            existing.arrays == checkpoint.arrays
                && existing.state.position == checkpoint.state.position
        });
        if same {
            return Ok(());
        }
        Err(Error::Damaged {
            path: path.to_owned(),
            why: "this step had a different result before, so the run is not reproducible on this \
                  machine\n\
                  start a new run, and report the machine if it happens again"
                .to_owned(),
        })
    }

    /// Deletes the checkpoints that the policy does not keep.
    fn rotate(&self, policy: &config::Checkpoint) -> Result<(), Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        let table = self.metrics();
        // What a fork began with stays: it could be had from nowhere else.
        let start = self.identity.parent.as_ref();
        let is_start = |name: &String| start.is_some_and(|start| start.checkpoint == *name);
        let ranked: Vec<RankedCheckpoint> = checkpoint_names(&self.folder)?
            .into_iter()
            .filter(|name| !is_start(name))
            .map(|file_name| {
                let value = match WrittenAt::of_file_name(&file_name) {
                    Some(WrittenAt {
                        step,
                        stage: Stage::Done,
                    }) => (0..table.len())
                        .find(|row| table.get(*row, "step") == Some(step as f64))
                        .and_then(|row| table.get(row, &policy.monitor)),
                    _ => None,
                };
                RankedCheckpoint { file_name, value }
            })
            .collect();
        let retention = Retention {
            keep_last: policy.keep_last,
            keep_best: policy.keep_best,
            mode: policy.mode,
        };
        for name in superfluous(&ranked, retention) {
            let path = checkpoints.join(name);
            fs::remove_file(&path).map_err(IoError::at("remove", &path))?;
        }
        Ok(())
    }
}
