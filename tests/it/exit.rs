//! A device that is not there ends the run with one clear message.

#[cfg(not(all(feature = "cuda", feature = "ndarray")))]
use crate::support::{Outcome, Sandbox};

#[cfg(not(feature = "cuda"))]
#[test]
fn a_device_of_cuda_is_refused_without_cuda() {
    for device in ["cuda", "cuda:1"] {
        refused(
            device,
            &[
                "built without CUDA",
                "use device=cpu, or a build with --features cuda",
            ],
        );
    }
}

#[cfg(not(feature = "ndarray"))]
#[test]
fn a_device_of_ndarray_is_refused_without_ndarray() {
    refused(
        "ndarray",
        &[
            "it is not compiled into this program",
            "build with --features ndarray, or use device=cpu",
        ],
    );
}

/// Exit code 1, one message, and nothing left behind; no backtrace, even where one is asked for.
#[cfg(not(all(feature = "cuda", feature = "ndarray")))]
#[track_caller]
fn refused(device: &str, parts: &[&str]) {
    let sandbox = Sandbox::new();
    let device_override = format!("device={device}");
    let output = sandbox
        .command(&["run", "tiny.toml", &device_override])
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    };
    let head = format!("error: device \"{device}\" cannot be used: ");
    let outcome = outcome.code(1).stderr_has(&[&head]).stderr_has(parts);
    assert_eq!(outcome.stderr.lines().count(), 2, "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert!(!sandbox.path("experiments").exists());
}
