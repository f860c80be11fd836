//! `runner reproduce`: a run trained again from its directory alone, compared epoch by epoch.

use crate::cli;
use crate::exit::ExitCode;
use crate::lifecycle::{Comparer, Occasion, Original, begin, go_home};
use crate::run_dir::layout::METRICS;
use crate::run_dir::resolve;
use crate::train::{Interrupt, fit};

use super::exit::unwrapped;
use super::output::Output;
use super::progress::scan_bar;
use super::report::{Reporter, conclude};

pub fn execute(args: cli::Reproduce) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: args.quiet };
    let folder = resolve(&args.run, &args.out.out)?;
    let overrides = args.overrides.all().cloned().collect();
    let ([folder, out], overrides) = go_home([folder, args.out.out], overrides);
    let original = Original::read(&folder, &overrides).map_err(unwrapped)?;
    let inherited = original.inherited_epochs();
    if original.rows.len() <= inherited {
        output.note(&format!(
            "{} has no finished epoch of its own to compare with",
            folder.display()
        ));
        return Ok(ExitCode::CheckFailed);
    }
    let (began, this) = (
        &original.identity.program_version,
        env!("CARGO_PKG_VERSION"),
    );
    if began != this {
        output.note(&format!(
            "the run was started by version {began}, but this is {this}: that may explain a \
             difference"
        ));
    }
    let mut interrupt = Interrupt::install()?;
    let document = &original.document;
    let bar = scan_bar("reading images");
    let prepared = original
        .prepare(args.threads.threads, &|done, all| bar.at(done, all))
        .map_err(unwrapped)?;
    let run_id = original.identity.run_id.clone();
    let mut begun = begin(
        document,
        prepared,
        &out,
        Occasion::Repetition(&run_id),
        &mut interrupt,
    )
    .map_err(unwrapped)?;
    let reporter = Reporter::of_begun(output, &begun);
    output.only_when_quiet(&begun.run.folder().display().to_string());
    let mut comparer = Comparer {
        observer: reporter,
        interrupt: interrupt.clone(),
        rows: original.rows,
        equal: inherited,
        different: None,
    };
    let (session, run) = (&mut begun.session, &mut begun.run);
    let end = fit(session, run, &interrupt, &mut comparer);
    let Comparer {
        observer: mut reporter,
        equal,
        different,
        ..
    } = comparer;
    let (original, copy) = (folder.display(), run.folder().display().to_string());
    if let (Some(epoch), Ok(_)) = (different, &end) {
        reporter.end();
        reporter.result(&format!(
            "NOT REPRODUCED: the first epoch that differs is {epoch}\n\
             original: {original}/{METRICS}\n\
             again:    {copy}/{METRICS}"
        ));
        return Ok(ExitCode::CheckFailed);
    }
    let code = conclude(end, session, run, &interrupt, &mut reporter)?;
    if code == ExitCode::Done {
        reporter.result(&format!(
            "\nreproduced: {} equal, digests included",
            match (inherited, equal) {
                (0, 1) => format!("the only epoch of {original} is"),
                (0, _) => format!("all {equal} epochs of {original} are"),
                _ => format!("all epochs of {original} after epoch {inherited} are"),
            }
        ));
    }
    Ok(code)
}
