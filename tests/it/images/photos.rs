//! Pictures as large as phones, screens and scanners make them.

use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use runner::config::{PadToSquare, Resize};
use runner::data::geometry::Geometry;
use runner::data::memory::{OF_A_DECODER, take};
use runner::data::picture::{Picture, Request};

use super::fixtures;
use crate::support::Sandbox;

const CONFIG: &str = r#"
name = "photos"
seed = 1

[data]
path = "photos"
resize = 8

[training]
epochs = 1
batch_size = 1
learning_rate = 1e-3

[optimizer]
adam = {}

[model]
input = [3, 8, 8]
layers = ["flatten", { linear = { out_features = 2 } }]
"#;

/// Two classes, for training and for evaluation.
fn photos(sandbox: &Sandbox) {
    for (file, places) in [
        ("phone.jpg", &["train/phone/1.jpg", "val/phone/1.jpg"][..]),
        ("phone_progressive.jpg", &["train/phone/2.jpg"]),
        ("phone.webp", &["train/phone/3.webp"]),
        ("screen.png", &["train/desk/1.png", "val/desk/1.png"]),
        ("scan.png", &["train/desk/2.png"]),
    ] {
        let bytes = fs::read(fixtures().join("photos").join(file)).unwrap();
        for place in places {
            sandbox.write(&format!("photos/{place}"), &bytes);
        }
    }
    sandbox.write("photos.toml", CONFIG);
}

/// Red with a limit that goes by the size of the file.
#[test]
fn ordinary_photographs_are_taken() {
    let sandbox = Sandbox::new();
    photos(&sandbox);
    let outcome = sandbox
        .runner(&["data", "inspect", "photos", "--json"])
        .success();
    assert!(outcome.stdout.contains("3000"), "{}", outcome.stdout);
    sandbox.runner(&["run", "photos.toml", "-q"]).success();
}

#[test]
fn an_image_of_too_many_pixels_is_told_with_the_key() {
    let sandbox = Sandbox::new();
    photos(&sandbox);
    let limit = "data.max_pixels=12000000";
    let outcome = sandbox.runner(&["check", "photos.toml", limit]).code(4);
    outcome.stderr_has(&[
        "train/desk/1.png: its header says 5120x2880 pixels, more than data.max_pixels = 12000000",
        "raise it",
        "3 image files",
    ]);
    // 5120 times 2880 is just enough.
    let limit = "data.max_pixels=14745600";
    let run = ["run", "photos.toml", limit, "data.on_bad_image=skip"];
    let outcome = sandbox.runner(&run).success();
    outcome.stderr_has(&["1 image file skipped: photos/train/desk/2.png", "4960x7016"]);
    // What was too large is looked at again with another limit.
    sandbox.runner(&["run", "photos.toml", "-q"]).success();
}

/// Two narrow images that bars make square: each is small, its square is not. Red if the square is not counted.
#[test]
fn decoders_wait_for_the_memory_of_what_is_made_of_an_image() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let side = 10_000;
    let file = [
        format!("P5\n{side} 2\n255\n").into_bytes(),
        vec![0; 2 * side],
    ]
    .concat();
    let pad_to_square = Some(PadToSquare { fill: 0 });
    let most_at_once = |geometry: Geometry| {
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let request = Request {
            geometry,
            ..Request::default()
        };
        let work = |_: Picture| {
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            inside.fetch_sub(1, Ordering::SeqCst);
        };
        let decode = |_: rayon::BroadcastContext<'_>| {
            (0..30).for_each(|_| Picture::decode_then(&file, request, work).unwrap());
        };
        pool.broadcast(decode);
        most.into_inner()
    };
    assert_eq!(
        most_at_once(Geometry {
            pad_to_square,
            ..Geometry::default()
        }),
        1
    );
    let resize = Some(Resize::To([9_000, 9_000]));
    assert_eq!(
        most_at_once(Geometry {
            resize,
            ..Geometry::default()
        }),
        1
    );
    // What becomes small may be done by both at once.
    let resize = Some(Resize::To([9, 9]));
    assert_eq!(
        most_at_once(Geometry {
            resize,
            ..Geometry::default()
        }),
        2
    );
}

/// Red if nobody waits.
#[test]
fn decoders_wait_for_memory() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let use_much = |_: rayon::BroadcastContext<'_>| {
        for _ in 0..100 {
            let _taken = take(OF_A_DECODER * 5 / 4);
            most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_micros(50));
            inside.fetch_sub(1, Ordering::SeqCst);
        }
    };
    pool.broadcast(use_much);
    assert_eq!(most.into_inner(), 1);
    // Both at once have half.
    let both = Barrier::new(2);
    pool.broadcast(|_| {
        let _taken = take(OF_A_DECODER * 3 / 4);
        both.wait();
    });
    // What is more than all goes alone, and does not wait for ever.
    pool.install(|| drop(take(u64::MAX)));
}
