//! The command line: types only.
#![allow(missing_docs, reason = "doc comments are the help texts")]

mod help;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::condition::Condition;
use crate::config::{self, Word};
use crate::exit::ExitCode;
use crate::run_dir::{Choice, Status};
use crate::significance::Grouping;

/// Trains the network declared in a TOML file, and writes a directory that records everything about the run.
#[derive(Debug, Parser)]
#[command(name = "runner", version, max_term_width = 100)]
#[command(after_help = help::below(["runner run configs/baseline.toml", "runner show last"], &ExitCode::ALL))]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train the network declared in a config file, in a new run directory
    #[command(after_help = help::below(["runner run configs/baseline.toml", "runner run configs/baseline.toml training.epochs=22 seed=3"], help::TRAINING))]
    Run(Run),
    /// Show what a run will be before it starts: layers, data, time, memory, disk
    #[command(after_help = help::below(["runner check configs/baseline.toml", "runner check configs/baseline.toml --fast-dev-run"], help::CHECKING))]
    Check(Check),
    /// Show an experiment in full, explain where its values come from, or create a new one
    #[command(after_help = help::below(["runner config new --data my/images my.toml", "runner config explain training.epochs"], help::IMAGES))]
    #[command(subcommand)]
    Config(Config),
    /// List known data sets; fetch, inspect or export one
    #[command(after_help = help::below(["runner data fetch mnist", "runner data inspect photos/"], help::IMAGES))]
    #[command(subcommand)]
    Data(Data),
    /// Continue a run from its newest checkpoint, or extend a finished one
    #[command(mut_arg("values", |values| values.help(RESUME_VALUES)))]
    #[command(after_help = help::below(["runner resume last", "runner resume experiments/20260101-120000-baseline-abcd training.epochs=22"], help::TRAINING))]
    Resume(Resume),
    /// Tell the classes of images by the network of a run
    #[command(after_help = help::below(["runner predict last photo.jpg --top 5", "runner predict abcd photos/ --csv > predictions.csv"], help::USING))]
    Predict(Predict),
    /// Score the network of a run on its own images again, or on any other labelled ones
    #[command(mut_arg("values", |values| values.help(EVALUATE_VALUES)))]
    #[command(after_help = help::below(["runner evaluate last", "runner evaluate abcd data.path=new-photos/ --checkpoint last"], help::EVALUATING))]
    Evaluate(Evaluate),
    /// Begin a new run with the weights and the optimizer state of another run, and with other values
    #[command(mut_arg("values", |values| values.help(FORK_VALUES)))]
    #[command(after_help = help::below(["runner fork last training.learning_rate=1e-4 training.epochs=20", "runner fork abcd@4 optimizer.sgd={} --fresh-optimizer"], help::TRAINING))]
    Fork(Fork),
    /// Add tags to a run and take some away, or note something about it; without any, show them
    #[command(after_help = help::below(["runner tag last +good -candidate", "runner tag abcd --note baseline"], help::RUNS))]
    Tag(Tag),
    /// Compare runs side by side: metrics, and the config keys that differ
    #[command(after_help = help::below(["runner compare 'experiments/*-baseline-*'", "runner compare last abcd --by eval_loss --markdown"], help::RUNS))]
    Compare(Compare),
    /// Show where two runs part: config keys, data, versions, and the first epoch that differs
    #[command(after_help = help::below(["runner diff abcd efgh", "runner diff last experiments/20260101-120000-baseline-abcd --json"], help::VERIFYING))]
    Diff(Diff),
    /// List the runs, oldest first
    #[command(after_help = help::below(["runner list --sort best_eval_accuracy", "runner list --status failed"], help::RUNS))]
    List(List),
    /// Delete checkpoints that nobody needs: of finished runs, all but the newest
    #[command(after_help = help::below(["runner prune --keep-best --dry-run", "runner prune --unfinished --older-than 30d"], help::REMOVING))]
    Prune(Prune),
    /// Remove run directories
    #[command(after_help = help::below(["runner remove abcd", "runner remove last experiments/20260101-120000-baseline-abcd --yes"], help::REMOVING))]
    Remove(Remove),
    /// Show how a run ended, its scores and its epochs; --config adds every value
    #[command(after_help = help::below(["runner show last", "runner show abcd --config"], help::RUNS))]
    Show(Show),
    /// Write the network of a run for other programs: as ONNX, safetensors or PyTorch
    #[command(after_help = help::below(["runner export last --to onnx --with-preprocessing nhwc", "runner export abcd --to pytorch -o digits.py"], help::RUNS))]
    Export(Export),
    /// Check that a run directory is intact: every digest, and all files against each other
    #[command(mut_arg("values", |values| values.help(MOVED_VALUES)))]
    #[command(after_help = help::below(["runner verify last", "runner verify experiments/20260101-120000-baseline-abcd"], help::VERIFYING))]
    Verify(Verify),
    /// Train a run again from its directory alone, and compare every epoch
    #[command(mut_arg("values", |values| values.help(MOVED_VALUES)))]
    #[command(after_help = help::below(["runner reproduce last", "runner reproduce abcd --out /tmp/again"], help::COMPARING))]
    Reproduce(Reproduce),
    /// Run a config once uninterrupted and once killed at random times, and compare every byte
    #[command(after_help = help::below(["runner prove configs/baseline.toml", "runner prove configs/baseline.toml --kills 20 --seed 7"], help::COMPARING))]
    Prove(Prove),
    /// Run one experiment many times, with other values: grids, searches, seeds
    #[command(after_help = help::below(["runner sweep new learning-rate.toml --config configs/baseline.toml", "runner sweep run learning-rate.toml"], help::TRAINING))]
    #[command(subcommand)]
    Sweep(Sweep),
    /// Run one trial of a sweep; what launchers start
    #[command(hide = true)]
    SweepTask(SweepTask),
    /// Submit what comes next in a sweep on a Slurm cluster; what the collecting job runs
    #[command(hide = true)]
    SweepCollect(SweepCollect),
    /// Print what a few steps of a sweep's first trial cost, as JSON; what `sweep check` starts
    #[command(hide = true)]
    SweepMeasure(SweepMeasure),
    /// Print the script with which a shell completes commands, options, keys and the names of runs
    #[command(after_help = help::below(["runner completions bash > ~/.local/share/bash-completion/completions/runner", "runner completions fish > ~/.config/fish/completions/runner.fish"], help::LANGUAGE))]
    Completions(Completions),
    /// Write the manual pages, one for each command
    #[command(after_help = help::below(["runner man ~/.local/share/man/man1", "runner man man1 && man -l man1/runner-run.1"], help::LANGUAGE))]
    Man(Man),
}

const RESUME_VALUES: &str = "Values that may change on resume: training.epochs=22 (may only increase), checkpoint.*, device, and data.path if the same data have moved";

const EVALUATE_VALUES: &str = "Other images, data.path=DIR, and what else is to be different: keys of data, metrics and log, training.batch_size, device";
const FORK_VALUES: &str = "Values that replace the run's: any that leave the shapes of the network's parameters as they are";

const MOVED_VALUES: &str = "Where the run's data are now, if they have moved: data.path=DIR, data.train, data.eval, data.test";

/// Where runs are unless another folder is named.
pub const DEFAULT_OUT: &str = "experiments";

#[derive(Debug, Args)]
pub struct Out {
    /// The folder that holds the run directories
    #[arg(
        long,
        value_name = "DIR",
        default_value = DEFAULT_OUT,
        env = "RUNNER_OUT",
        hide_env_values = true
    )]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Threads {
    /// Number of compute threads; does not affect results [default: one per processor]
    #[arg(long, value_name = "N", env = "RUNNER_THREADS", hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// An experiment: its file, and values that override it.
#[derive(Debug, Args)]
pub struct Experiment {
    /// The experiment file, for example configs/baseline.toml
    pub config: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

#[derive(Debug, Args)]
pub struct Overrides {
    /// Values that override the file's, for example training.epochs=22; `key={unset=true}` removes a key
    #[arg(value_name = "KEY=VALUE")]
    values: Vec<String>,
    /// The same as an option; applied after the others
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

impl Overrides {
    /// In the order in which they apply.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.values.iter().chain(&self.set)
    }
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub experiment: Experiment,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    #[command(flatten)]
    pub tags: NewTags,
    /// Print only the path of the run directory
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Resume {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Print only the path of the run directory
    #[arg(short, long)]
    pub quiet: bool,
    /// Resume even if a different version of this program started the run; results may then differ
    #[arg(long)]
    pub allow_other_version: bool,
}

/// Which weights of a run are used, and where.
#[derive(Debug, Args)]
pub struct Use {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    /// The checkpoint whose weights are used: best, last, or a file [default: best, or last where the best is not there]
    #[arg(long, value_name = "best|last|FILE")]
    pub checkpoint: Option<Choice>,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Debug, Args)]
pub struct Predict {
    #[command(flatten)]
    pub of: Use,
    /// Images; folders, with all images below them; patterns such as 'photos/*.jpg'; CSV files with a column path; or - for
    /// one image or the paths of images, a line each, from standard input
    #[arg(required = true, value_name = "IMAGES")]
    pub images: Vec<PathBuf>,
    /// How many classes are told of each image, the most probable first
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub top: u16,
    /// Tell the probability of every class; with --csv or --json, and without --top
    #[arg(long, conflicts_with = "top")]
    pub probabilities: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print a JSON object a line, broken images among them
    #[arg(long)]
    pub json: bool,
    /// Also copy the images to this new folder, into a folder for each class
    #[arg(long, value_name = "DIR")]
    pub sort_into: Option<PathBuf>,
    /// What computes: cpu, cuda and other values of `device` [default: as the run's config says]
    #[arg(long, value_name = "DEVICE", value_parser = device())]
    pub device: Option<config::Device>,
}

#[derive(Debug, Args)]
pub struct Evaluate {
    #[command(flatten)]
    pub of: Use,
    #[command(flatten)]
    pub overrides: Overrides,
    /// The new folder for the results [default: one in the run's folder evaluations]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// Print only the path of the folder with the results
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Fork {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`; its newest checkpoint, or that of an epoch
    #[arg(value_name = "RUN[@EPOCH]")]
    pub run: String,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Print only the path of the new run directory
    #[arg(short, long)]
    pub quiet: bool,
    /// Begin without the state of the optimizer, which may then be another one
    #[arg(long)]
    pub fresh_optimizer: bool,
    #[command(flatten)]
    pub tags: NewTags,
}

#[derive(Debug, Args)]
pub struct Tag {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    /// Tags to add, as `+good`, and to take away, as `-bad`; options come before them
    #[arg(value_name = "+TAG|-TAG", allow_hyphen_values = true, value_parser = TagChange::parse)]
    pub changes: Vec<TagChange>,
    /// A text about the run, in place of the one before; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    #[command(flatten)]
    pub out: Out,
}

/// A tag that is added or taken away.
#[derive(Debug, Clone)]
pub enum TagChange {
    Add(String),
    Remove(String),
}

impl TagChange {
    fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("--") {
            return Err("options come before the tags".to_owned());
        }
        match text.split_at_checked(1) {
            Some(("+", tag)) => Ok(Self::Add(as_tag(tag)?)),
            Some(("-", tag)) => Ok(Self::Remove(as_tag(tag)?)),
            _ => Err(format!(
                "write +{text} to add the tag, -{text} to take it away"
            )),
        }
    }
}

/// A tag: a word that can stand in a list of them.
fn as_tag(text: &str) -> Result<String, String> {
    let is_word = |c: char| c.is_alphanumeric() || "._:/-".contains(c);
    match text.chars().all(is_word) && text.starts_with(char::is_alphanumeric) && text.len() <= 64 {
        true => Ok(text.to_owned()),
        false => Err(
            "a tag begins with a letter or a digit, has only letters, digits and . _ : / - in it, and at most 64 bytes"
                .to_owned(),
        ),
    }
}

/// Tags for a new run.
#[derive(Debug, Args)]
pub struct NewTags {
    /// A tag for the run; may be given several times
    #[arg(long, value_name = "TAG", value_parser = as_tag)]
    pub tag: Vec<String>,
}

/// Which runs are shown, and in which order.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only runs with this tag; if given several times, with all of them
    #[arg(long, value_name = "TAG")]
    pub tag: Vec<String>,
    /// Only runs for which this holds, for example "eval_accuracy > 0.95", of a column of --csv; if given several times, all of it
    #[arg(long = "where", value_name = "CONDITION", value_parser = Condition::parse)]
    pub conditions: Vec<Condition>,
    /// Only the last N of them
    #[arg(long, value_name = "N")]
    pub last: Option<NonZeroUsize>,
    /// Sort by a column of --csv, the highest number first, for example eval_accuracy [default: the oldest run
    /// first]
    #[arg(long, value_name = "COLUMN")]
    pub sort: Option<String>,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// Run directories, unique prefixes or suffixes of run names, `last`, globs, or metrics CSV files
    /// [default: all runs, if an option says which]
    #[arg(required_unless_present_any = ["tag", "conditions", "last"], value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub selection: Selection,
    /// The column of metrics.csv that decides which epoch is best
    #[arg(long, value_name = "COLUMN", default_value = "eval_accuracy")]
    pub by: String,
    /// Which runs count as one group: auto, those that differ in the seed alone; none; or those that share the values of
    /// these keys. Prints a row a group: mean, standard deviation, 95 % interval, best, worst
    #[arg(long, value_name = "auto|none|KEY,...")]
    pub group_by: Option<Grouping>,
    /// Test whether each run or group differs from the first one by more than chance, by --by in the last epoch
    #[arg(long)]
    pub tests: bool,
    /// List the images that one of two runs gets right and the other wrong
    #[arg(long, conflicts_with = "tests")]
    pub flips: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Diff {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub first: String,
    /// Another one
    pub second: String,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub out: Out,
    /// Only runs with this status; may be given several times
    #[arg(long, value_parser = word::<Status>())]
    pub status: Vec<Status>,
    #[command(flatten)]
    pub selection: Selection,
    /// Also show how much disk space each run takes
    #[arg(long)]
    pub sizes: bool,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// Run directories, unique prefixes or suffixes of run names, or `last` [default: all runs]
    #[arg(value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub out: Out,
    /// Keep the best checkpoint of each run too
    #[arg(long)]
    pub keep_best: bool,
    /// Only runs to which nothing has happened for so long: 45m, 12h, 30d, 8w
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub older_than: Option<Duration>,
    /// Remove whole runs that were never finished, in place of checkpoints
    #[arg(long, conflicts_with = "keep_best")]
    pub unfinished: bool,
    /// Only show what would be deleted
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// A duration in minutes, hours, days or weeks.
fn age(text: &str) -> Result<Duration, String> {
    let wrong = || "write a whole number with m, h, d or w behind it, for example 30d".to_owned();
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let minutes: u64 = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 24 * 60,
        'w' => 7 * 24 * 60,
        _ => return Err(wrong()),
    };
    let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(60 * minutes * u64::from(count)))
}

#[derive(Debug, Args)]
pub struct Remove {
    /// Run directories, unique prefixes or suffixes of run names, or `last`
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub out: Out,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct Show {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub out: Out,
    /// Print every value of the config, defaults and changes included
    #[arg(long)]
    pub config: bool,
}

#[derive(Debug, Args)]
pub struct Export {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    /// The format to write
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: ExportFormat,
    /// The file to write [default: the run's name, with the ending of the format, in this folder]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
    /// The checkpoint whose weights are written: best, last, or a file [default: best, or last where the best is not
    /// there]
    #[arg(long, value_name = "best|last|FILE")]
    pub checkpoint: Option<Choice>,
    /// Version of ONNX's operators, for --to onnx [default: 17]
    #[arg(long, value_name = "N")]
    pub opset: Option<u32>,
    /// Fold each batch norm into the convolution or linear layer before it, for --to onnx
    #[arg(long)]
    pub fold: bool,
    /// Take bytes of pixels in this order and give probabilities, for --to onnx [default: take what the network takes
    /// and give logits]
    #[arg(long, value_enum, value_name = "ORDER")]
    pub with_preprocessing: Option<PixelOrder>,
    /// Name the parameters as this library does, for --to safetensors
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub names: Option<NamesOf>,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ExportFormat {
    /// A graph with weights, for ONNX Runtime and many others
    Onnx,
    /// Weights alone
    Safetensors,
    /// A Python program with the network, and its weights beside it
    Pytorch,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum PixelOrder {
    /// Height, width, channels: Pillow, OpenCV
    Nhwc,
    /// Channels, height, width
    Nchw,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum NamesOf {
    /// Those of resnet18 and vgg11_bn in torchvision
    Torchvision,
    /// Those of resnet18 and vgg11_bn in timm
    Timm,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct Reproduce {
    /// A run directory, any unique prefix or suffix of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Print only the path of the new run directory
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Prove {
    #[command(flatten)]
    pub experiment: Experiment,
    /// Number of times the second run is killed
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub kills: u32,
    /// Seed from which the kill times are derived [default: a new one each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// The folder to write them to; created if it does not exist
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub experiment: Experiment,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Also train and evaluate two batches, write and verify the run, then delete it
    #[arg(long)]
    pub fast_dev_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum Sweep {
    /// Run the trials of a sweep file in a new sweep directory, or go on with those that were cut
    #[command(after_help = help::below(["runner sweep run sweeps/learning-rate.toml", "runner sweep run sweeps/learning-rate.toml training.epochs=3 --parallel 2"], help::TRAINING))]
    Run(SweepRun),
    /// Go on with a sweep: what is finished stays, what was cut continues from its checkpoint, what failed is tried again
    #[command(after_help = help::below(["runner sweep resume", "runner sweep resume learning-rate --parallel 1"], help::TRAINING))]
    Resume(SweepResume),
    /// Add what a sweep file has more than a sweep: values, points, seeds; then run it
    #[command(after_help = help::below(["runner sweep extend last sweeps/learning-rate.toml", "runner sweep extend learning-rate sweeps/learning-rate.toml --parallel 1"], help::TRAINING))]
    Extend(SweepExtend),
    /// Show what a sweep file will do: its trials, their time, memory and disk; makes nothing
    #[command(after_help = help::below(["runner sweep check sweeps/learning-rate.toml", "runner sweep check sweeps/learning-rate.toml training.epochs=3"], help::CHECKING))]
    Check(SweepCheck),
    /// Show how far a sweep is, and what its trials are doing
    #[command(after_help = help::below(["runner sweep status", "runner sweep status learning-rate"], help::RUNS))]
    Status(SweepStatus),
    /// Show the points of a sweep by their scores, or with --trials each trial
    #[command(after_help = help::below(["runner sweep show", "runner sweep show last --trials --csv"], help::RUNS))]
    Show(SweepShow),
    /// Print the best point of a sweep, and the run directories of its trials
    #[command(after_help = help::below(["runner sweep best", "runner sweep best learning-rate --quiet"], help::RUNS))]
    Best(SweepBest),
    /// Stop the trials of a sweep, their checkpoints written; `sweep resume` goes on with them
    #[command(after_help = help::below(["runner sweep cancel", "runner sweep cancel learning-rate"], help::RUNS))]
    Cancel(SweepCancel),
    /// List the sweeps, the oldest first
    #[command(after_help = help::below(["runner sweep list", "runner sweep list --json"], help::RUNS))]
    List(SweepList),
    /// Write a sweep file to start from
    #[command(after_help = help::below(["runner sweep new", "runner sweep new learning-rate.toml --config configs/baseline.toml"], help::LANGUAGE))]
    New(SweepNew),
    /// Print the JSON schema (draft 2019-09) of sweep files, for editors
    #[command(after_help = help::below(["runner sweep schema", "runner sweep schema > sweep.schema.json"], help::LANGUAGE))]
    Schema,
}

/// A sweep file, and values that override those of its experiment.
#[derive(Debug, Args)]
pub struct SweepFile {
    /// The sweep file, for example sweeps/learning-rate.toml
    pub file: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Where trials run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Launcher {
    Local,
    Slurm,
}

/// How trials are launched.
#[derive(Debug, Args)]
pub struct Launch {
    /// Where trials run: on this machine, or as jobs of a Slurm cluster, as `[launcher.slurm]` says [default: local, or
    /// where the sweep was begun]
    #[arg(long, value_enum)]
    pub launcher: Option<Launcher>,
    /// Trials at a time on this machine [default: `parallel` of the sweep file, else one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub parallel: Option<u16>,
    #[command(flatten)]
    pub threads: Threads,
    /// Print only the path of the sweep directory
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct SweepRun {
    #[command(flatten)]
    pub file: SweepFile,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub launch: Launch,
    /// Print the trials that would be run, or with --launcher slurm the scripts of their jobs, and make nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Begin a new sweep directory even if there is one with the same trials
    #[arg(long)]
    pub new: bool,
}

#[derive(Debug, Args)]
pub struct SweepResume {
    /// A sweep directory, any unique beginning or end of a sweep's name, or `last`
    #[arg(default_value = "last")]
    pub sweep: String,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub launch: Launch,
}

#[derive(Debug, Args)]
pub struct SweepExtend {
    /// A sweep directory, any unique beginning or end of a sweep's name, or `last`
    pub sweep: String,
    #[command(flatten)]
    pub file: SweepFile,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub launch: Launch,
}

#[derive(Debug, Args)]
pub struct SweepCheck {
    #[command(flatten)]
    pub file: SweepFile,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct SweepStatus {
    /// A sweep directory, any unique beginning or end of a sweep's name, or `last`
    #[arg(default_value = "last")]
    pub sweep: String,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct SweepShow {
    /// A sweep directory, any unique beginning or end of a sweep's name, or `last`
    #[arg(default_value = "last")]
    pub sweep: String,
    /// A row a trial, as trials.csv has them, instead of a row a point
    #[arg(long)]
    pub trials: bool,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SweepBest {
    /// A sweep directory, any unique beginning or end of a sweep's name, or `last`
    #[arg(default_value = "last")]
    pub sweep: String,
    /// Print only the run directory of the best point's best trial
    #[arg(short, long)]
    pub quiet: bool,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct SweepCancel {
    /// A sweep directory, any unique beginning or end of a sweep's name, or `last`
    #[arg(default_value = "last")]
    pub sweep: String,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct SweepList {
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct SweepNew {
    /// The file to create [default: stdout]
    pub path: Option<PathBuf>,
    /// The experiment file whose keys vary
    #[arg(long, value_name = "FILE", default_value = "configs/baseline.toml")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct SweepTask {
    /// The sweep directory
    pub sweep: PathBuf,
    /// The number of the trial
    #[arg(
        long,
        value_name = "N",
        requires = "until",
        required_unless_present = "tasks"
    )]
    pub trial: Option<usize>,
    /// The epoch that it is to get to
    #[arg(long, value_name = "EPOCH")]
    pub until: Option<u64>,
    /// The file of tasks of a submission, in the launcher's folder
    #[arg(
        long,
        value_name = "FILE",
        requires = "index",
        conflicts_with = "trial"
    )]
    pub tasks: Option<String>,
    /// Which of the tasks
    #[arg(long, value_name = "N")]
    pub index: Option<usize>,
    /// The process with whose end it stops
    #[arg(long, value_name = "PID")]
    pub parent: Option<u32>,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Debug, Args)]
pub struct SweepCollect {
    /// The sweep directory
    pub sweep: PathBuf,
}

#[derive(Debug, Args)]
pub struct SweepMeasure {
    #[command(flatten)]
    pub file: SweepFile,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the experiment with every value spelled out, as TOML that can be run
    #[command(after_help = help::below(["runner config show configs/baseline.toml --origins", "runner config show configs/baseline.toml training.epochs=22"], help::LANGUAGE))]
    Show(ConfigShow),
    /// Explain a key: its value, where it comes from, what it means and which values are valid
    #[command(after_help = help::below(["runner config explain training.epochs", "runner config explain training configs/baseline.toml"], help::LANGUAGE))]
    Explain(ConfigExplain),
    /// Print the JSON schema (draft 2019-09) of experiment files, for editors
    #[command(after_help = help::below(["runner config schema", "runner config schema > experiment.schema.json"], help::LANGUAGE))]
    Schema,
    /// Write an experiment file to start from, one that fits your images if you name them
    #[command(after_help = help::below(["runner config new --data my/images my.toml", "runner config new --all"], help::IMAGES))]
    New(ConfigNew),
}

#[derive(Debug, Subcommand)]
pub enum Data {
    /// List the image sets known by name, and which of them are already here
    #[command(after_help = help::below(["runner data list", "runner data list --json"], help::LANGUAGE))]
    List(DataList),
    /// Fetch a known image set from its public mirrors and verify it
    #[cfg(feature = "fetch")]
    #[command(after_help = help::below(["runner data fetch mnist", "runner data fetch fashion-mnist --to /data/fashion"], help::IMAGES))]
    Fetch(DataFetch),
    /// Show what is in a data set: counts, sizes, colours, class balance, duplicates, broken files
    #[command(after_help = help::below(["runner data inspect photos/", "runner data inspect configs/baseline.toml --augmented grid.png"], help::IMAGES))]
    Inspect(DataInspect),
    /// Write a data set as a folder tree of image files, one folder per class
    #[command(after_help = help::below(["runner data export data/digits digits-png", "runner data export data/digits digits-jpeg --as jpeg --quality 95"], help::IMAGES))]
    Export(DataExport),
}

#[derive(Debug, Args)]
pub struct DataExport {
    /// A folder or file that `data.path` could name
    pub path: PathBuf,
    /// The folder to create
    pub folder: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
    /// What kind of files to write
    #[arg(long, value_enum, default_value = "png")]
    pub r#as: ImageFormat,
    /// The quality of JPEG files
    #[arg(long, value_name = "1..100", default_value_t = 90,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// Format of the image files; auto: detected from the files
    #[arg(long, default_value = "auto", value_parser = word::<config::Format>())]
    pub format: config::Format,
}

/// Takes the words of the language that an enum has, and lists them in the help.
fn word<W: Word + Send + Sync>() -> impl TypedValueParser<Value = W> {
    let words = clap::builder::PossibleValuesParser::new(W::WORDS);
    words.map(|word| W::from_word(&word).expect("only the words of the enum come so far"))
}

fn device() -> impl TypedValueParser<Value = config::Device> {
    let words = clap::builder::NonEmptyStringValueParser::new();
    words.try_map(|word| {
        config::Device::from_word(&word).ok_or("use auto, cpu, flex, ndarray, cuda or cuda:1")
    })
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum ImageFormat {
    Jpeg,
    Png,
}

#[derive(Debug, Args)]
pub struct DataList {
    #[command(flatten)]
    pub format: Format,
}

#[cfg(feature = "fetch")]
#[derive(Debug, Args)]
pub struct DataFetch {
    /// A set that `runner data list` names, for example mnist
    pub name: String,
    /// The folder to write the files to [default: data/NAME]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// A URL that has the files, instead of the public mirrors; each file is at URL/FILE
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Print only the path of the folder
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct DataInspect {
    /// A folder or file that `data.path` could name, or an experiment file (.toml) that names one
    pub path: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
    /// Format of the image files; auto: detected from the files
    #[arg(long, default_value = "auto", value_parser = word::<config::Format>())]
    pub format: config::Format,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Draw training images of an experiment before and after augmentation, as a PNG file
    #[arg(long, value_name = "FILE")]
    pub augmented: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ConfigShow {
    #[command(flatten)]
    pub experiment: Experiment,
    /// Show next to each value where it comes from
    #[arg(long)]
    pub origins: bool,
}

#[derive(Debug, Args)]
pub struct ConfigExplain {
    /// A key, for example training.epochs, or a table, for example training; without one, all keys are listed
    pub key: Option<String>,
    /// The experiment file; without one, only what the key means
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
}

#[derive(Debug, Args)]
pub struct ConfigNew {
    /// The file to create [default: stdout]
    pub path: Option<PathBuf>,
    /// Fit the file to the images in this folder
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// The network
    #[arg(long, value_name = "NAME", value_parser = word::<config::Preset>())]
    pub preset: Option<config::Preset>,
    /// Write every key of the language, explained, those that may be left out in comments
    #[arg(long, conflicts_with_all = ["data", "preset"])]
    pub all: bool,
}

/// How a table is printed [default: aligned text].
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Format {
    /// Print CSV
    #[arg(long)]
    pub csv: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print a Markdown table
    #[arg(long)]
    pub markdown: bool,
}

impl Format {
    /// Whether the output is for programs or documents, not for reading in a terminal.
    pub fn is_for_programs(&self) -> bool {
        self.csv || self.json || self.markdown
    }
}
