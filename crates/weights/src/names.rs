//! The names that torchvision and timm have for the parameters of their ResNet-18 and VGG-11.
//!
//! Ours follow from the list of layers: `layers.4.layers.0.weight`. Which network a list of layers is, is seen from
//! its structure, so smaller widths, other stems and other numbers of classes have translations too.

use crate::array::{Array, Arrays, Values};
use crate::config::{Activation, Document, Layer, Model, Preset};

/// Whose names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// `torchvision.models.resnet18`, `vgg11_bn`
    Torchvision,
    /// `timm.create_model("resnet18")`, `"vgg11_bn"`
    Timm,
}

/// How the parameters of a network are called elsewhere.
#[derive(Debug)]
pub struct Translation {
    /// The network.
    pub network: Preset,
    modules: Vec<Module>,
}

/// A layer with parameters.
#[derive(Debug)]
struct Module {
    /// Its path here.
    ours: String,
    /// Its path there.
    theirs: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// The parameters are the same.
    Same,
    /// A convolution that has a bias there. The norm after it, of this path, takes it away again.
    Biased { norm: String },
    /// A linear layer that is a convolution there, with a window of this height and width.
    Window([usize; 2]),
}

/// What each name of a parameter ends in, after the path of its layer.
const WEIGHT: &str = "weight";
const BIAS: &str = "bias";
const RUNNING_MEAN: &str = "running_mean";

impl Translation {
    /// The translation for a network; `None` if it is neither a ResNet-18 nor a VGG-11.
    pub fn of(layers: &[Layer], naming: Naming) -> Option<Self> {
        let (network, modules) = match resnet18(layers) {
            Some(modules) => (Preset::Resnet18, modules),
            None => (Preset::Vgg11, vgg11(layers, naming)?),
        };
        Some(Self { network, modules })
    }

    /// Our arrays under their names.
    pub fn to_theirs(&self, ours: &Arrays) -> Arrays {
        let mut theirs = Arrays::new();
        for Module {
            ours: from,
            theirs: to,
            kind,
        } in &self.modules
        {
            for (name, array) in of_module(ours, from) {
                if let (Kind::Biased { .. }, WEIGHT) = (kind, name) {
                    theirs.insert(format!("{to}.{BIAS}"), zeros(array.shape[0]));
                }
                theirs.insert(format!("{to}.{name}"), kind.to_theirs(name, array.clone()));
            }
        }
        theirs
    }

    /// Their arrays under our names; those of no layer keep theirs.
    pub fn to_ours(&self, mut theirs: Arrays) -> Arrays {
        let mut ours = Arrays::new();
        let mut biases = Vec::new();
        for Module {
            ours: to,
            theirs: from,
            kind,
        } in &self.modules
        {
            let names = of_module(&theirs, from).map(|(name, _)| name.to_owned());
            for name in names.collect::<Vec<String>>() {
                let Some(array) = theirs.remove(&format!("{from}.{name}")) else {
                    continue;
                };
                match kind {
                    Kind::Biased { norm } if name == BIAS => biases.push((norm, array)),
                    kind => {
                        ours.insert(format!("{to}.{name}"), kind.to_ours(&name, array));
                    }
                }
            }
        }
        for (norm, bias) in biases {
            if let Some(mean) = ours.get_mut(&format!("{norm}.{RUNNING_MEAN}")) {
                subtract(mean, &bias);
            }
        }
        ours.extend(theirs);
        ours
    }
}

/// The network whose layers are those of a preset for images of 224 pixels, as torchvision and timm have it.
pub fn published(model: &Model, classes: usize) -> Option<Preset> {
    let is_of = |preset: &Preset| layers(*preset, classes) == model.layers;
    [Preset::Resnet18, Preset::Vgg11].into_iter().find(is_of)
}

/// The layers of a preset for images of 224 pixels.
fn layers(preset: Preset, classes: usize) -> Vec<Layer> {
    let preset: &str = preset.into();
    let text = format!(
        "seed = 1\ndata.path = \".\"\ntraining = {{ epochs = 1, batch_size = 1, learning_rate = 1.0 }}\n\
         model = {{ input = [3, 224, 224], preset = \"{preset}\", classes = {classes} }}\n"
    );
    let experiment = Document::parse(preset, text, preset).experiment();
    experiment.map_or_else(|_| Vec::new(), |experiment| experiment.model.layers)
}

impl Kind {
    fn to_theirs(&self, name: &str, array: Array) -> Array {
        match (self, name, &*array.shape) {
            (Kind::Window([height, width]), WEIGHT, &[out, features]) => Array {
                shape: vec![out, features / (height * width), *height, *width],
                ..array
            },
            _ => array,
        }
    }

    fn to_ours(&self, name: &str, array: Array) -> Array {
        match (self, name, &*array.shape) {
            (Kind::Window(_), WEIGHT, &[out, channels, height, width]) => Array {
                shape: vec![out, channels * height * width],
                ..array
            },
            _ => array,
        }
    }
}

/// The arrays of a layer, by the ends of their names.
fn of_module<'a>(arrays: &'a Arrays, path: &str) -> impl Iterator<Item = (&'a str, &'a Array)> {
    let named = move |(name, array): (&'a String, &'a Array)| {
        let (module, name) = name.rsplit_once('.')?;
        (module == path).then_some((name, array))
    };
    arrays.iter().filter_map(named)
}

fn zeros(count: usize) -> Array {
    Array {
        shape: vec![count],
        values: Values::F32(vec![0.0; count]),
    }
}

/// Subtracts a bias of as many channels.
fn subtract(mean: &mut Array, bias: &Array) {
    if let (Values::F32(mean), Values::F32(bias)) = (&mut mean.values, &bias.values)
        && mean.len() == bias.len()
    {
        mean.iter_mut()
            .zip(bias)
            .for_each(|(mean, bias)| *mean -= bias);
    }
}

/// What our layers are called in ResNet-18; `None` if they are of another network.
fn resnet18(layers: &[Layer]) -> Option<Vec<Module>> {
    const BRANCH: [&str; 5] = ["conv2d", "batch_norm2d", "relu", "conv2d", "batch_norm2d"];
    const SHORTCUT: [&str; 2] = ["conv2d", "batch_norm2d"];
    let mut modules = Vec::new();
    let mut add = |ours: String, theirs: String| {
        modules.push(Module {
            ours,
            theirs,
            kind: Kind::Same,
        });
    };
    let names = names(layers);
    let [stem @ .., "global_avg_pool", "linear"] = names.as_slice() else {
        return None;
    };
    let stem = stem.iter().position(|name| *name == "residual")?;
    if !matches!(
        names[..stem],
        ["conv2d", "batch_norm2d", "relu"] | ["conv2d", "batch_norm2d", "relu", "max_pool2d"]
    ) {
        return None;
    }
    add("layers.0".to_owned(), "conv1".to_owned());
    add("layers.1".to_owned(), "bn1".to_owned());
    let blocks = layers[stem..layers.len() - 2].chunks(2).enumerate();
    if blocks.len() != 8 {
        return None;
    }
    for (block, pair) in blocks {
        let [
            Layer::Residual(residual),
            Layer::Activation(Activation::Relu),
        ] = pair
        else {
            return None;
        };
        let ours = format!("layers.{}", stem + 2 * block);
        let theirs = format!("layer{}.{}", 1 + block / 2, block % 2);
        if self::names(&residual.layers) != BRANCH {
            return None;
        }
        for (index, name) in [(0, "conv1"), (1, "bn1"), (3, "conv2"), (4, "bn2")] {
            add(format!("{ours}.layers.{index}"), format!("{theirs}.{name}"));
        }
        match self::names(&residual.shortcut).as_slice() {
            [] => {}
            shortcut if shortcut == SHORTCUT => {
                for index in 0..2 {
                    let path = format!("{ours}.shortcut.{index}");
                    add(path, format!("{theirs}.downsample.{index}"));
                }
            }
            _ => return None,
        }
    }
    add(format!("layers.{}", layers.len() - 1), "fc".to_owned());
    Some(modules)
}

/// What our layers are called in VGG-11 with batch norms; `None` if they are of another network. For small images it has
/// one linear layer in place of three.
fn vgg11(layers: &[Layer], naming: Naming) -> Option<Vec<Module>> {
    const HEAD: [&str; 9] = [
        "adaptive_avg_pool2d",
        "flatten",
        "linear",
        "relu",
        "dropout",
        "linear",
        "relu",
        "dropout",
        "linear",
    ];
    let names = names(layers);
    let features = names.iter().rposition(|name| *name == "max_pool2d")? + 1;
    let linear: &[usize] = match &names[features..] {
        head if head == HEAD => &[2, 5, 8],
        ["flatten", "linear"] => &[1],
        _ => return None,
    };
    let without_pools: Vec<&str> = names[..features]
        .iter()
        .copied()
        .filter(|name| *name != "max_pool2d")
        .collect();
    if without_pools != ["conv2d", "batch_norm2d", "relu"].repeat(8) {
        return None;
    }
    let mut modules = Vec::new();
    let mut add = |index: usize, theirs: String, kind| {
        modules.push(Module {
            ours: format!("layers.{index}"),
            theirs,
            kind,
        });
    };
    for (index, name) in names[..features].iter().enumerate() {
        let theirs = format!("features.{index}");
        match *name {
            "conv2d" => {
                let norm = format!("layers.{}", index + 1);
                add(index, theirs, Kind::Biased { norm });
            }
            "batch_norm2d" => add(index, theirs, Kind::Same),
            _ => {}
        }
    }
    let heads = match naming {
        Naming::Torchvision => [
            ("classifier.0", Kind::Same),
            ("classifier.3", Kind::Same),
            ("classifier.6", Kind::Same),
        ],
        Naming::Timm => [
            ("pre_logits.fc1", Kind::Window([7, 7])),
            ("pre_logits.fc2", Kind::Window([1, 1])),
            ("head.fc", Kind::Same),
        ],
    };
    let heads = heads.into_iter().skip(3 - linear.len());
    for (index, (theirs, kind)) in linear.iter().zip(heads) {
        add(features + index, theirs.to_owned(), kind);
    }
    Some(modules)
}

fn names(layers: &[Layer]) -> Vec<&'static str> {
    layers.iter().map(Layer::name).collect()
}
