//! A new run: its directory, made for a session that is prepared.

use std::collections::BTreeMap;
use std::path::Path;

use super::prepare::Start;
use super::{Error, Prepared};
use crate::config::Document;
use crate::data::Dataset;
use crate::device;
use crate::memory;
use crate::run_dir::{Event, FORMAT, Identity, NewRun, WeightsFile, Writer, space};
use crate::train::{Interrupt, Session};

/// A run that is ready for its next step.
pub struct Begun {
    /// Everything that the run has in memory.
    pub session: Session,
    /// Its directory, locked.
    pub run: Writer,
    /// What computes and why, in one line.
    pub device: String,
}

/// What a new run is begun for.
#[derive(Debug, Clone, Copy)]
pub enum Occasion<'a> {
    /// For itself.
    Run,
    /// To repeat the run with this id.
    Repetition(&'a str),
    /// To go on with a checkpoint of another run in another way.
    Fork(&'a Branching),
    /// As the trial of a sweep, which gives it its id.
    Trial(&'a str),
}

/// In what a fork differs from its parent.
#[derive(Debug, Clone)]
pub struct Branching {
    /// The keys that change, with their new values.
    pub changes: BTreeMap<String, String>,
    /// Whether the optimizer begins without the parent's state.
    pub fresh_optimizer: bool,
}

/// Makes the run directory of a prepared session in `out` and starts its time limit; `document` is the config
/// that the session was prepared from.
///
/// # Errors
/// Where the directory cannot be made, or there is no room for the run.
pub fn begin(
    document: &Document,
    prepared: Prepared,
    out: &Path,
    occasion: Occasion<'_>,
    interrupt: &mut Interrupt,
) -> Result<Begun, Error> {
    let Prepared {
        session,
        device,
        start,
    } = prepared;
    interrupt.limit(session.experiment.training.max_minutes);
    let of_start = start.as_ref().map_or(0, |_| session.checkpoint_bytes());
    space::check(out, disk_needed(&session).saturating_add(of_start))?;
    let (id, reproduces) = match occasion {
        Occasion::Run | Occasion::Fork(_) => (None, None),
        Occasion::Repetition(of) => (None, Some(of.to_owned())),
        Occasion::Trial(id) => (Some(id), None),
    };
    let run = Writer::create(NewRun {
        out,
        id,
        identity: Identity {
            reproduces,
            parent: start.as_ref().map(|start| start.parent.clone()),
            ..identity(&session, document, device.backend)
        },
        config_text: document.text(),
        resolved_text: &session.experiment.to_toml(),
        images: &session.data.listing,
        start: start.as_ref().map(|start| &start.checkpoint),
    })?;
    if let (Occasion::Fork(branching), Some(Start { parent, .. })) = (occasion, &start) {
        run.event(Event::Forked {
            parent: parent.run_id.clone(),
            checkpoint: parent.checkpoint.clone(),
            fresh_optimizer: branching.fresh_optimizer,
            changes: branching.changes.clone(),
        })?;
    }
    memory::before_the_end(run.out_of_memory());
    Ok(Begun {
        session,
        run,
        device: device.reason,
    })
}

/// Bytes that the run directory of a session takes at most.
pub fn disk_needed(session: &Session) -> u64 {
    let Session {
        experiment, data, ..
    } = session;
    let test = data.test.as_ref().map_or(0, Dataset::len);
    let classes = match experiment.log.probabilities {
        true => data.class_names.len(),
        false => 0,
    };
    let predictions = space::prediction_bytes(data.eval.len() + test, classes);
    space::needed(
        session.checkpoint_bytes(),
        predictions,
        &experiment.checkpoint,
    )
}

fn identity(session: &Session, document: &Document, backend: &str) -> Identity {
    let experiment = &session.experiment;
    Identity {
        format: FORMAT,
        run_id: String::new(),
        name: experiment.name.clone(),
        created_at: String::new(),
        sequence: 0,
        reproduces: None,
        parent: None,
        seed: experiment.seed,
        config_digest: experiment.digest(),
        data_digest: session.data.digest(),
        data_files: session.data.files.clone(),
        class_names: session.data.class_names.clone(),
        normalize: session.data.normalize.clone(),
        found_bits: session.data.found_bits,
        weights: session.start.as_ref().map(|start| WeightsFile {
            path: start.source.file.display().to_string(),
            sha256: start.source.sha256.clone(),
        }),
        parameters: session.parameter_count(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        burn_version: device::BURN_VERSION.to_owned(),
        backend: backend.to_owned(),
        cpu_features: device::cpu_features(),
        command_line: std::env::args().collect(),
        config_sources: document.sources().to_vec(),
        working_directory: std::env::current_dir()
            .unwrap_or_default()
            .display()
            .to_string(),
    }
}
