//! Our logits in ONNX Runtime and in PyTorch, for every layer, every preset and every shipped config.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use burn::tensor::{Device, Tensor, TensorData};
use runner::array::{Arrays, Values};
use runner::config::{self, Document, Experiment, Moments, Preset, Word};
use runner::export::onnx::{Opset, Options, PixelLayout};
use runner::export::{Target, Trained, write};
use runner::model::{Mode, Network};
use runner::{device, files};
use safetensors::tensor::{Dtype, TensorView, serialize};

use crate::support::project;

/// The classes of the images are the same too.
#[test]
#[ignore = "needs Python with onnxruntime; .ci/run runs it"]
fn python_gives_our_logits_for_onnx() {
    let folder = tempfile::tempdir().unwrap();
    for (name, experiment) in experiments() {
        Case::new(&experiment).write_onnx(&folder.path().join(name));
    }
    let cases = ask("RUNNER_TEST_PYTHON", "agree.py", folder.path());
    assert!(cases.len() > 300, "{}", cases.len());
    assert_all_close(&cases);
}

/// `RUNNER_TEST_TORCH` names a Python with torch, pillow and safetensors; too large to be installed by `.ci/run`.
#[test]
#[ignore = "needs Python with torch, which is gigabytes"]
fn torch_gives_our_logits() {
    let folder = tempfile::tempdir().unwrap();
    for (name, experiment) in experiments() {
        Case::new(&experiment).write_torch(&folder.path().join(name));
    }
    let cases = ask("RUNNER_TEST_TORCH", "agree_torch.py", folder.path());
    assert!(cases.len() > 40, "{}", cases.len());
    assert_all_close(&cases);
}

fn assert_all_close(cases: &BTreeMap<String, f64>) {
    let (name, most) = cases
        .iter()
        .max_by(|one, other| one.1.total_cmp(other.1))
        .unwrap();
    assert!(*most <= 1e-4, "{name}: {most}");
}

fn ask(python: &str, script: &str, folder: &Path) -> BTreeMap<String, f64> {
    let python = std::env::var(python).unwrap_or_else(|_| panic!("{python} names a Python"));
    let script = project().join("tests/it/export").join(script);
    let output = Command::new(python)
        .arg(script)
        .arg(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Layers in ways that the configs do not use them; the network continues with `flatten` and a linear layer.
const LAYERS: [(&str, &str); 27] = [
    (
        "conv_sides",
        "{ conv2d = { out_channels = 4, kernel_size = [3, 2], stride = [2, 1], padding = [2, 1], dilation = [1, 3] } }",
    ),
    (
        "conv_same",
        "{ conv2d = { out_channels = 4, kernel_size = [4, 2], padding = \"same\", dilation = [1, 3], groups = 2 } }",
    ),
    (
        "transpose",
        "{ conv_transpose2d = { out_channels = 6, kernel_size = [3, 4], stride = [2, 3], padding = [1, 2], output_padding = [1, 0], dilation = [2, 1], groups = 2 } }",
    ),
    (
        "transpose_norm",
        "{ conv_transpose2d = { out_channels = 6, kernel_size = 2, groups = 2, bias = false } }, \"batch_norm2d\", \"relu\"",
    ),
    (
        "transpose_bias_norm",
        "{ conv_transpose2d = { out_channels = 3, kernel_size = 3, stride = 2 } }, \"batch_norm2d\"",
    ),
    (
        "conv_bias_norm",
        "{ conv2d = { out_channels = 4, kernel_size = 3, groups = 2 } }, { batch_norm2d = { eps = 1e-2 } }",
    ),
    (
        "max_pool",
        "{ max_pool2d = { kernel_size = [3, 2], stride = [1, 2], padding = [1, 0] } }",
    ),
    (
        "avg_pool",
        "{ avg_pool2d = { kernel_size = [3, 2], stride = [1, 2], padding = [1, 1] } }",
    ),
    (
        "avg_pool_without",
        "{ avg_pool2d = { kernel_size = [3, 2], stride = [1, 2], padding = [1, 1], count_include_pad = false } }",
    ),
    (
        "adaptive_uneven",
        "{ adaptive_avg_pool2d = { output_size = [4, 5] } }",
    ),
    (
        "adaptive_even",
        "{ adaptive_avg_pool2d = { output_size = [5, 4] } }",
    ),
    (
        "adaptive_overlapping",
        "{ adaptive_avg_pool2d = { output_size = [3, 7] } }",
    ),
    (
        "adaptive_one",
        "{ adaptive_avg_pool2d = { output_size = 1 } }",
    ),
    (
        "adaptive_larger",
        "{ adaptive_avg_pool2d = { output_size = [13, 9] } }",
    ),
    (
        "group_norm",
        "{ group_norm = { num_groups = 2, eps = 1e-3 } }",
    ),
    (
        "group_norm_plain",
        "{ group_norm = { num_groups = 4, affine = false } }",
    ),
    (
        "group_norm_flat",
        "\"flatten\", { linear = { out_features = 12 } }, { group_norm = { num_groups = 3 } }",
    ),
    (
        "layer_norm",
        "{ layer_norm = { bias = false, eps = 1e-3 } }",
    ),
    (
        "layer_norm_plain",
        "{ layer_norm = { elementwise_affine = false } }",
    ),
    ("instance_norm", "{ instance_norm2d = { eps = 1e-2 } }"),
    (
        "softplus",
        "{ softplus = { beta = 3.0, threshold = 10.0 } }, { softplus = { beta = 0.5 } }",
    ),
    (
        "activations",
        "{ elu = { alpha = 0.3 } }, { leaky_relu = { negative_slope = 0.2 } }, \"hard_swish\"",
    ),
    (
        "prelu",
        "\"prelu\", { prelu = { num_parameters = 4, init = 0.1 } }",
    ),
    (
        "linear_norm",
        "\"flatten\", { linear = { out_features = 6, bias = false } }, \"batch_norm1d\", \"gelu\"",
    ),
    (
        "prelu_flat",
        "\"flatten\", { linear = { out_features = 6 } }, { prelu = { num_parameters = 6 } }, \"batch_norm1d\"",
    ),
    (
        "residual",
        "{ residual = { layers = [{ dropout2d = { p = 0.1 } }] } }, { residual = { layers = [{ conv2d = { out_channels = 4, kernel_size = 1 } }, \"batch_norm2d\"], shortcut = [\"batch_norm2d\"] } }",
    ),
    (
        "residual_flat",
        "\"flatten\", { residual = { layers = [{ linear = { out_features = 400 } }, \"dropout\"] } }",
    ),
];

fn experiments() -> BTreeMap<String, Experiment> {
    let mut experiments = BTreeMap::new();
    for folder in ["configs", "tests/configs/vocabulary"] {
        for entry in fs::read_dir(project().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let experiment = Document::read(&path).unwrap().experiment().unwrap();
            experiments.insert(name, experiment);
        }
    }
    for (name, layers) in LAYERS {
        let layers =
            format!("layers = [{layers}, \"flatten\", {{ linear = {{ out_features = 5 }} }}]");
        experiments.insert(format!("layer_{name}"), experiment("[4, 10, 10]", &layers));
    }
    for preset in Preset::WORDS {
        for (size, input) in [("small", "[1, 28, 28]"), ("large", "[3, 64, 80]")] {
            let model = format!("preset = \"{preset}\"\nclasses = 10\nwidth = 6");
            experiments.insert(format!("preset_{preset}_{size}"), experiment(input, &model));
        }
    }
    experiments
}

fn experiment(input: &str, model: &str) -> Experiment {
    let text = format!(
        "seed = 1\ndata.path = \"data\"\ndata.scale = 0.01\n[training]\nepochs = 1\nbatch_size = 1\n\
         learning_rate = 0.1\n[model]\ninput = {input}\n{model}\n"
    );
    let document = Document::parse("case.toml", text, "case");
    document
        .experiment()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A network with what it is to give.
struct Case<'a> {
    experiment: &'a Experiment,
    arrays: Arrays,
    moments: Moments,
    class_names: Vec<String>,
    pixels: Vec<u8>,
    images: Vec<f32>,
    logits: Vec<f32>,
}

const IMAGES: usize = 7;

impl<'a> Case<'a> {
    /// Weights as a run begins with; biases, norms and running statistics as if they were trained.
    fn new(experiment: &'a Experiment) -> Self {
        let device = device::choose(config::Device::Cpu, None).unwrap().device;
        let network = Network::new(experiment, &device);
        let mut random = Random(7);
        let mut arrays = network.parameters();
        for (name, array) in &mut arrays {
            let Values::F32(values) = &mut array.values else {
                panic!("parameters are floats")
            };
            let is_weight = array.shape.len() > 1 && array.shape.len() != 3;
            if !is_weight {
                let spread = if name.ends_with("weight") { 0.4 } else { 0.3 };
                values
                    .iter_mut()
                    .for_each(|it| *it += spread * random.next());
            }
        }
        let network = network.with_parameters(&arrays).unwrap();
        let [channels, height, width] = experiment.model.input;
        let pixels: Vec<u8> = (0..IMAGES * channels * height * width)
            .map(|_| (127.5 + 127.5 * random.next()) as u8)
            .collect();
        let moments = Moments {
            mean: (0..channels).map(|it| 0.2 + 0.1 * it as f64).collect(),
            std: (0..channels).map(|it| 0.3 + 0.1 * it as f64).collect(),
        };
        let images = pixels.iter().enumerate().map(|(index, pixel)| {
            let channel = index / (height * width) % channels;
            let scaled = f64::from(*pixel) * experiment.data.scale;
            ((scaled - moments.mean[channel]) / moments.std[channel]) as f32
        });
        let images: Vec<f32> = images.collect();
        let logits = logits(&network, &images, experiment.model.input, &device);
        Self {
            experiment,
            arrays,
            class_names: (0..experiment.classes()).map(|it| it.to_string()).collect(),
            moments,
            pixels,
            images,
            logits,
        }
    }

    fn trained(&self) -> Trained<'_> {
        Trained {
            experiment: self.experiment,
            class_names: &self.class_names,
            normalize: Some(&self.moments),
            run_id: "case",
            checkpoint: "step-00000001.safetensors",
            arrays: &self.arrays,
        }
    }

    fn write_onnx(&self, folder: &Path) {
        self.write_io(folder);
        for opset in [11, 13, 17, 21, 28] {
            for fold in [false, true] {
                let name = format!("opset{opset}{}", if fold { "-folded" } else { "" });
                let options = Options {
                    opset: Opset::new(opset).unwrap(),
                    fold,
                    preprocessing: None,
                };
                self.write(folder, &format!("{name}.onnx"), Target::Onnx(options));
            }
        }
        for (name, layout) in [
            ("nhwc", PixelLayout::ChannelsLast),
            ("nchw", PixelLayout::ChannelsFirst),
        ] {
            let options = Options {
                opset: Opset::DEFAULT,
                fold: true,
                preprocessing: Some(layout),
            };
            self.write(folder, &format!("{name}.onnx"), Target::Onnx(options));
        }
    }

    fn write_torch(&self, folder: &Path) {
        self.write_io(folder);
        self.write(folder, "network.py", Target::PyTorch);
        self.write(folder, "network.safetensors", Target::Safetensors(None));
    }

    fn write(&self, folder: &Path, name: &str, target: Target) {
        write(&self.trained(), target, &folder.join(name), false).unwrap();
    }

    fn write_io(&self, folder: &Path) {
        fs::create_dir(folder).unwrap();
        let [channels, height, width] = self.experiment.model.input;
        let shape = vec![IMAGES, channels, height, width];
        let bytes =
            |values: &[f32]| -> Vec<u8> { values.iter().flat_map(|it| it.to_le_bytes()).collect() };
        let (images, logits) = (bytes(&self.images), bytes(&self.logits));
        let classes = vec![IMAGES, self.class_names.len()];
        let views = [
            (
                "pixels",
                TensorView::new(Dtype::U8, shape.clone(), &self.pixels),
            ),
            ("images", TensorView::new(Dtype::F32, shape, &images)),
            ("logits", TensorView::new(Dtype::F32, classes, &logits)),
        ];
        let views = views.map(|(name, view)| (name, view.unwrap()));
        let bytes = serialize(views, None).unwrap();
        files::create(&folder.join("io.safetensors"), &bytes).unwrap();
    }
}

fn logits(
    network: &Network,
    images: &[f32],
    [channels, height, width]: [usize; 3],
    device: &Device,
) -> Vec<f32> {
    let data = TensorData::new(images.to_vec(), [IMAGES, channels, height, width]);
    let images: Tensor<4> = Tensor::from_data(data, device);
    let (logits, _) = network.forward(images, Mode::Evaluation);
    logits.into_data().try_into_vec().unwrap()
}

/// Numbers from -1 to 1.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        let step = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = step.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}
