//! Going on with a run: the directory is brought into the state of its newest good checkpoint.

use std::fs;
use std::io;

use super::writer::{Recovered, Writer};
use crate::config;
use crate::files::{self, IoError};
use crate::run_dir::format::checkpoint::{Checkpoint, Damage};
use crate::run_dir::format::events::Event;
use crate::run_dir::{Error, checkpoint_names, layout, metrics};

impl Writer {
    /// Brings the directory into the state of its newest good checkpoint and gives that.
    ///
    /// Without one, a run that cannot have had any starts over. The process may be killed at any point.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if there is no good checkpoint where there must be one; [`Error::Io`] if a file
    /// cannot be read or written.
    pub fn recover(&mut self, policy: &config::Checkpoint) -> Result<Recovered, Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        let names = checkpoint_names(&self.folder)?;
        files::remove_temporaries(&self.folder)?;
        files::remove_temporaries(&checkpoints)?;
        let mut recovered = Recovered::default();
        for name in names.iter().rev() {
            let path = checkpoints.join(name);
            let reason = match Checkpoint::read(&path) {
                Ok((checkpoint, digest)) => match checkpoint.misplaced(name, &self.identity) {
                    None => {
                        self.metrics.clone_from(&checkpoint.state.metrics);
                        self.previous = Some(digest);
                        recovered.checkpoint = Some(checkpoint);
                        break;
                    }
                    Some(reason) => reason,
                },
                // A file that cannot be read now need not be damaged.
                Err(Damage::Unreadable(error)) => {
                    return Err(IoError::new("read", path, error).into());
                }
                Err(damage) => damage.to_string(),
            };
            self.quarantine(name)?;
            self.event(Event::FellBack {
                damaged: name.clone(),
                reason: reason.clone(),
            })?;
            recovered.damaged.push((name.clone(), reason));
        }
        if recovered.checkpoint.is_none() {
            self.refuse_to_start_over(policy)?;
        }
        self.restore_metrics()?;
        Ok(recovered)
    }

    /// Refuses to start over where the run must have had a checkpoint.
    fn refuse_to_start_over(&self, policy: &config::Checkpoint) -> Result<(), Error> {
        let damaged = self.folder.join(layout::CHECKPOINTS).join(layout::DAMAGED);
        let quarantined = fs::read_dir(damaged).is_ok_and(|mut entries| entries.next().is_some());
        let rows = metrics(&self.folder).map_or(0, |rows| rows.len()) as u64;
        let is_fork = self.identity.parent.is_some();
        let what = if quarantined {
            format!(
                "none of its checkpoints is intact; they are in {}/{}",
                layout::CHECKPOINTS,
                layout::DAMAGED
            )
        } else if is_fork {
            "its checkpoints are missing, also the one that it began with".to_owned()
        } else if rows > policy.every_epochs {
            format!("its checkpoints are missing, although it has {rows} epochs")
        } else {
            return Ok(());
        };
        Err(Error::Damaged {
            path: self.folder.clone(),
            why: format!(
                "{what}\nput an intact copy of one in {}, or start a new run",
                layout::CHECKPOINTS
            ),
        })
    }

    /// Removes result.json, because the run is to go on.
    ///
    /// # Errors
    ///
    /// If it is there and cannot be removed.
    pub fn reopen(&self) -> Result<(), Error> {
        let path = self.folder.join(layout::RESULT);
        match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(IoError::new("remove", path, error).into()),
            Ok(()) => Ok(files::sync_folder(&self.folder)?),
        }
    }

    /// Moves a checkpoint that failed its check into the folder of damaged ones.
    fn quarantine(&self, name: &str) -> Result<(), Error> {
        let checkpoints = self.folder.join(layout::CHECKPOINTS);
        let damaged = checkpoints.join(layout::DAMAGED);
        fs::create_dir_all(&damaged).map_err(IoError::at("create", &damaged))?;
        // The same step may have been damaged before; nothing is ever overwritten.
        let target = (0..)
            .map(|n| match n {
                0 => damaged.join(name),
                n => damaged.join(format!("{name}.{n}")),
            })
            .find(|target| !target.exists())
            .expect("the numbers do not end");
        let path = checkpoints.join(name);
        fs::rename(&path, &target).map_err(IoError::at("set aside", &path))?;
        files::sync_folder(&damaged)?;
        Ok(files::sync_folder(&checkpoints)?)
    }

    /// Puts metrics.csv back to what the checkpoint says. Later rows, or one that a crash has cut, are
    /// written again as the run goes on.
    fn restore_metrics(&self) -> Result<(), Error> {
        let path = self.folder.join(layout::METRICS);
        if fs::read(&path).is_ok_and(|bytes| bytes == self.metrics.as_bytes()) {
            return Ok(());
        }
        files::replace(&path, self.metrics.as_bytes())?;
        self.event(Event::MetricsRestored {
            rows: self.metrics.lines().count() - 1,
        })
    }
}
