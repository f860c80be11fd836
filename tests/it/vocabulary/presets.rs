//! The presets: networks of the sizes that are known for them.

use runner::config::{Document, Experiment, Preset, Word};
use runner::model::Network;

use super::autodiff;

/// Parameters as others count them: torchvision's `resnet18` and `vgg11_bn` with 10 classes,
/// the latter without the 2,752 biases that its norms cancel, LeCun's LeNet-5
/// with 10 classes by a linear layer, PyTorch's layers by hand for the others.
#[test]
fn presets_have_the_sizes_they_are_known_for() {
    for (preset, input, parameters) in [
        ("resnet18", [3, 224, 224], 11_181_642),
        ("vgg11", [3, 224, 224], 128_810_058),
        ("lenet5", [1, 28, 28], 61_706),
        ("lenet5", [1, 32, 32], 61_706),
        ("mlp", [1, 28, 28], 269_322),
        ("tutorial", [1, 28, 28], 25_706),
        // The 272,474 of He et al.'s ResNet-20 have the same stem, stages and end.
        ("resnet8", [3, 32, 32], 78_042),
    ] {
        let experiment = experiment(preset, input, "");
        let costs = experiment
            .trace()
            .iter()
            .map(|layer| layer.cost().parameters)
            .sum::<u64>();
        assert_eq!(costs, parameters, "{preset}");
    }
}

#[test]
fn presets_fit_images_of_any_usual_size() {
    for preset in Preset::WORDS {
        for input in [
            [1, 28, 28],
            [3, 32, 32],
            [3, 64, 64],
            [1, 96, 80],
            [3, 224, 224],
        ] {
            let experiment = experiment(preset, input, "width = 4");
            assert_eq!(experiment.classes(), 10, "{preset}");
            // Its text is read back.
            let text = experiment.to_toml();
            assert!(!text.contains("preset"), "{text}");
            let again = Document::parse("again.toml", text, "again")
                .experiment()
                .unwrap();
            assert_eq!(again, experiment);
        }
        let experiment = experiment(preset, [1, 28, 28], "width = 3");
        let network = Network::new(&experiment, &autodiff());
        let costs = experiment
            .trace()
            .iter()
            .map(|layer| layer.cost().parameters)
            .sum::<u64>();
        assert_eq!(network.parameter_count() as u64, costs, "{preset}");
    }
}

fn experiment(preset: &str, input: [usize; 3], line: &str) -> Experiment {
    let text = format!(
        "seed = 1\ndata.path = \"data\"\n[training]\nepochs = 1\nbatch_size = 1\n\
         learning_rate = 0.1\n[model]\ninput = {input:?}\npreset = \"{preset}\"\nclasses = 10\n{line}\n"
    );
    Document::parse("case.toml", text, "case")
        .experiment()
        .unwrap()
}
