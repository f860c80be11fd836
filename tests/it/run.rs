//! `runner run`, end to end.

use crate::support::Sandbox;

#[test]
fn two_runs_of_one_config_are_equal() {
    let sandbox = Sandbox::new();
    let (first, second) = (sandbox.run_tiny(&[]), sandbox.run_tiny(&[]));
    assert_ne!(first, second);
    let metrics = |run: &str| sandbox.read(&format!("{run}/metrics.csv"));
    assert_eq!(metrics(&first), metrics(&second));
    assert_ne!(metrics(&first), metrics(&sandbox.run_tiny(&["seed=2"])));
}
