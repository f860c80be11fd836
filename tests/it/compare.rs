//! `runner compare` and `runner list`: what they say agrees with the files.

use runner::table::{Cell, Column, Style, Table};

use crate::run::latest;
use crate::support::Sandbox;

/// The JSON of a comparison.
fn compare(sandbox: &Sandbox, arguments: &[&str]) -> Vec<serde_json::Value> {
    let arguments = [&["compare", "--json"], arguments].concat();
    let outcome = sandbox.runner(&arguments).success();
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn shows_last_and_best_epoch_and_only_the_keys_that_differ() {
    let sandbox = Sandbox::new();
    let first = sandbox.run_tiny(&[]);
    let second = sandbox.run_tiny(&["training.epochs=5", "model.layers[4].dropout.p=0.5"]);
    let rows = compare(&sandbox, &[&first, &second]);
    assert_eq!(rows.len(), 2);
    for (row, run) in rows.iter().zip([&first, &second]) {
        assert_eq!(
            format!("experiments/{}", row["run"].as_str().unwrap()),
            **run
        );
        assert_eq!(row["status"], "finished");
        let metrics = sandbox.read(&format!("{run}/metrics.csv"));
        let mut reader = csv::Reader::from_reader(metrics.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let cell = |row: &csv::StringRecord, column: &str| -> f64 {
            let index = header.iter().position(|name| name == column).unwrap();
            row[index].parse().unwrap()
        };
        let last = rows.last().unwrap();
        // The first of the highest, found in the plainest way.
        let mut best = &rows[0];
        for candidate in &rows {
            if cell(candidate, "eval_accuracy") > cell(best, "eval_accuracy") {
                best = candidate;
            }
        }
        for column in [
            "epoch",
            "eval_loss",
            "eval_accuracy",
            "eval_f1",
            "eval_recall",
        ] {
            // The JSON reader of the test may be off by the last bit.
            let near = |name: &str, expected: f64| {
                let found = row[name].as_f64().unwrap();
                assert!((found - expected).abs() < 1e-12, "{name}: {found}");
            };
            near(column, cell(last, column));
            near(&format!("best_{column}"), cell(best, column));
        }
    }
    let keys: Vec<&String> = rows[0]
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| key.contains('.'))
        .collect();
    assert_eq!(keys, ["model.layers[4].dropout.p", "training.epochs"]);
    assert_eq!(rows[0]["training.epochs"], 3);
    assert_eq!(rows[1]["model.layers[4].dropout.p"], 0.5);
}

/// Red where readers get every option of layers that have no counterpart.
#[test]
fn of_other_networks_the_size_is_read_and_every_option_is_for_programs() {
    let sandbox = Sandbox::new();
    let first = sandbox.run_tiny(&["training.epochs=1"]);
    let linear = "model.layers=['flatten',{linear={out_features=10}}]";
    let second = sandbox.run_tiny(&["training.epochs=1", "seed=2", linear]);
    let rows = compare(&sandbox, &[&first, &second]);
    assert_eq!(rows[0]["parameters"], 1120);
    assert_eq!(rows[1]["parameters"], 7850);
    assert_eq!(rows[1]["model.layers[1].linear.out_features"], 10);
    let read = sandbox.runner(&["compare", &first, &second]).success();
    assert!(!read.stdout.contains("model.layers"), "{}", read.stdout);
    read.stdout_has(&["parameters", "1120", "7850", "seed"]);
    // The same layers with other values.
    let third = sandbox.run_tiny(&["training.epochs=1", "model.layers[4].dropout.p=0.5"]);
    let read = sandbox.runner(&["compare", &first, &third]).success();
    assert!(!read.stdout.contains("parameters"), "{}", read.stdout);
    read.stdout_has(&["dropout.p"]);
}

#[test]
fn takes_globs_bare_files_prefixes_and_what_a_shell_expands() {
    let sandbox = Sandbox::new();
    let first = sandbox.run_tiny(&[]);
    sandbox.run_tiny(&["training.epochs=2", "seed=2"]);
    sandbox.write("experiments/README.md", "no run");
    assert_eq!(compare(&sandbox, &["experiments/*"]).len(), 2);
    assert_eq!(compare(&sandbox, &["experiments/2*-tiny-*"]).len(), 2);
    assert_eq!(
        compare(&sandbox, &["last", "experiments/latest", &first]).len(),
        2
    );
    let shell = ["experiments/README.md", "experiments/latest", &first];
    let outcome = sandbox
        .runner(&[&["compare"], &shell[..]].concat())
        .success();
    assert!(outcome.stderr.contains("skipped"), "{}", outcome.stderr);

    let file = format!("{first}/metrics.csv");
    let rows = compare(&sandbox, &[&file, &first]);
    assert_eq!(rows[0]["run"], file);
    assert_eq!(rows[0]["status"], serde_json::Value::Null);
    assert_eq!(rows[0]["eval_f1"], rows[1]["eval_f1"]);
}

#[test]
fn an_unfinished_run_is_compared_as_far_as_it_came() {
    let sandbox = Sandbox::new();
    let whole = sandbox.run_tiny(&[]);
    let cut = sandbox.run_tiny(&[]);
    std::fs::remove_file(sandbox.path(&cut).join("result.json")).unwrap();
    let metrics = sandbox.read(&format!("{cut}/metrics.csv"));
    let two_rows: Vec<&str> = metrics.lines().take(3).collect();
    // The third row is just being written.
    sandbox.write(
        &format!("{cut}/metrics.csv"),
        two_rows.join("\n") + "\n3,27,0.0",
    );
    let rows = compare(&sandbox, &[&whole, &cut]);
    assert_eq!(rows[1]["status"], "interrupted");
    assert_eq!(rows[1]["epoch"], 2);
    assert_eq!(rows[0]["epoch"], 3);

    sandbox.write(
        &format!("{cut}/metrics.csv"),
        metrics.lines().next().unwrap().to_owned() + "\n",
    );
    let rows = compare(&sandbox, &[&whole, &cut]);
    assert_eq!(rows[1]["best_epoch"], serde_json::Value::Null);
    sandbox.runner(&["list"]).success();
    sandbox.runner(&["show", &cut]).success();
}

// Seen red with the last row of every file without a final newline left out, and with events cut off by the next one.
#[test]
fn a_last_row_without_its_newline_counts_unless_it_may_be_torn() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let metrics = sandbox.read(&format!("{run}/metrics.csv"));
    let whole = metrics.trim_end();
    sandbox.write("whole.csv", &metrics);
    sandbox.write("editor.csv", whole);
    sandbox.write("spreadsheet.csv", format!("\u{feff}{whole}"));
    let rows = compare(&sandbox, &["whole.csv", "editor.csv", "spreadsheet.csv"]);
    assert_eq!(rows[0]["epoch"], 3);
    for row in &rows[1..] {
        assert_eq!(row["epoch"], rows[0]["epoch"]);
        assert_eq!(row["eval_loss"], rows[0]["eval_loss"]);
        assert_eq!(row["best_epoch"], rows[0]["best_epoch"]);
    }

    // In a run the newest checkpoint decides: the last number could be cut.
    std::fs::remove_file(sandbox.path(&run).join("result.json")).unwrap();
    let file = format!("{run}/metrics.csv");
    for (text, epochs) in [(whole, 3), (&whole[..whole.len() - 1], 2)] {
        sandbox.write(&file, text);
        assert_eq!(compare(&sandbox, &[&run])[0]["epoch"], epochs);
        assert_eq!(compare(&sandbox, &[&file])[0]["epoch"], epochs);
        let listed = sandbox.runner(&["list", "--csv"]).success().stdout;
        assert!(listed.contains(&format!(",{epochs},")), "{listed}");
        let shown = sandbox.runner(&["show", &run]).success().stdout;
        let row = shown
            .lines()
            .any(|line| line.trim_start().starts_with("3 "));
        assert_eq!(row, epochs == 3, "{shown}");
    }

    // What the run writes next leaves the lines before it.
    let [events, timing] = ["events.jsonl", "timing.csv"].map(|name| format!("{run}/{name}"));
    let before = [&events, &timing].map(|file| sandbox.read(file));
    for (file, text) in [&events, &timing].into_iter().zip(&before) {
        sandbox.write(file, text.trim_end());
    }
    sandbox
        .runner(&["resume", &run, "training.epochs=4"])
        .success();
    for (file, text) in [&events, &timing].into_iter().zip(&before) {
        let after = sandbox.read(file);
        assert!(after.starts_with(text.as_str()), "{after}");
        assert!(!after.contains("\n\n"), "{after}");
    }
    sandbox.runner(&["verify", &run]).success();
}

#[test]
fn every_format_holds_the_same_cells() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let other = sandbox.run_tiny(&["seed=9"]);
    let print = |format: &str| {
        let arguments = ["compare", format, &run, &other];
        sandbox.runner(&arguments).success().stdout
    };
    let csv = print("--csv");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    assert_eq!(header.last().unwrap(), "seed");
    let json: Vec<serde_json::Value> = serde_json::from_str(&print("--json")).unwrap();
    for (record, object) in reader.records().zip(&json) {
        for (name, cell) in header.iter().zip(&record.unwrap()) {
            match &object[name] {
                serde_json::Value::String(text) => assert_eq!(text, cell),
                number => assert_eq!(number.as_f64(), cell.parse().ok()),
            }
        }
    }
    let markdown = print("--markdown");
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[1].chars().all(|c| matches!(c, '|' | '-')),
        "{markdown}"
    );
    for line in lines {
        assert_eq!(line.matches('|').count(), header.len() + 1);
    }
}

#[test]
fn a_broken_csv_is_named_with_line_and_column() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let good = sandbox.read(&format!("{run}/metrics.csv"));
    let value = good.lines().nth(2).unwrap().split(',').nth(3).unwrap();
    sandbox.write("word.csv", good.replacen(value, "many", 1));
    sandbox.write("ragged.csv", good.replacen(value, "0,0", 1));
    sandbox.write("other.csv", "a,b\n1,2\n");
    sandbox.write("empty.csv", "");
    for (file, parts) in [
        ("word.csv", ["line 3", "`train_loss`", "many"]),
        ("ragged.csv", ["line 3", "20 cells", "19"]),
        ("other.csv", ["line 1", "epoch", "not a metrics file"]),
        ("empty.csv", ["line 1", "epoch", "not a metrics file"]),
    ] {
        sandbox
            .runner(&["compare", file])
            .code(5)
            .stderr_has(&parts)
            .stderr_has(&[file]);
    }
    sandbox.runner(&["compare", "missing.csv"]).code(2);
    sandbox.runner(&["compare", "missing-*"]).code(2);
    sandbox
        .runner(&["compare", "data"])
        .code(5)
        .stderr_has(&["data", "neither a run"]);
    sandbox
        .runner(&["compare", &run, "--by", "beauty"])
        .code(2)
        .stderr_has(&["eval_f1"]);
}

#[test]
fn best_is_lowest_for_a_loss() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let row = &compare(&sandbox, &[&run, "--by", "train_loss"])[0];
    assert_eq!(row["best_epoch"], 3, "the training loss falls");
}

#[test]
fn list_survives_a_damaged_run_and_an_empty_folder() {
    let sandbox = Sandbox::new();
    sandbox
        .runner(&["list"])
        .success()
        .stderr_has(&["no runs in experiments"]);
    let run = sandbox.run_tiny(&[]);
    let damaged = sandbox.run_tiny(&[]);
    sandbox.write(&format!("{damaged}/run.json"), "{");
    let outcome = sandbox.runner(&["list", "--csv"]).success();
    assert_eq!(outcome.stdout.lines().count(), 2);
    assert!(outcome.stderr.contains(&damaged));
    assert_eq!(latest(&sandbox), run);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    sandbox.run_tiny(&[]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = sandbox.command(&["list"]).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(0));
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = sandbox.command(&["list"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(74));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot write to stdout"), "{stderr}");
}

#[test]
fn a_table_wider_than_the_terminal_is_turned_and_loses_nothing() {
    let columns = vec![
        Column::new("run"),
        Column::headed("score", "the\nscore"),
        Column::for_programs("hidden"),
    ];
    let rows = (0..7).map(|index| {
        vec![
            Cell::Text(format!("20261124-05460{index}-baseline-husz")),
            Cell::Number(f64::from(index)),
            Cell::Text("secret".to_owned()),
        ]
    });
    let table = Table {
        columns,
        rows: rows.collect(),
    };
    let wide = table.render(Style::Reading { width: Some(80) });
    assert_eq!(wide.lines().count(), 2 + 7, "{wide}");
    for width in [20, 40, 60] {
        // One column is never cut: the narrowest needs the names and one run.
        let turned = table.render(Style::Reading { width: Some(width) });
        let widest = turned
            .lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap();
        assert!(widest <= usize::from(width).max(25), "{turned}");
        for index in 0..7 {
            assert!(turned.contains(&format!("05460{index}-")), "{turned}");
            assert!(turned.contains(&format!("{index}.0000")), "{turned}");
        }
        assert!(
            turned.contains("husz") && !turned.contains("secret"),
            "{turned}"
        );
    }
}

/// Red where names of runs are broken into parts of up to 18 characters.
#[test]
fn four_runs_are_compared_in_eighty_columns() {
    let names = [
        "run",
        "status",
        "eval_accuracy",
        "best_eval_accuracy",
        "training.learning_rate",
        "optimizer.sgd.momentum",
    ];
    let rows = (0..4).map(|index| {
        let mut row = vec![
            Cell::Text(format!("20261124-05460{index}-fashion-mnist-husz")),
            Cell::Text("interrupted".to_owned()),
        ];
        row.resize(names.len(), Cell::Number(0.5));
        row
    });
    let table = Table {
        columns: names.map(Column::new).to_vec(),
        rows: rows.collect(),
    };
    let turned = table.render(Style::Reading { width: Some(80) });
    let status = turned
        .lines()
        .find(|line| line.starts_with("status"))
        .unwrap();
    assert_eq!(status.matches("interrupted").count(), 4, "{turned}");
    assert!(
        turned.lines().all(|line| line.chars().count() <= 80),
        "{turned}"
    );
}

#[test]
fn json_has_a_line_for_each_cell_whatever_is_inside() {
    let mut table = Table {
        columns: ["text", "count", "number", "array", "date", "none", "nan"]
            .map(Column::new)
            .to_vec(),
        rows: vec![vec![
            Cell::Text("a \"b\"".to_owned()),
            Cell::Count(3),
            Cell::Number(1.0),
            Cell::Toml("[3, [0.5, \"x\"]]".to_owned()),
            Cell::Toml("2026-01-01".to_owned()),
            Cell::Empty,
            Cell::Number(f64::NAN),
        ]],
    };
    let row = "  {\n    \"text\": \"a \\\"b\\\"\",\n    \"count\": 3,\n    \"number\": 1.0,\n    \
               \"array\": [3,[0.5,\"x\"]],\n    \"date\": \"2026-01-01\",\n    \"none\": null,\n    \
               \"nan\": null\n  }";
    table.rows.push(table.rows[0].clone());
    assert_eq!(table.render(Style::Json), format!("[\n{row},\n{row}\n]\n"));
    table.rows.clear();
    assert_eq!(table.render(Style::Json), "[\n\n]\n");
}

/// One run of each kind. Red without the filter, and with the rows in the order of the runs.
#[test]
fn list_filters_sorts_and_says_why() {
    let sandbox = Sandbox::new();
    let finished = sandbox.run_tiny(&["training.epochs=1"]);
    let better = sandbox.run_tiny(&["training.epochs=8"]);
    let diverged = sandbox.runner(&["run", "tiny.toml", "-q", "training.learning_rate=3e37"]);
    let told = diverged.code(6);
    let diverged = told.stdout.trim().to_owned();
    assert!(
        told.stderr.contains(&format!("the run: {diverged}")),
        "{}",
        told.stderr
    );
    let killed = sandbox.run_tiny(&["training.epochs=1"]);
    std::fs::remove_file(sandbox.path(&killed).join("result.json")).unwrap();
    let events = sandbox.read(&format!("{killed}/events.jsonl"));
    let begun = events.lines().next().unwrap();
    sandbox.write(&format!("{killed}/events.jsonl"), format!("{begun}\n"));
    let stopped = sandbox.run_tiny(&["training.epochs=1"]);
    std::fs::remove_file(sandbox.path(&stopped).join("result.json")).unwrap();
    let line = r#"{"time":"2026-01-01T00:00:00Z","event":"stopped","step":9,"reason":"SIGTERM"}"#;
    sandbox.write(
        &format!("{stopped}/events.jsonl"),
        format!("{begun}\n{line}\n"),
    );

    let list = |arguments: &[&str]| -> Vec<(String, String)> {
        let arguments = [&["list", "--json"], arguments].concat();
        let text = sandbox.runner(&arguments).success().stdout;
        let rows: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        rows.iter()
            .map(|row| {
                (
                    format!("experiments/{}", text(&row["run"])),
                    text(&row["note"]),
                )
            })
            .collect()
    };
    let failed = list(&["--status", "failed"]);
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0, diverged);
    assert!(
        failed[0].1.starts_with("diverged in epoch 1, step 2"),
        "{failed:?}"
    );
    let cut = list(&["--status", "interrupted"]);
    let killed_note = (killed.clone(), "killed".to_owned());
    let stopped_note = (
        stopped.clone(),
        "stopped by SIGTERM after step 9".to_owned(),
    );
    assert_eq!(cut, [killed_note, stopped_note]);
    let both = list(&["--status", "failed", "--status", "finished"]);
    let names: Vec<&String> = both.iter().map(|(run, _)| run).collect();
    assert_eq!(names, [&finished, &better, &diverged]);
    let sorted = list(&["--sort", "eval_accuracy"]);
    assert_eq!(sorted[0].0, better);
    assert_eq!(
        sorted.last().unwrap().0,
        diverged,
        "what has no value comes last"
    );
    let by_name = list(&["--sort", "run"]);
    assert!(by_name.is_sorted_by(|(a, _), (b, _)| a < b), "{by_name:?}");
    sandbox
        .runner(&["list", "--sort", "beauty"])
        .code(2)
        .stderr_has(&["best_eval_accuracy"]);
    sandbox
        .runner(&["list", "--status", "dead"])
        .code(2)
        .stderr_has(&["interrupted"]);
    let none = sandbox.runner(&["list", "--status", "running"]).success();
    none.stderr_has(&["no running runs in experiments; it has 5 runs in all"]);
}

/// Red where only `show` has them.
#[test]
fn list_and_compare_have_the_scores_of_test_images() {
    let sandbox = Sandbox::new();
    let plain = sandbox.run_tiny(&["training.epochs=1"]);
    let heading = sandbox.runner(&["list"]).success().stdout;
    assert!(!heading.contains("test"), "{heading}");
    sandbox.cut_data("other", 60, 40);
    let tested = sandbox.run_tiny(&["training.epochs=1", "data.test=other"]);
    let result: serde_json::Value =
        serde_json::from_str(&sandbox.read(&format!("{tested}/result.json"))).unwrap();
    let rows = compare(&sandbox, &[&plain, &tested]);
    assert_eq!(rows[0]["test_accuracy"], serde_json::Value::Null);
    for score in ["accuracy", "precision", "recall", "f1"] {
        assert_eq!(rows[1][format!("test_{score}")], result["test"][score]);
    }
    let accuracy = format!("{:.4}", result["test"]["accuracy"].as_f64().unwrap());
    for arguments in [
        &["list"][..],
        &["compare", &plain, &tested],
        &["show", &tested],
    ] {
        sandbox
            .runner(arguments)
            .success()
            .stdout_has(&["test", &accuracy]);
    }
}

/// A table of long rows with remarks. Red where the table is transposed for its remarks alone.
#[test]
fn remarks_stand_below_their_rows_where_lines_get_too_long() {
    let row = |run: &str, note: Cell| vec![Cell::Text(run.to_owned()), Cell::Count(5), note];
    let note =
        "diverged in epoch 1, step 2: the loss is not finite, and nobody knows why it is not";
    let table = Table {
        columns: vec![
            Column::new("run"),
            Column::new("epoch"),
            Column::notes("note"),
        ],
        rows: vec![
            row("one", Cell::Empty),
            row("other", Cell::Text(note.to_owned())),
        ],
    };
    let read = |width| table.render(Style::Reading { width });
    assert_eq!(
        read(Some(40)),
        "run    epoch\n\
         one        5\n\
         other      5\n\
         \x20 diverged in epoch 1, step 2: the loss\n\
         \x20   is not finite, and nobody knows why\n\
         \x20   it is not\n"
    );
    assert_eq!(read(None).lines().count(), 3);
    let table = Table {
        rows: vec![row("one", Cell::Empty)],
        ..table
    };
    assert_eq!(
        table.render(Style::Reading { width: None }),
        "run  epoch\none      5\n"
    );
}

/// Red where the table is transposed as soon as a line gets too long.
#[test]
fn a_list_stays_a_list_in_eighty_columns() {
    let columns = [
        "run", "status", "epoch", "of", "eval acc", "best", "at epoch", "test acc",
    ];
    let mut columns = columns.map(Column::new).to_vec();
    columns.push(Column::notes("note"));
    let row = |index: u64, note: Cell| {
        let mut row = vec![
            Cell::Text(format!("20261124-05460{index}-fashion-mnist-husz")),
            Cell::Text("interrupted".to_owned()),
            Cell::Count(5),
            Cell::Count(9),
        ];
        row.resize(8, Cell::Number(0.5));
        row.push(note);
        row
    };
    let rows = vec![row(0, Cell::Text("killed".to_owned())), row(1, Cell::Empty)];
    let text = Table { columns, rows }.render(Style::Reading { width: Some(80) });
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    assert_eq!(lines.len(), 7, "{text}");
    assert_eq!(lines[0], "run");
    assert!(lines[1].starts_with("  status"), "{text}");
    assert_eq!(lines[2], "20261124-054600-fashion-mnist-husz");
    assert!(lines[3].starts_with("  interrupted"), "{text}");
    assert_eq!(lines[4], "    killed", "{text}");
}

/// Red where all digits are read; programs get them.
#[test]
fn values_of_a_config_are_rounded_for_reading() {
    let cells = [
        "0.00392156862745098",
        "[0.30381372549, 1, \"a\"]",
        "\"a\"",
        "1e-3",
    ];
    let table = Table {
        columns: ["a", "b", "c", "d"].map(Column::new).to_vec(),
        rows: vec![cells.map(|text| Cell::Toml(text.to_owned())).to_vec()],
    };
    let read = table.render(Style::Reading { width: None });
    let row = read.lines().nth(1).unwrap();
    let words: Vec<&str> = row.split("  ").filter(|it| !it.is_empty()).collect();
    assert_eq!(words, ["0.00392157", "[0.303814, 1, \"a\"]", "a", "0.001"]);
    assert!(table.render(Style::Csv).contains("0.00392156862745098"));
}
