//! The command line: types only.
#![allow(missing_docs, reason = "doc comments are the help texts")]

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, Parser, Subcommand};

use crate::config::{self, Word};

/// Trains a network that a TOML file declares, and leaves a directory that says everything about the run.
#[derive(Debug, Parser)]
#[command(name = "runner", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train what a config file declares, in a new run directory
    Run(Run),
    /// Say all that can be known of a run before it is made: layers, data, time, memory, disk
    Check(Check),
    /// Show an experiment in full, say where its values come from, or begin a new one
    #[command(subcommand)]
    Config(Config),
    /// List the data sets that can be had, fetch one, look into one
    #[command(subcommand)]
    Data(Data),
    /// Go on with a run from its newest checkpoint, or extend a finished one
    #[command(mut_arg("values", |values| values.help(RESUME_VALUES)))]
    Resume(Resume),
    /// Set runs side by side: metrics, and the config keys in which they differ
    Compare(Compare),
    /// List the runs, oldest first
    List(List),
    /// Show one run in full
    Show(Show),
    /// Check that a run directory is what the program wrote: every digest, every file against the others
    Verify(Verify),
    /// Train a run again from its directory alone and compare every epoch
    Reproduce(Reproduce),
    /// Run a config once in peace and once killed at random moments, and compare every byte
    Prove(Prove),
}

const RESUME_VALUES: &str =
    "Values that may change on the way: training.epochs=22 (upward), checkpoint.*, device";

#[derive(Debug, Args)]
pub struct Out {
    /// The folder that holds the run directories
    #[arg(long, value_name = "DIR", default_value = "experiments")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
pub struct Threads {
    /// The number of threads that compute; changes no result [default: one a processor]
    #[arg(long, value_name = "N", env = "RUNNER_THREADS", hide_env_values = true,
          value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
}

/// An experiment: its file, and what is said in place of the file.
#[derive(Debug, Args)]
pub struct Experiment {
    /// The experiment file, for example configs/baseline.toml
    pub config: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
}

#[derive(Debug, Args)]
pub struct Overrides {
    /// Values in place of the file's, for example training.epochs=22; `key={unset=true}` takes one away
    #[arg(value_name = "KEY=VALUE")]
    values: Vec<String>,
    /// The same as an option; comes after the others
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
    /// Print the run directory's path and nothing else
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Resume {
    /// A run directory, the beginning of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub overrides: Overrides,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Print the run directory's path and nothing else
    #[arg(short, long)]
    pub quiet: bool,
    /// Go on although another version of this program began the run; results may then differ
    #[arg(long)]
    pub allow_other_version: bool,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// Run directories, beginnings of run names, `last`, globs, or metrics CSV files
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub out: Out,
    /// The column of metrics.csv that says which epoch is best
    #[arg(long, value_name = "COLUMN", default_value = "eval_accuracy")]
    pub by: String,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub format: Format,
}

#[derive(Debug, Args)]
pub struct Show {
    /// A run directory, the beginning of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct Verify {
    /// A run directory, the beginning of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub out: Out,
}

#[derive(Debug, Args)]
pub struct Reproduce {
    /// A run directory, the beginning of a run's name, or `last`
    pub run: String,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Print the new run directory's path and nothing else
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct Prove {
    #[command(flatten)]
    pub experiment: Experiment,
    /// How often the second run is killed
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub kills: u32,
    /// The moments of death follow from this number; another one each time unless stated
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
}

#[derive(Debug, Args)]
pub struct Check {
    #[command(flatten)]
    pub experiment: Experiment,
    #[command(flatten)]
    pub out: Out,
    #[command(flatten)]
    pub threads: Threads,
    /// Also train and evaluate two batches, write and verify the run, and throw it away
    #[arg(long)]
    pub fast_dev_run: bool,
}

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the experiment with every value spelled out, as TOML that can be run
    Show(ConfigShow),
    /// Say of a key what its value is, where it comes from, what it means and which values it takes
    Explain(ConfigExplain),
    /// Print the JSON schema (draft 2019-09) of experiment files, for editors
    Schema,
    /// Write an experiment file to begin with, for your images if you name them
    New(ConfigNew),
}

#[derive(Debug, Subcommand)]
pub enum Data {
    /// List the image sets that are known by name, and which of them are here
    List(DataList),
    /// Fetch a known image set from its public mirrors and check it
    #[cfg(feature = "fetch")]
    Fetch(DataFetch),
    /// Say what is in a data set: counts, sizes, colours, class balance, duplicates, broken files
    Inspect(DataInspect),
    /// Write a data set as a folder tree of image files, a folder a class
    Export(DataExport),
}

#[derive(Debug, Args)]
pub struct DataExport {
    /// A folder or file that `data.path` could name
    pub path: PathBuf,
    /// The folder to make
    pub folder: PathBuf,
    /// What kind of files to write
    #[arg(long, value_enum, default_value = "png")]
    pub r#as: ImageFormat,
    /// The quality of JPEG files
    #[arg(long, value_name = "1..100", default_value_t = 90,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub quality: u8,
    /// What kind of files the images are in; seen from what is there unless stated
    #[arg(long, default_value = "auto", value_parser = word::<config::Format>())]
    pub format: config::Format,
}

/// Takes the words of the language that an enum has, and lists them in the help.
fn word<W: Word + Send + Sync>() -> impl TypedValueParser<Value = W> {
    let words = clap::builder::PossibleValuesParser::new(W::WORDS);
    words.map(|word| W::from_word(&word).expect("only the words of the enum come so far"))
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
    /// The folder that gets the files [default: data/NAME]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,
    /// An address that has the files, in place of the public ones; a file is URL/FILE
    #[arg(long, value_name = "URL")]
    pub mirror: Option<String>,
    /// Print the folder's path and nothing else
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct DataInspect {
    /// A folder or file that `data.path` could name, or an experiment file (.toml) that names one
    pub path: PathBuf,
    #[command(flatten)]
    pub overrides: Overrides,
    /// What kind of files the images are in; seen from what is there unless stated
    #[arg(long, default_value = "auto", value_parser = word::<config::Format>())]
    pub format: config::Format,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Draw training images of an experiment as they are and as augmentation makes them, as a PNG file
    #[arg(long, value_name = "FILE")]
    pub augmented: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ConfigShow {
    #[command(flatten)]
    pub experiment: Experiment,
    /// Say at each value where it comes from
    #[arg(long)]
    pub origins: bool,
}

#[derive(Debug, Args)]
pub struct ConfigExplain {
    /// A key, for example training.epochs, or a table, for example training
    pub key: String,
    /// The experiment file; without one, only what the key means
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub overrides: Overrides,
}

#[derive(Debug, Args)]
pub struct ConfigNew {
    /// The file to make; stdout unless stated
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

/// How a table is printed; an aligned one for reading unless stated.
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
