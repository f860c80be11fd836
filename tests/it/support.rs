//! A folder of its own for each test, with a small real data set and the real binary.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use tempfile::TempDir;

/// A temporary folder with `data/` (the first digits of the bundled set), `tiny.toml` and room for runs.
pub struct Sandbox {
    folder: TempDir,
}

/// How a command ended.
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Trains in milliseconds, and has every kind of layer; 60 images in batches of 7 divide nothing.
pub const TINY: &str = r#"
name = "tiny"
seed = 1
[data]
path = "data"
scale = 0.00392156862745098
[training]
epochs = 3
batch_size = 7
learning_rate = 1e-2
[model]
input = [1, 28, 28]
layers = [
  { max_pool2d = { kernel_size = 2 } },
  { conv2d = { out_channels = 3, kernel_size = 3, stride = 2 } },
  "relu",
  "flatten",
  { dropout = { p = 0.25 } },
  { linear = { out_features = 10 } },
]
"#;

impl Sandbox {
    pub fn new() -> Self {
        let sandbox = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        sandbox.write("tiny.toml", TINY);
        sandbox.cut_data("data", 60, 30);
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Writes the first images and labels of the bundled digits into a folder, as plain IDX files.
    pub fn cut_data(&self, folder: &str, train: u32, eval: u32) {
        for (prefix, count) in [("train", train), ("t10k", eval)] {
            for (kind, header, size) in [("images-idx3", 16, 784), ("labels-idx1", 8, 1)] {
                let name = format!("{prefix}-{kind}-ubyte");
                let mut bytes = bundled(&format!("{name}.gz"));
                bytes.truncate(header + size * count as usize);
                bytes[4..8].copy_from_slice(&count.to_be_bytes());
                self.write(&format!("{folder}/{name}"), bytes);
            }
        }
    }

    /// The real binary, ready to run in the sandbox.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_runner"));
        command.args(arguments).current_dir(self.folder.path());
        // What is kept of image files stays in the sandbox too.
        command.env("XDG_CACHE_HOME", self.path("caches"));
        command
    }

    pub fn runner(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }

    /// `runner run tiny.toml -q` with overrides; gives the run directory, relative to the sandbox.
    pub fn run_tiny(&self, overrides: &[&str]) -> String {
        let arguments = [&["run", "tiny.toml", "-q"], overrides].concat();
        self.runner(&arguments).success().stdout.trim().to_owned()
    }
}

impl Outcome {
    pub fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    /// Checks the exit code, and that no panic reached the user.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        let told = format!("stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        assert_eq!(self.code, Some(expected), "{told}");
        assert!(!self.stderr.contains("panicked"), "{told}");
        self
    }

    #[track_caller]
    pub fn stdout_has(self, parts: &[&str]) -> Self {
        has(&self.stdout, parts);
        self
    }

    #[track_caller]
    pub fn stderr_has(self, parts: &[&str]) -> Self {
        has(&self.stderr, parts);
        self
    }
}

/// Every `NAME.toml` of a folder, given to a command that runs in `home`, is told on stderr as `NAME.expected` says, and
/// leaves no `made`. `UPDATE_EXPECTED=1 cargo test` writes the expected files anew: read what has changed in them.
#[track_caller]
pub fn all_are_told_as_expected(
    sandbox: &Sandbox,
    folder: &Path,
    home: &Path,
    command: &[&str],
    made: &Path,
) {
    let update = env::var_os("UPDATE_EXPECTED").is_some_and(|value| value == "1");
    let mut differences = String::new();
    for file in files(folder, "toml") {
        let name = file.file_name().unwrap().to_str().unwrap();
        let mut command = sandbox.command(&[command, &[name]].concat());
        let outcome = Outcome::of(command.current_dir(home)).code(2);
        assert_eq!(outcome.stdout, "", "{name}");
        assert!(!made.exists(), "{name} leaves something");
        let expected = file.with_extension("expected");
        if update {
            fs::write(&expected, &outcome.stderr).unwrap();
        }
        let expected = fs::read_to_string(&expected).unwrap_or_default();
        if expected != outcome.stderr {
            let told = outcome.stderr;
            differences += &format!("== {name} is told\n{told}== and not\n{expected}");
        }
    }
    assert!(differences.is_empty(), "{differences}");
    for expected in files(folder, "expected") {
        let file = expected.with_extension("toml");
        assert!(file.exists(), "{file:?} is missing");
    }
}

/// The files of a folder with this extension, in the order of their names.
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|it| it == extension))
        .collect();
    files.sort();
    files
}

#[track_caller]
fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

/// The unpacked content of one of the bundled files.
pub fn bundled(name: &str) -> Vec<u8> {
    let path = project().join("data/digits").join(name);
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(
        &mut GzDecoder::new(fs::File::open(path).unwrap()),
        &mut bytes,
    )
    .unwrap();
    bytes
}

/// The project's own folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
