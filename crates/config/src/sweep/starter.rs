//! A sweep file to start from.

/// The text of a sweep file over the experiment in `config`, a path relative to the file; `schema` is the line that
/// tells editors where the schema is.
pub fn sweep_template(file: &str, config: &str, schema: Option<&str>) -> String {
    let schema = schema.map_or_else(String::new, |line| format!("{line}\n"));
    let config = toml::Value::String(config.to_owned());
    format!(
        "{schema}\
# Question: which learning rate and batch size are best?
# What it will do: runner sweep check {file}
# Command:         runner sweep run {file}
config = {config} # the experiment, relative to this file

[parameters] # keys of the experiment, in quotes; all keys: runner config explain
\"training.learning_rate\" = {{ values = [3e-4, 1e-3, 3e-3, 1e-2] }}
\"training.batch_size\" = {{ values = [64, 256] }}
# Ranges:  \"training.learning_rate\" = {{ log_uniform = [1e-4, 1e-1] }} # also uniform, int_uniform, log_int
# Tables:  \"optimizer\" = {{ values = [\"adam\", {{ sgd = {{ momentum = 0.9 }} }}] }}
# Pairs:   \"training.batch_size, training.learning_rate\" = {{ values = [[64, 1e-3], [256, 2e-3]] }}
seeds = [1, 2] # each point is run with both, its score is the mean

[search]
grid = {{}} # every combination
# random = {{ trials = 20 }} # or sobol, tpe: for ranges
# halving = {{ eta = 3 }} # a third of the points trains three times as long, and so on

[objective]
monitor = \"eval_accuracy\" # of the last epoch; score = \"best\": of the best one

# [run]
# parallel = 2 # trials at a time; one a processor unless stated
"
    )
}
