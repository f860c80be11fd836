//! `config new --data`: a file that fits the images, and runs as it is.

use std::fs;

use super::write_pgm;
use crate::support::{Sandbox, project};

/// An image of one colour (blue, green, red), as a BMP file.
fn write_bmp(sandbox: &Sandbox, name: &str, color: [u8; 3], [height, width]: [u32; 2]) {
    let mut row: Vec<u8> = color.repeat(width as usize);
    row.resize(row.len().next_multiple_of(4), 0);
    let pixels = row.repeat(height as usize);
    let mut file = b"BM".to_vec();
    let head = [54 + pixels.len() as u32, 0, 54, 40, width, height];
    file.extend(head.iter().flat_map(|word| word.to_le_bytes()));
    file.extend([1, 0, 24, 0]);
    file.extend([0; 24]);
    file.extend(pixels);
    sandbox.write(name, file);
}

/// Two classes, each of `count` images of several sizes; no two are alike.
fn write_colors(sandbox: &Sandbox, folder: &str, count: u8) {
    for index in 0..count {
        let size = [24 + u32::from(index % 5), 20 + u32::from(index % 9)];
        let (cat, dog) = ([index, 20, 200], [200, 20 + index, 7]);
        write_bmp(sandbox, &format!("{folder}/cat/{index}.bmp"), cat, size);
        write_bmp(sandbox, &format!("{folder}/dog/{index}.bmp"), dog, size);
    }
}

/// Red where the README or the command names another file.
#[test]
fn the_readme_goes_from_a_folder_of_colour_images_to_a_trained_network() {
    let readme = fs::read_to_string(project().join("README.md")).unwrap();
    let (_, rest) = readme.split_once("## Your own images").unwrap();
    let (part, _) = rest.split_once("\n## ").unwrap();
    let commands: Vec<&str> = part
        .lines()
        .filter_map(|line| line.strip_prefix("    runner "))
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let sandbox = Sandbox::new();
    write_colors(&sandbox, "my/images", 60);
    for command in commands {
        let arguments: Vec<&str> = command.split_whitespace().collect();
        sandbox.runner(&arguments).success();
    }
    let text = sandbox.read("my.toml");
    assert!(text.lines().count() <= 60, "{text}");
    for line in [
        "input = [3, 32, 32] # channels, height, width",
        "classes = 2",
        "resize = [32, 32]",
        "batch_size = 8 # at most a tenth of about 108 training images",
        "top_k = 1 # eval_top_k_accuracy; it must be below the 2 classes",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}: {text}");
    }
    let result = sandbox.read("experiments/latest/result.json");
    let result: serde_json::Value = serde_json::from_str(&result).unwrap();
    let accuracy = result.pointer("/last/eval_accuracy");
    assert!(
        accuracy.and_then(serde_json::Value::as_f64) > Some(0.9),
        "{result:#}"
    );
}

#[test]
fn a_new_config_fits_grey_images_with_a_split_and_broken_files() {
    let sandbox = Sandbox::new();
    for index in 0..40_u8 {
        for (class, pixel) in [("a", index), ("b", 255 - index)] {
            for (split, offset) in [("train", 0), ("val", 50)] {
                let name = format!("grey/{split}/{class}/{index}.pgm");
                let pixels = [pixel.wrapping_add(offset); 20 * 30];
                write_pgm(&sandbox, &name, &pixels, [20, 30]);
            }
        }
    }
    sandbox.write("grey/train/a/broken.png", "no image");
    let new = [
        "config",
        "new",
        "--data",
        "grey",
        "--preset",
        "mlp",
        "grey.toml",
    ];
    sandbox
        .runner(&new)
        .success()
        .stdout_has(&["runner run grey.toml"])
        .stderr_has(&[
            "warning: 1 image cannot be used",
            "data.on_bad_image = \"skip\"; the first: grey/train/a/broken.png: ",
            "see all of them: runner data inspect grey",
        ]);
    let text = sandbox.read("grey.toml");
    let has = |start: &str| text.lines().any(|line| line.starts_with(start));
    assert!(
        has("input = [1, 20, 30]") && has("preset = \"mlp\""),
        "{text}"
    );
    assert!(has("on_bad_image = \"skip\" # 1 cannot be used"), "{text}");
    assert!(!has("validation") && !has("resize"), "{text}");
    sandbox
        .runner(&["run", "grey.toml", "-q", "training.epochs=1"])
        .success();
}

#[test]
fn a_config_without_images_to_learn_from_is_not_made() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("empty")).unwrap();
    write_bmp(&sandbox, "one/cat/1.bmp", [1, 2, 3], [8, 8]);
    for class in ["cat", "dog"] {
        write_bmp(&sandbox, &format!("few/{class}/1.bmp"), [1, 2, 3], [8, 8]);
        write_bmp(&sandbox, &format!("pair/{class}/1.bmp"), [1, 2, 3], [8, 8]);
    }
    sandbox.write("broken/cat/1.png", "no image");
    sandbox.write("broken/dog/1.png", "no image");
    for (arguments, code, message) in [
        (&["nowhere"][..], 4, "nowhere: no folder of images here"),
        (&["empty"], 4, "empty: no training images here"),
        (&["few"], 4, "no class has more than one image"),
        (&["pair/cat"], 4, "name the folder above it: --data pair\n"),
        (&["pear"], 4, "did you mean pair?"),
        (&["one"], 4, "all images are of one class"),
        (&["broken"], 4, "no image can be used"),
        (&["mnist"], 2, "runner data fetch mnist"),
        (&["one", "--preset", "resnet9"], 2, "resnet8"),
    ] {
        let arguments = [&["config", "new", "new.toml", "--data"], arguments].concat();
        sandbox.runner(&arguments).code(code).stderr_has(&[message]);
        assert!(!sandbox.path("new.toml").exists());
    }
}

/// Red with a share that rounds to no image of a class, and with batches larger than the set.
#[test]
fn a_new_config_for_a_handful_of_images_can_run() {
    let sandbox = Sandbox::new();
    for count in [2, 3, 7] {
        let (folder, file) = (format!("few{count}"), format!("few{count}.toml"));
        write_colors(&sandbox, &folder, count);
        sandbox
            .runner(&["config", "new", "--data", &folder, &file])
            .success();
        let run = ["run", &file, "-q", "training.epochs=2"];
        sandbox.runner(&run).success();
        let check = sandbox.runner(&["check", &file]).success();
        assert!(check.stdout.contains("is good"), "{}", check.stdout);
    }
}

#[test]
fn a_new_config_without_images_is_short_and_for_the_digits() {
    let sandbox = Sandbox::new();
    sandbox.cut_data("data/digits", 600, 30);
    sandbox.runner(&["config", "new", "my.toml"]).success();
    assert!(sandbox.read("my.toml").lines().count() <= 60);
    sandbox
        .runner(&["run", "my.toml", "-q", "training.epochs=1"])
        .success();
}
