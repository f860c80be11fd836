//! The ndarray backend, where it is compiled in: trains, resumes exactly, starts where flex starts.

use crate::support::Sandbox;

#[test]
fn ndarray_resumes_exactly_and_stays_near_flex() {
    let sandbox = Sandbox::new();
    let metrics = |run: &str| sandbox.read(&format!("{run}/metrics.csv"));
    let whole = sandbox.run_tiny(&["device=ndarray"]);
    let extended = sandbox.run_tiny(&["device=ndarray", "training.epochs=1"]);
    sandbox
        .runner(&["resume", &extended, "training.epochs=3"])
        .success();
    assert_eq!(metrics(&whole), metrics(&extended));

    let flex = sandbox.run_tiny(&["device=flex"]);
    let losses = |run: &str| -> Vec<f64> {
        let text = metrics(run);
        let rows = text.lines().skip(1);
        rows.map(|row| row.split(',').nth(3).unwrap().parse().unwrap())
            .collect()
    };
    for (ours, theirs) in losses(&whole).into_iter().zip(losses(&flex)) {
        assert!((ours - theirs).abs() < 1e-3, "{ours} and {theirs}");
    }
}

#[test]
fn ndarray_does_not_go_on_with_a_run_of_flex() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["device=flex"]);
    sandbox
        .runner(&["resume", &run, "device=ndarray", "training.epochs=4"])
        .code(5)
        .stderr_has(&["started on backend flex", "device=flex"]);
}
