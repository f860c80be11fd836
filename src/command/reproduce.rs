//! `runner reproduce`: a run trained again from its directory alone, compared epoch by epoch.

use crate::cli;
use crate::metrics::EpochRecord;
use crate::run_dir::layout::METRICS;
use crate::run_dir::{self, Identity, MetricsTable, Timing, resolve};
use crate::train::{Interrupt, Observer, Progress, fit};

use super::drift::{check_backend, check_config, check_data};
use super::output::Output;
use super::report::Reporter;
use super::training::{Started, conclude, prepare, start};
use super::verify::NO;

pub fn execute(args: cli::Reproduce) -> anyhow::Result<u8> {
    let output = Output { quiet: args.quiet };
    let original = resolve(&args.run, &args.out.out)?;
    let identity = Identity::read(&original)?;
    let (mut document, experiment) = run_dir::document(&original)?;
    let metrics = MetricsTable::read(&original.join(METRICS))?;
    let rows: Vec<String> = metrics.lines().map(str::to_owned).collect();
    if rows.is_empty() {
        output.note(&format!(
            "{} has no epoch to compare with",
            original.display()
        ));
        return Ok(NO);
    }
    check_config(&identity, &experiment)?;
    // As far as the original came, and no further; and in one go.
    document.set_all(&[
        format!("training.epochs={}", rows.len()),
        "training.max_minutes=0".to_owned(),
    ]);
    if identity.program_version != env!("CARGO_PKG_VERSION") {
        output.note(&format!(
            "the run was begun by version {}, this is {}: a difference may come from that",
            identity.program_version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    let mut interrupt = Interrupt::install()?;
    let prepared = prepare(&document, document.experiment()?, &args.threads)?;
    check_backend(&identity, prepared.device.backend)?;
    check_data(&identity, &original, &prepared.session.data)?;
    let Started {
        mut session,
        mut run,
        reporter,
    } = start(&document, prepared, &args.out.out, &mut interrupt, output)?;
    output.only_when_quiet(&run.folder().display().to_string());
    let mut comparer = Comparer {
        reporter,
        interrupt: interrupt.clone(),
        rows,
        compared: 0,
        different: None,
    };
    let end = fit(&mut session, &mut run, &interrupt, &mut comparer);
    let Comparer {
        mut reporter,
        compared,
        different,
        ..
    } = comparer;
    let (original, copy) = (original.display(), run.folder().display().to_string());
    if let (Some(epoch), Ok(_)) = (different, &end) {
        reporter.end();
        reporter.result(&format!(
            "NOT REPRODUCED: epoch {epoch} is the first that differs\n\
             original: {original}/{METRICS}\nagain:    {copy}/{METRICS}"
        ));
        return Ok(NO);
    }
    let code = conclude(end, &mut session, &mut run, &interrupt, &mut reporter)?;
    if code == 0 {
        reporter.result(&format!(
            "\nreproduced: all {compared} epochs of {original} came out equal, digests included"
        ));
    }
    Ok(code)
}

/// Shows the training and stops it at the first epoch whose row is not the original's.
struct Comparer {
    reporter: Reporter,
    interrupt: Interrupt,
    /// Lines of the original metrics.csv.
    rows: Vec<String>,
    compared: usize,
    different: Option<u64>,
}

impl Observer for Comparer {
    fn batch(&mut self, progress: Progress) {
        self.reporter.batch(progress);
    }

    fn epoch(&mut self, record: &EpochRecord, timing: &Timing) {
        self.reporter.epoch(record, timing);
        if self.rows.get(self.compared) == Some(&record.cells().join(",")) {
            self.compared += 1;
        } else {
            self.different.get_or_insert(record.epoch);
            self.interrupt.request();
        }
    }
}
