//! `runner prove`: kill and resume a run at random, compare every byte with one that was left alone.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::cli;
use crate::exit::ExitCode;
use crate::lifecycle::{Proof, prove};

use super::output::{Output, print_result};

pub fn execute(args: cli::Prove) -> anyhow::Result<ExitCode> {
    let output = Output { quiet: false };
    let seed = args.seed.unwrap_or_else(seed_of_now);
    let proof = Proof {
        program: std::env::current_exe().unwrap_or_else(|_| PathBuf::from("runner")),
        config: args.experiment.config,
        overrides: args.experiment.overrides.all().cloned().collect(),
        out: args.out.out,
        threads: args.threads.threads,
        kills: args.kills,
        seed,
    };
    let verdict = prove(&proof, |whole, duration| {
        output.note(&format!(
            "uninterrupted run: {} ({:.1} s)",
            whole.display(),
            duration.as_secs_f64()
        ));
        output.note(&format!("kill times are derived from --seed {seed}"));
    })?;
    output.note(&format!(
        "killed {} times: {}",
        verdict.kills,
        verdict.killed.display()
    ));
    if verdict.different.is_empty() {
        print_result(
            "proven: metrics, predictions, report and the arrays of every checkpoint are equal\n",
        )?;
        return Ok(ExitCode::Done);
    }
    print_result(&format!("DIFFERENT: {}\n", verdict.different.join(", ")))?;
    Ok(ExitCode::CheckFailed)
}

fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs() % 1_000_000)
}
