//! `model.weights`: networks of torchvision and timm give their own logits here, and runs begin with what others
//! have learned. `tests/fixtures/weights.py` wrote what is expected.

use std::collections::BTreeMap;
use std::fs;

use burn::tensor::{Tensor, TensorData};
use runner::array::{Array, Arrays, Values};
use runner::config::{Device, Document, Experiment};
use runner::device;
use runner::model::{Mode, Network};
use runner::run_dir::Identity;
use runner::weights::Source;
use runner::weights::names::{Naming, Translation};
use safetensors::tensor::{Dtype, TensorView, serialize};
use serde::Deserialize;

use crate::support::{Sandbox, project};

#[derive(Deserialize)]
struct Expected {
    networks: BTreeMap<String, Case>,
    state_dict: BTreeMap<String, Tensors>,
}

#[derive(Deserialize)]
struct Case {
    size: usize,
    shapes: BTreeMap<String, Vec<usize>>,
    logits: Vec<f32>,
}

#[derive(Deserialize)]
struct Tensors {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn expected() -> Expected {
    let path = project().join("tests/fixtures/weights.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn networks_of_torchvision_and_timm_give_their_logits() {
    let sandbox = Sandbox::new();
    for (name, case) in expected().networks {
        let (library, network) = name.split_once('_').unwrap();
        let experiment = experiment(network, case.size);
        let theirs: Arrays = case.shapes.iter().map(filled).collect();
        let path = sandbox.write(&format!("{name}.safetensors"), file(&theirs));
        let layers = &experiment.model.layers;
        let source = Source::read(&path, layers).unwrap();
        let device = device::choose(Device::Cpu, None).unwrap().device;
        let (network, transfer) = Network::new(&experiment, &device).with_known(&source.arrays);
        assert!(transfer.anew.is_empty(), "{name}: {:?}", transfer.anew);
        assert!(transfer.unused.is_empty(), "{name}: {:?}", transfer.unused);

        let images = numbers("images", 3 * case.size * case.size);
        let images = TensorData::new(images, [1, 3, case.size, case.size]);
        let images: Tensor<4> = Tensor::from_data(images, &device);
        let (logits, _) = network.forward(images, Mode::Evaluation);
        let logits: Vec<f32> = logits.into_data().try_into_vec().unwrap();
        let largest = case.logits.iter().fold(1f32, |most, it| most.max(it.abs()));
        for (our, their) in logits.iter().zip(&case.logits) {
            assert!(
                (our - their).abs() <= 1e-4 * largest,
                "{name}: {our} is not {their}"
            );
        }

        // And back: only the biases that have no effect are zero now.
        let naming = match library {
            "timm" => Naming::Timm,
            _ => Naming::Torchvision,
        };
        let translation = Translation::of(layers, naming).unwrap();
        let back = translation.to_theirs(&network.parameters());
        let shapes: BTreeMap<String, Vec<usize>> = back
            .iter()
            .map(|(name, array)| (name.clone(), array.shape.clone()))
            .collect();
        assert_eq!(shapes, case.shapes, "{name}");
        if name.ends_with("resnet18") {
            assert!(back == theirs, "{name}");
        }
    }
}

fn experiment(network: &str, size: usize) -> Experiment {
    let width = if network == "vgg11" { "width = 4" } else { "" };
    let text = format!(
        "seed = 1\ndata.path = \"data\"\n[training]\nepochs = 1\nbatch_size = 1\nlearning_rate = 0.1\n\
         [model]\ninput = [3, {size}, {size}]\npreset = \"{network}\"\nclasses = 10\n{width}\n"
    );
    Document::parse("case.toml", text, "case")
        .experiment()
        .unwrap()
}

/// As `weights` in `tests/fixtures/weights.py`.
fn filled((name, shape): (&String, &Vec<usize>)) -> (String, Array) {
    let mut values = numbers(name, shape.iter().product());
    let (factor, summand) = if shape.len() > 1 {
        let fan_in: usize = shape[1..].iter().product();
        ((6.0 / fan_in as f64).sqrt() as f32, 0.0)
    } else if name.ends_with("running_var") || name.ends_with("weight") {
        (0.4, 1.0)
    } else {
        (0.2, 0.0)
    };
    values
        .iter_mut()
        .for_each(|value| *value = summand + *value * factor);
    let array = Array {
        shape: shape.clone(),
        values: Values::F32(values),
    };
    (name.clone(), array)
}

/// As `numbers` in `tests/fixtures/weights.py`.
fn numbers(name: &str, count: usize) -> Vec<f32> {
    let mut crc = flate2::Crc::new();
    crc.update(name.as_bytes());
    let number = |place: u32| {
        let mut hash = place.wrapping_mul(0x9E37_79B9).wrapping_add(crc.sum());
        hash ^= hash >> 16;
        hash = hash.wrapping_mul(0x85EB_CA6B);
        hash ^= hash >> 13;
        hash = hash.wrapping_mul(0xC2B2_AE35);
        hash ^= hash >> 16;
        (hash >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count as u32).map(number).collect()
}

fn file(arrays: &Arrays) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = arrays.values().map(Array::to_bytes).collect();
    let views = arrays.iter().zip(&bytes).map(|((name, array), bytes)| {
        (
            name,
            TensorView::new(Dtype::F32, array.shape.clone(), bytes).unwrap(),
        )
    });
    serialize(views, None).unwrap()
}

/// Floats of every type, strides that are not row-major, views, parameters; beside other things.
#[test]
fn state_dicts_are_read_as_torch_writes_them() {
    let expected = expected().state_dict;
    for name in ["zip.pth", "legacy.pth"] {
        let path = project().join("tests/fixtures/weights").join(name);
        let source = Source::read(&path, &[]).unwrap();
        let names: Vec<&String> = source.arrays.keys().collect();
        assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{name}");
        for (tensor, array) in &source.arrays {
            let Tensors { shape, values } = &expected[tensor];
            assert_eq!(&array.shape, shape, "{name}: {tensor}");
            assert_eq!(
                array.values,
                Values::F32(values.clone()),
                "{name}: {tensor}"
            );
        }
    }
}

const FIVE: [&str; 2] = [
    "data.classes=['0','1','2','3','4']",
    "model.layers=[{max_pool2d={kernel_size=2}},{conv2d={out_channels=3,kernel_size=3,stride=2}},\
     'relu','flatten',{dropout={p=0.25}},{linear={out_features=5}}]",
];

#[test]
fn a_run_begins_with_what_another_has_learned() {
    let sandbox = Sandbox::new();
    let five = sandbox.run_tiny(&FIVE);
    assert!(
        sandbox
            .read(&format!("{five}/run.json"))
            .contains("\"class_names\": [\n    \"0\",\n")
    );
    let weights = format!("model.weights={five}");
    let told = [
        "weights: 2 of 4 arrays from ",
        "weights that begin anew: layers.5.weight (10x108, there 5x108), layers.5.bias (10, there 5)",
    ];
    sandbox
        .runner(&["check", "tiny.toml", &weights, "--fast-dev-run"])
        .success()
        .stdout_has(&told);
    let ten = sandbox.runner(&["run", "tiny.toml", &weights]).success();
    let ten = ten.stderr_has(&told).stdout;
    let ten = ten
        .lines()
        .find_map(|line| line.strip_prefix("Run:  "))
        .unwrap()
        .to_owned();
    let identity = Identity::read(&sandbox.path(&ten)).unwrap();
    let recorded = identity.weights.unwrap();
    let bytes = fs::read(sandbox.path(&recorded.path)).unwrap();
    assert_eq!(recorded.sha256, runner::digest::of(bytes).hex());
    sandbox
        .runner(&["show", &ten])
        .success()
        .stdout_has(&["weights     ", "as far as they fit"]);
    // It is not what a run without them comes to, and the same whenever it is done again.
    let metrics = sandbox.read(&format!("{ten}/metrics.csv"));
    let random = sandbox.run_tiny(&[]);
    assert_ne!(sandbox.read(&format!("{random}/metrics.csv")), metrics);
    sandbox.runner(&["reproduce", &ten]).success();

    // Without a checkpoint a resume begins with them too.
    let checkpoints = sandbox.path(&ten).join("checkpoints");
    for entry in fs::read_dir(checkpoints).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    fs::remove_file(sandbox.path(&ten).join("result.json")).unwrap();
    let header = metrics.lines().next().unwrap();
    sandbox.write(&format!("{ten}/metrics.csv"), format!("{header}\n"));
    sandbox
        .runner(&["resume", &ten])
        .success()
        .stderr_has(&["weights: 2 of 4 arrays", "starting from the beginning"]);
    assert_eq!(sandbox.read(&format!("{ten}/metrics.csv")), metrics);

    // Other weights under the old name are not those that the run began with.
    fs::copy(
        sandbox
            .path(&random)
            .join("checkpoints")
            .join(newest(&sandbox, &random)),
        sandbox.write("other.safetensors", ""),
    )
    .unwrap();
    let begun = sandbox.run_tiny(&["model.weights=other.safetensors"]);
    let other = sandbox
        .path(&five)
        .join("checkpoints")
        .join(newest(&sandbox, &five));
    fs::copy(other, sandbox.path("other.safetensors")).unwrap();
    sandbox.runner(&["reproduce", &begun]).code(4).stderr_has(&[
        "other.safetensors are not the weights that the run started with",
        "now  sha256",
    ]);
}

fn newest(sandbox: &Sandbox, run: &str) -> String {
    let entries = fs::read_dir(sandbox.path(run).join("checkpoints")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter(|name| name.starts_with("step-"))
        .max()
        .unwrap()
}

/// The link leads elsewhere as soon as the next run begins.
#[test]
fn a_link_to_a_run_stands_for_the_run() {
    let sandbox = Sandbox::new();
    let first = sandbox.run_tiny(&[]);
    let second = sandbox.run_tiny(&["model.weights=experiments/latest"]);
    let resolved = sandbox.read(&format!("{second}/resolved.toml"));
    assert!(
        resolved.contains(&format!("weights = \"{first}\"")),
        "{resolved}"
    );
    sandbox.runner(&["reproduce", &second]).success();
}

/// None leaves a run behind.
#[test]
fn weights_that_cannot_be_used_are_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    let checkpoint = sandbox
        .path(&run)
        .join("checkpoints")
        .join(newest(&sandbox, &run));
    let mut damaged = fs::read(&checkpoint).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    sandbox.write("damaged.safetensors", damaged);
    sandbox.write("text.txt", "no weights at all");
    sandbox.write(
        "cut.pth",
        &fs::read(project().join("tests/fixtures/weights/zip.pth")).unwrap()[..900],
    );
    let other: Arrays = (0..12)
        .map(|index| filled((&format!("encoder.{index:02}.weight"), &vec![2])))
        .collect();
    sandbox.write("other.safetensors", file(&other));
    let runs = fs::read_dir(sandbox.path("experiments")).unwrap().count();
    for (weights, told) in [
        ("nowhere", &["nowhere: no such file or run directory"][..]),
        (
            "text.txt",
            &["text.txt: not a safetensors file", "state dict of PyTorch"],
        ),
        ("damaged.safetensors", &["a checkpoint that is damaged"]),
        ("cut.pth", &["cut.pth: "]),
        (
            "other.safetensors",
            &[
                "none of its 12 arrays fits the network",
                "the network has layers.1.",
                "the file has encoder.00.weight, ",
                "encoder.09.weight and 2 more",
            ],
        ),
    ] {
        let weights = format!("model.weights={weights}");
        sandbox
            .runner(&["run", "tiny.toml", &weights])
            .code(4)
            .stderr_has(told);
    }
    assert_eq!(
        fs::read_dir(sandbox.path("experiments")).unwrap().count(),
        runs
    );
    sandbox
        .runner(&["run", "tiny.toml", "model.weights=data"])
        .code(5)
        .stderr_has(&["not a run directory"]);
}

#[test]
fn a_class_without_images_is_told() {
    let sandbox = Sandbox::new();
    sandbox
        .runner(&["run", "tiny.toml", "data.classes=['0','1','ten']"])
        .code(4)
        .stderr_has(&["no images of the class `ten`", "0, 1, 2"]);
}
