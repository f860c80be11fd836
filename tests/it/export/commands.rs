//! The command itself, on a run.

use std::collections::BTreeMap;
use std::fs;

use runner::array::{Array, Values};
use runner::run_dir::{Choice, Run, Weights};
use safetensors::SafeTensors;

use super::protobuf::{all, integers, text};
use crate::support::Sandbox;

/// Every operator with its attributes, and every array of the checkpoint.
#[test]
fn an_onnx_file_has_the_layers_and_the_weights() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["data.normalize={mean=[0.25],std=[0.5]}"]);
    sandbox
        .runner(&["export", &run, "--to", "onnx", "-o", "tiny.onnx"])
        .success()
        .stdout_has(&["tiny.onnx\n"])
        .stderr_has(&[
            "network: ",
            "checkpoints/step-",
            "the best by eval_accuracy",
        ]);
    let model = fs::read(sandbox.path("tiny.onnx")).unwrap();
    let [graph] = all(&model, 7)[..] else {
        panic!("a model has one graph")
    };
    let nodes: Vec<String> = all(graph, 1).into_iter().map(described).collect();
    assert_eq!(
        nodes,
        [
            "MaxPool(images) kernel_shape=[2, 2] pads=[0, 0, 0, 0] strides=[2, 2] -> layers.0",
            "Conv(layers.0, layers.1.weight, layers.1.bias) dilations=[1, 1] group=[1] \
             kernel_shape=[3, 3] pads=[0, 0, 0, 0] strides=[2, 2] -> layers.1",
            "Relu(layers.1) -> layers.2",
            "Flatten(layers.2) axis=[1] -> layers.3",
            "Gemm(layers.3, layers.5.weight, layers.5.bias) alpha=[] beta=[] transA=[0] \
             transB=[1] -> logits",
        ]
    );
    let weights = weights(&sandbox, &run);
    let constants = all(graph, 5);
    assert_eq!(constants.len(), weights.len());
    for constant in constants {
        let name = text(constant, 8);
        let array = &weights[&name];
        let shape: Vec<u64> = array.shape.iter().map(|size| *size as u64).collect();
        assert_eq!(integers(constant, 1), shape, "{name}");
        assert_eq!(all(constant, 9), [array.to_bytes()], "{name}");
    }
    let notes = all(&model, 14).into_iter();
    let notes: BTreeMap<String, String> = notes.map(|it| (text(it, 1), text(it, 2))).collect();
    assert_eq!(
        notes["class_names"],
        r#"["0","1","2","3","4","5","6","7","8","9"]"#
    );
    assert_eq!(notes["mean"], "[0.25]");
    assert_eq!(notes["run"], run.strip_prefix("experiments/").unwrap());
    assert_eq!(integers(all(&model, 8)[0], 2), [17]);
}

/// `Conv(layers.0, layers.1.weight) strides=[2, 2] -> layers.1`
fn described(node: &[u8]) -> String {
    let inputs = all(node, 1).into_iter();
    let inputs: Vec<&str> = inputs.map(|it| std::str::from_utf8(it).unwrap()).collect();
    let mut attributes = String::new();
    for attribute in all(node, 5) {
        let mut values = integers(attribute, 8);
        values.extend(integers(attribute, 3));
        attributes += &format!("{}={values:?} ", text(attribute, 1));
    }
    let (operator, output) = (text(node, 4), text(node, 2));
    format!("{operator}({}) {attributes}-> {output}", inputs.join(", "))
}

/// The averages are what evaluation uses.
#[test]
fn safetensors_has_the_evaluated_weights_and_equal_bytes_every_time() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&["training.ema_decay=0.9"]);
    let export = |file: &str, options: &[&str]| {
        let arguments = ["export", &run, "--to", "safetensors", "-o", file];
        sandbox.runner(&[&arguments, options].concat()).success()
    };
    export("one.safetensors", &[]).stderr_has(&["averaged weights"]);
    let bytes = fs::read(sandbox.path("one.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let weights = weights(&sandbox, &run);
    assert_eq!(file.len(), weights.len());
    for (name, view) in file.iter() {
        assert_eq!(view.shape(), weights[name].shape, "{name}");
        assert_eq!(view.data(), weights[name].to_bytes(), "{name}");
    }
    for again in 0..3 {
        let name = format!("again-{again}.safetensors");
        export(&name, &[]);
        assert_eq!(fs::read(sandbox.path(&name)).unwrap(), bytes);
    }
    export("last.safetensors", &["--checkpoint", "last"]);
}

#[test]
fn pytorch_is_a_program_and_its_weights() {
    let sandbox = Sandbox::new();
    let run = sandbox.run_tiny(&[]);
    sandbox
        .runner(&["export", &run, "--to", "pytorch", "-o", "net.py"])
        .success()
        .stdout_has(&["net.pt\nnet.py\n"]);
    let program = sandbox.read("net.py");
    for line in [
        "            nn.MaxPool2d((2, 2), stride=(2, 2), padding=(0, 0)),\n",
        "            nn.Conv2d(1, 3, (3, 3), stride=(2, 2), padding=(0, 0), dilation=(1, 1), groups=1, bias=True),\n",
        "            nn.Dropout(p=0.25),\n",
        "            nn.Linear(108, 10, bias=True),\n",
        "CLASSES = [\"0\",\"1\",",
    ] {
        assert!(program.contains(line), "{line}\n{program}");
    }
    let archive = fs::File::open(sandbox.path("net.pt")).unwrap();
    let mut archive = zip::ZipArchive::new(archive).unwrap();
    let weights = weights(&sandbox, &run);
    for (index, (name, array)) in weights.iter().enumerate() {
        let mut member = archive.by_name(&format!("archive/data/{index}")).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
        assert_eq!(bytes, array.to_bytes(), "{name}");
    }
}

/// Each leaves nothing behind.
#[test]
fn what_cannot_be_exported_is_refused_with_the_reason() {
    let sandbox = Sandbox::new();
    let layers = "model.layers=['relu6','flatten',{linear={out_features=10,bias=false}}]";
    let run = sandbox.run_tiny(&[layers]);
    sandbox.write("there.onnx", "old");
    for (options, code, told) in [
        (
            &["--to", "onnx", "--opset", "10"][..],
            2,
            &[
                "layers.2 (`linear`) needs opset 11, but the file is to have 10",
                "--opset 11",
            ][..],
        ),
        (
            &["--to", "onnx", "--opset", "29"],
            2,
            &["no opset 29", "from 7 to 28"],
        ),
        (
            &["--to", "safetensors", "--opset", "17"],
            2,
            &["--opset is for --to onnx"],
        ),
        (
            &["--to", "pytorch", "--names", "timm"],
            2,
            &["--names is for --to safetensors"],
        ),
        (
            &["--to", "pytorch", "-o", "net.txt"],
            2,
            &["net.txt: ", "ends in .py"],
        ),
        (
            &["--to", "safetensors", "--names", "torchvision"],
            2,
            &["torchvision has no names", "neither a resnet18 nor a vgg11"],
        ),
        (
            &["--to", "onnx", "-o", "there.onnx"],
            2,
            &["there.onnx exists already", "--force"],
        ),
        (
            &["--to", "onnx", "-o", "no/folder/net.onnx"],
            74,
            &["no/folder/net.onnx"],
        ),
        (
            &["--to", "onnx", "--checkpoint", "step-77"],
            2,
            &["there is no checkpoint step-77", "one of: step-"],
        ),
    ] {
        let before = listing(&sandbox);
        let arguments = [&["export", &run], options].concat();
        sandbox.runner(&arguments).code(code).stderr_has(told);
        assert_eq!(listing(&sandbox), before, "{options:?}");
    }
    assert_eq!(sandbox.read("there.onnx"), "old");
    sandbox
        .runner(&[
            "export",
            &run,
            "--to",
            "onnx",
            "-o",
            "there.onnx",
            "--force",
        ])
        .success();
    assert_ne!(fs::read(sandbox.path("there.onnx")).unwrap(), b"old");
    // What is there already of two files is not touched, and the other one does not come.
    sandbox.write("net.pt", "old");
    sandbox
        .runner(&["export", &run, "--to", "pytorch", "-o", "net.py"])
        .code(2)
        .stderr_has(&["net.pt exists already"]);
    assert!(!sandbox.path("net.py").exists());
}

/// `known_weights` has all of the names, and those of VGG-11.
#[test]
fn names_of_torchvision_and_timm_are_theirs() {
    let sandbox = Sandbox::new();
    let run = sandbox.runner(&[
        "run",
        "tiny.toml",
        "-q",
        "data.path={unset=true}",
        "data.synthetic={train_images=2,eval_images=2}",
        "training.epochs=1",
        "training.batch_size=2",
        "optimizer=sgd",
        "model.input=[3,64,64]",
        "model.layers={unset=true}",
        "model.preset=resnet18",
        "model.classes=10",
    ]);
    let run = run.success().stdout.trim().to_owned();
    for library in ["torchvision", "timm"] {
        let name = format!("{library}.safetensors");
        let arguments = [
            "export",
            &run,
            "--to",
            "safetensors",
            "--names",
            library,
            "-o",
            &name,
        ];
        sandbox.runner(&arguments).success();
        let bytes = fs::read(sandbox.path(&name)).unwrap();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        // 20 convolutions, 20 norms of four arrays, and the linear layer.
        assert_eq!(file.len(), 20 + 80 + 2);
        for name in [
            "conv1.weight",
            "layer2.0.downsample.1.running_var",
            "layer4.1.bn2.weight",
            "fc.bias",
        ] {
            assert!(file.tensor(name).is_ok(), "{name}");
        }
    }
}

fn listing(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path(".")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn weights(sandbox: &Sandbox, run: &str) -> BTreeMap<String, Array> {
    let run = Run::open(&sandbox.path(run)).unwrap();
    let weights = Weights::of_run(&run, &Choice::BestOrLast).unwrap().arrays;
    assert!(
        weights
            .values()
            .all(|it| matches!(it.values, Values::F32(_)))
    );
    weights
}
