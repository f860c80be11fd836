//! An experiment file to begin with: every key with its meaning, those that may be left out commented out.

use std::fmt::Write;

use crate::experiment::LANGUAGE;
use crate::language::info::{Fallback, KeyInfo, Kind};

/// Values for the keys that have no default, such that the whole trains on the bundled digits.
const VALUES: &[(&str, &str)] = &[
    ("seed", "1"),
    ("data.path", "\"data/digits\""),
    ("training.epochs", "5"),
    ("training.batch_size", "500"),
    ("training.learning_rate", "1e-3"),
    ("model.input", "[1, 28, 28]"),
    ("model.layers", LAYERS),
    ("extends", "\"baseline.toml\""),
    ("name", "\"my-experiment\""),
    ("data.train", "\"data/digits\""),
    ("data.eval", "\"data/digits\""),
    ("data.test", "\"data/digits\""),
    ("data.columns.path", "\"file_name\""),
    ("data.columns.label", "\"class_id\""),
    ("data.columns.split", "\"subset\""),
    (
        "data.classes",
        r#"["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]"#,
    ),
    ("data.validation", "0.1"),
    ("data.folds", "5"),
    ("data.fold", "1"),
    ("data.limit_train", "1000"),
    ("data.limit_eval", "500"),
    ("data.memory_limit", "4096"),
    ("data.resize", "[28, 28]"),
    ("data.center_crop", "[28, 28]"),
    ("data.normalize", "\"auto\""),
    ("schedule.step.step_size", "2.0"),
    ("schedule.multi_step.milestones", "[2.0, 4.0]"),
    ("schedule.exponential.gamma", "0.9"),
    ("schedule.cosine.t_max", "5.0"),
    ("schedule.cosine_restarts.t_0", "2.0"),
    ("schedule.one_cycle.total", "5.0"),
    ("schedule.noam.warmup", "1.0"),
    ("schedule.reduce_on_plateau.mode", "\"min\""),
    ("schedule.by", "\"epoch\""),
    ("training.clip_grad_norm", "1.0"),
    ("training.clip_grad_value", "0.5"),
    ("training.ema_decay", "0.999"),
    (
        "training.groups",
        "[{ match = \"layers.0.*\", learning_rate_scale = 0.1 }]",
    ),
    ("loss.cross_entropy.class_weights", "\"balanced\""),
    ("loss.focal.class_weights", "\"balanced\""),
    ("model.init.constant.value", "0.1"),
    ("model.weights", "\"experiments/latest\""),
    ("model.preset", "\"resnet8\""),
    ("model.width", "16"),
    ("model.classes", "10"),
    ("early_stop.mode", "\"min\""),
    ("early_stop.patience", "3"),
    ("checkpoint.mode", "\"max\""),
];

const LAYERS: &str = r#"[
  { conv2d = { out_channels = 16, kernel_size = 5 } },
  "relu",
  { max_pool2d = { kernel_size = 2 } },
  { conv2d = { out_channels = 64, kernel_size = 3 } },
  "relu",
  { max_pool2d = { kernel_size = 2 } },
  "flatten",
  { dropout = { p = 0.5 } },
  { linear = { out_features = 10 } }, # one per class
]"#;

/// The text of a file at `path`; `schema` is the line that tells editors where the schema is.
pub fn template(path: &str, schema: Option<&str>) -> String {
    let schema = schema.map_or_else(String::new, |schema| format!("{schema}\n"));
    let mut text = format!(
        "{schema}# Question: what should this experiment find out?\n\
         # Command:  runner run {path}\n\
         # Time:     how long does it take?\n\
         # Expect:   which result?\n\
         #\n\
         # Keys that are commented out are optional. The value shown is the default,\n\
         # unless it is marked as an example.\n\
         # More about a key: runner config explain training.epochs\n",
    );
    let (tables, values): (Vec<&KeyInfo>, Vec<&KeyInfo>) =
        LANGUAGE.0.iter().partition(|key| is_table(key));
    for key in values {
        write_value(&mut text, key, "", false);
    }
    for key in tables {
        write_table(&mut text, key, "", false);
    }
    text
}

fn is_table(key: &KeyInfo) -> bool {
    matches!(key.kind, Kind::Table(_) | Kind::Choice(_))
}

/// `is_out`: the table around it is commented out.
fn write_table(text: &mut String, key: &KeyInfo, prefix: &str, is_out: bool) {
    let path = format!("{prefix}{}", key.name);
    let is_out = is_out || key.default == Fallback::Nothing;
    let mark = if is_out { "# " } else { "" };
    let meaning = comment(key.meaning).join("\n");
    let _ = write!(text, "\n{meaning}\n{mark}[{path}]\n");
    let (tables, values): (Vec<&KeyInfo>, Vec<&KeyInfo>) =
        key.keys().iter().partition(|key| is_table(key));
    for key in values {
        write_value(text, key, &format!("{path}."), is_out);
    }
    for key in tables {
        write_table(text, key, &format!("{path}."), is_out);
    }
}

fn write_value(text: &mut String, key: &KeyInfo, prefix: &str, is_out: bool) {
    let path = format!("{prefix}{}", key.name);
    let value = VALUES.iter().find(|(known, _)| *known == path);
    let value = value.map(|(_, value)| *value);
    let (value, is_example) = match (key.default, value) {
        (Fallback::Value(default), _) => (default, false),
        (_, Some(value)) => (value, true),
        (_, None) => unreachable!("`{path}` has neither default nor example"),
    };
    // One way to name the data has to be there, and one to name the network.
    let is_needed = key.is_required() || ["data.path", "model.layers"].contains(&path.as_str());
    let is_needed = is_needed && !is_out;
    text.push('\n');
    for line in about(key) {
        let _ = writeln!(text, "{line}");
    }
    if is_needed {
        let _ = writeln!(text, "{} = {value}", key.name);
        return;
    }
    let note = if is_example { " # example" } else { "" };
    let _ = writeln!(text, "# {} = {value}{note}", key.name);
}

/// Comments: what the key is, and which values it takes.
fn about(key: &KeyInfo) -> Vec<String> {
    let unit = match key.unit {
        "" => String::new(),
        unit => format!(", in {unit}"),
    };
    let fallback = match key.default {
        Fallback::Derived { words, .. } => format!("; default: {words}"),
        _ => String::new(),
    };
    let mut lines = comment(key.meaning);
    lines.extend(comment(&format!("takes {}{unit}{fallback}", key.kind)));
    if let Kind::Tables(keys) = key.kind {
        let inside = keys.iter().flat_map(|key| {
            let about = format!("{}: {}; takes {}", key.name, key.meaning, key.kind);
            comment(&about)
        });
        lines.extend(inside);
    }
    lines
}

/// A text as the lines of one comment.
fn comment(text: &str) -> Vec<String> {
    let options = textwrap::Options::new(79)
        .initial_indent("# ")
        .subsequent_indent("#   ")
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options).into_iter();
    lines.map(String::from).collect()
}
