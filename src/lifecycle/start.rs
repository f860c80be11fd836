//! The known weights that a config names: read, and held against those that a run began with.

use std::path::Path;
use std::sync::Arc;

use super::{Error, Refusal};
use crate::run_dir::{self, Identity};
use crate::train::Session;
use crate::weights::Source;

/// Gives a session that has not begun the known weights that its config names, if it names some.
///
/// # Errors
/// Where they cannot be read, or none of them fits.
pub fn start(session: &mut Session) -> Result<(), Error> {
    let model = &mut session.experiment.model;
    let Some(path) = &mut model.weights else {
        return Ok(());
    };
    // A link such as `latest` leads elsewhere tomorrow.
    if Path::new(path).is_symlink() {
        *path = run_dir::resolve(path, Path::new(""))?.display().to_string();
    }
    let source = Arc::new(Source::read(Path::new(path), &model.layers)?);
    session.start_from(Arc::clone(&source));
    match &session.start {
        Some(start) if start.transfer.taken == 0 => {
            let here = start.transfer.anew.iter().map(|anew| anew.name.as_str());
            Err(source.misfit(here).into())
        }
        _ => Ok(()),
    }
}

/// Refuses known weights that are not those that a run began with.
pub fn check_start(identity: &Identity, session: &Session) -> Result<(), Refusal> {
    let (Some(then), Some(now)) = (&identity.weights, &session.start) else {
        return Ok(());
    };
    let source = &now.source;
    if then.sha256 == source.sha256 {
        return Ok(());
    }
    Err(Refusal::Data(format!(
        "{} are not the weights that the run started with ({})\n\
         then sha256 {}\n\
         now  sha256 {}\n\
         put the original back, or start a new run with these weights",
        source.file.display(),
        then.path,
        then.sha256,
        source.sha256
    )))
}
