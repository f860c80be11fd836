//! The text below the options in the help of a command: examples and exit codes.

use crate::exit::ExitCode;

/// The codes of a command that trains, one run or many.
pub const TRAINING: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Failed,
    ExitCode::Usage,
    ExitCode::Data,
    ExitCode::RunDirectory,
    ExitCode::Diverged,
    ExitCode::Io,
    ExitCode::Resumable,
    ExitCode::Hangup,
    ExitCode::Interrupted,
    ExitCode::Terminated,
];

/// The codes of a command that trains and compares.
pub const COMPARING: &[ExitCode] = &ExitCode::ALL;

/// The codes of a command that tries a config.
pub const CHECKING: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Failed,
    ExitCode::Usage,
    ExitCode::CheckFailed,
    ExitCode::Data,
    ExitCode::Diverged,
    ExitCode::Io,
];

/// The codes of a command that reads the language alone.
pub const LANGUAGE: &[ExitCode] = &[ExitCode::Done, ExitCode::Usage, ExitCode::Io];

/// The codes of a command that reads images.
pub const IMAGES: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Usage,
    ExitCode::Data,
    ExitCode::Io,
];

/// The codes of a command that reads runs.
pub const RUNS: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Usage,
    ExitCode::RunDirectory,
    ExitCode::Io,
];

/// The codes of a command that uses the network of a run.
pub const USING: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Failed,
    ExitCode::Usage,
    ExitCode::Data,
    ExitCode::RunDirectory,
    ExitCode::Io,
];

/// The codes of a command that evaluates.
pub const EVALUATING: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Failed,
    ExitCode::Usage,
    ExitCode::Data,
    ExitCode::RunDirectory,
    ExitCode::Io,
    ExitCode::Hangup,
    ExitCode::Interrupted,
    ExitCode::Terminated,
];

/// The codes of a command that takes runs away.
pub const REMOVING: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Usage,
    ExitCode::RunDirectory,
    ExitCode::Io,
    ExitCode::Resumable,
];

/// The codes of `verify`.
pub const VERIFYING: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Usage,
    ExitCode::CheckFailed,
    ExitCode::RunDirectory,
    ExitCode::Io,
];

/// Formats examples and exit codes: a heading, indented lines, an empty line.
pub fn below(examples: [&str; 2], codes: &[ExitCode]) -> String {
    let [first, second] = examples;
    let mut text = format!("Examples:\n  {first}\n  {second}\n\nExit codes:");
    for code in codes {
        text += &format!("\n  {:<5}{}", code.number(), code.meaning());
    }
    text
}
