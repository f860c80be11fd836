//! `[model]`: the input and the list of layers, with PyTorch's names and defaults.

use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::familiar;
use super::key::{Fallback, Key, Kind, MAX_SIZE};
use super::remedy;
use super::section::{Diagnostics, Section};
use super::source::Origin;
use super::tree::{Entry, Node, Table, Value};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Channels, height, width of one image.
    pub input: [usize; 3],
    pub layers: Vec<Layer>,
}

/// One layer as the file declares it. What it takes from the layer before (channels, features) is
/// inferred, see `shape.rs`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    Conv2d(Conv2d),
    BatchNorm2d(BatchNorm2d),
    Relu,
    MaxPool2d(MaxPool2d),
    AdaptiveAvgPool2d(AdaptiveAvgPool2d),
    Flatten,
    Dropout(Dropout),
    Linear(Linear),
}

/// As `torch.nn.Conv2d`. Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conv2d {
    pub out_channels: usize,
    pub kernel_size: [usize; 2],
    pub stride: [usize; 2],
    /// Zeros added on both sides.
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    pub bias: bool,
}

/// As `torch.nn.BatchNorm2d`, affine and with running statistics.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BatchNorm2d {
    /// Added to the variance.
    pub eps: f64,
    /// The share of a batch's statistics in the running ones.
    pub momentum: f64,
}

/// As `torch.nn.AdaptiveAvgPool2d`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AdaptiveAvgPool2d {
    /// Height and width of what it gives.
    pub output_size: [usize; 2],
}

/// As `torch.nn.MaxPool2d`, rounding down (`ceil_mode = False`). Pairs are height, width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MaxPool2d {
    pub kernel_size: [usize; 2],
    /// The kernel's size unless stated.
    pub stride: [usize; 2],
    /// Minus infinity added on both sides.
    pub padding: [usize; 2],
}

/// As `torch.nn.Dropout`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Dropout {
    /// The share of elements set to zero in training; the others are scaled by `1 / (1 - p)`.
    pub p: f64,
}

/// As `torch.nn.Linear`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Linear {
    pub out_features: usize,
    pub bias: bool,
}

const INPUT: Key = Key::required(
    "input",
    Kind::Array {
        each: &Kind::COUNT,
        length: Some(3),
        words: "[channels, height, width], each an integer from 1 to 1048576",
    },
    "the size of one image",
)
.unit("channels, pixels, pixels");
const LAYERS: Key = Key::required("layers", Kind::Layers(LAYER_KEYS), "the network");
pub const KEYS: &[Key] = &[INPUT, LAYERS];

/// The model as it was typed.
pub(super) struct Typed {
    pub model: Model,
    /// The leading layers that were read without error.
    pub good: usize,
    pub stated: Vec<Stated>,
}

/// What a config says that a layer takes, though it follows from the layer before.
pub(super) struct Stated {
    /// Index of the layer.
    pub layer: usize,
    pub key: Key,
    pub value: usize,
    pub origin: Origin,
}

/// Stands for an input that cannot be read.
pub(super) const UNREAD: [usize; 3] = [0; 3];

const PAIR: Kind = Kind::Pair {
    min: 1,
    max: MAX_SIZE,
};
const PADDING_PAIR: Kind = Kind::Pair {
    min: 0,
    max: MAX_SIZE,
};
const OUT_CHANNELS: Key = Key::required(
    "out_channels",
    Kind::COUNT,
    "the number of channels the layer gives",
);
const KERNEL_SIZE: Key =
    Key::required("kernel_size", PAIR, "the height and width of the window").unit("pixels");
const STRIDE: Key = Key::optional("stride", PAIR, "1", "the step of the window").unit("pixels");
const POOL_STRIDE: Key = Key::new(
    "stride",
    PAIR,
    Fallback::Derived("`kernel_size`"),
    "the step of the window",
)
.unit("pixels");
const PADDING: Key = Key::optional(
    "padding",
    PADDING_PAIR,
    "0",
    "what is added on both sides before the window moves",
)
.unit("pixels");
const DILATION: Key = Key::optional(
    "dilation",
    PAIR,
    "1",
    "the spacing of the kernel's elements",
)
.unit("pixels");
const GROUPS: Key = Key::optional(
    "groups",
    Kind::COUNT,
    "1",
    "the number of groups the channels are split into",
);
const BIAS: Key = Key::optional("bias", Kind::Boolean, "true", "whether a bias is added");
const P: Key = Key::optional(
    "p",
    Kind::SHARE,
    "0.5",
    "the share of elements set to zero in training",
);
const BATCH_NORM_EPS: Key = Key::optional(
    "eps",
    Kind::EPSILON,
    "1e-5",
    "the term added to the variance for numerical stability",
);
const MOMENTUM: Key = Key::optional(
    "momentum",
    Kind::SHARE,
    "0.1",
    "the share of each batch's statistics in the running ones, which evaluation uses",
);
const OUTPUT_SIZE: Key = Key::required(
    "output_size",
    PAIR,
    "the height and width that the layer gives",
);
const OUT_FEATURES: Key = Key::required(
    "out_features",
    Kind::COUNT,
    "the number of features the layer gives",
);

const IN_CHANNELS: Key = stated(
    "in_channels",
    "the number of channels the layer takes; may be stated, and is then checked",
);
const NUM_FEATURES: Key = stated(
    "num_features",
    "the number of channels the layer takes; may be stated, and is then checked",
);
const IN_FEATURES: Key = stated(
    "in_features",
    "the number of features the layer takes; may be stated, and is then checked",
);

const fn stated(name: &'static str, meaning: &'static str) -> Key {
    let fallback = Fallback::Derived("what the layer before gives");
    Key::new(name, Kind::COUNT, fallback, meaning)
}

/// Every layer of the language and its keys, in the order of [`Layer`].
pub const LAYER_KEYS: &[Key] = &[
    layer(
        "conv2d",
        &[
            IN_CHANNELS,
            OUT_CHANNELS,
            KERNEL_SIZE,
            STRIDE,
            PADDING,
            DILATION,
            GROUPS,
            BIAS,
        ],
        "a convolution, as torch.nn.Conv2d",
    ),
    layer(
        "batch_norm2d",
        &[NUM_FEATURES, BATCH_NORM_EPS, MOMENTUM],
        "batch normalization, as torch.nn.BatchNorm2d",
    ),
    layer("relu", &[], "max(0, x), as torch.nn.ReLU"),
    layer(
        "max_pool2d",
        &[KERNEL_SIZE, POOL_STRIDE, PADDING],
        "the largest of each window, as torch.nn.MaxPool2d",
    ),
    layer(
        "adaptive_avg_pool2d",
        &[OUTPUT_SIZE],
        "means over a grid of windows, as torch.nn.AdaptiveAvgPool2d",
    ),
    layer(
        "flatten",
        &[],
        "an image as features, row by row and channel by channel, as torch.nn.Flatten",
    ),
    layer(
        "dropout",
        &[P],
        "elements set to zero at random in training, as torch.nn.Dropout",
    ),
    layer(
        "linear",
        &[IN_FEATURES, OUT_FEATURES, BIAS],
        "a fully connected layer, as torch.nn.Linear",
    ),
];

const fn layer(name: &'static str, options: &'static [Key], meaning: &'static str) -> Key {
    Key::new(name, Kind::Table(options), Fallback::Nothing, meaning)
}

impl Typed {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let mut typed = Self {
            model: Model {
                input: section.sizes(&INPUT).unwrap_or(UNREAD),
                layers: Vec::new(),
            },
            good: 0,
            stated: Vec::new(),
        };
        let [channels, _, width] = typed.model.input;
        if let Some(node) = section.node(&INPUT)
            && channels > 4
            && matches!(width, 1 | 3)
        {
            let message = format!("images of {channels} channels and {width} columns");
            let help = "channels come first: [channels, height, width]";
            section.warn(node, message, None, help);
        }
        typed.read_layers(section);
        typed
    }

    fn read_layers(&mut self, section: &Section<'_>) {
        let Some(node) = section.node(&LAYERS) else {
            return;
        };
        let Value::Array(items) = &node.value else {
            return report_no_layers(section);
        };
        if items.is_empty() {
            return report_no_layers(section);
        }
        let diagnostics = section.diagnostics();
        let before = diagnostics.len();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", section.path_of("layers"));
            let Some((key, section)) = open_layer(&path, item, diagnostics) else {
                continue;
            };
            for key in key.keys() {
                let told = diagnostics.len();
                if [IN_CHANNELS, NUM_FEATURES, IN_FEATURES].contains(key)
                    && let Some(node) = section.node(key)
                {
                    let value = section.size(key);
                    // What cannot be read says nothing.
                    if diagnostics.len() == told {
                        self.stated.push(Stated {
                            layer: index,
                            key: *key,
                            value,
                            origin: node.origin.clone(),
                        });
                    }
                }
            }
            self.model.layers.push(Layer::read(key.name, &section));
            if diagnostics.len() == before {
                self.good = index + 1;
            }
        }
    }
}

fn report_no_layers(section: &Section<'_>) {
    section.report(
        &LAYERS,
        format!("`{}` must be {}", section.path_of("layers"), LAYERS.kind),
        "",
        "layers = [ { conv2d = { out_channels = 16, kernel_size = 5 } }, \"relu\", ... ]",
    );
}

impl Layer {
    /// The name the language has for it.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Conv2d(_) => "conv2d",
            Layer::BatchNorm2d(_) => "batch_norm2d",
            Layer::Relu => "relu",
            Layer::MaxPool2d(_) => "max_pool2d",
            Layer::AdaptiveAvgPool2d(_) => "adaptive_avg_pool2d",
            Layer::Flatten => "flatten",
            Layer::Dropout(_) => "dropout",
            Layer::Linear(_) => "linear",
        }
    }

    /// `name` is one of [`LAYER_KEYS`].
    fn read(name: &str, section: &Section<'_>) -> Self {
        match name {
            "conv2d" => Layer::Conv2d(Conv2d {
                out_channels: section.size(&OUT_CHANNELS),
                kernel_size: section.pair(&KERNEL_SIZE),
                stride: section.pair(&STRIDE),
                padding: section.pair(&PADDING),
                dilation: section.pair(&DILATION),
                groups: section.size(&GROUPS),
                bias: section.boolean(&BIAS),
            }),
            "batch_norm2d" => Layer::BatchNorm2d(BatchNorm2d {
                eps: section.float(&BATCH_NORM_EPS),
                momentum: section.float(&MOMENTUM),
            }),
            "relu" => Layer::Relu,
            "max_pool2d" => {
                let kernel_size = section.pair(&KERNEL_SIZE);
                Layer::MaxPool2d(MaxPool2d {
                    kernel_size,
                    stride: match section.node(&POOL_STRIDE) {
                        Some(_) => section.pair(&POOL_STRIDE),
                        None => kernel_size,
                    },
                    padding: section.pair(&PADDING),
                })
            }
            "adaptive_avg_pool2d" => Layer::AdaptiveAvgPool2d(AdaptiveAvgPool2d {
                output_size: section.pair(&OUTPUT_SIZE),
            }),
            "flatten" => Layer::Flatten,
            "dropout" => Layer::Dropout(Dropout {
                p: section.float(&P),
            }),
            "linear" => Layer::Linear(Linear {
                out_features: section.size(&OUT_FEATURES),
                bias: section.boolean(&BIAS),
            }),
            _ => unreachable!("every layer of the language is read"),
        }
    }
}

/// A layer is `"name"` where it needs no options, else `{ name = { options } }`. One with a wrong name
/// is opened all the same where there is no doubt which is meant, so that its options are checked too.
fn open_layer<'a>(
    path: &str,
    node: &'a Node,
    diagnostics: &'a Diagnostics,
) -> Option<(&'static Key, Section<'a>)> {
    let (name, options, origin) = match &node.value {
        Value::String(name) => (name, None, &node.origin),
        Value::Table(table) if table.len() == 1 => {
            let entry = table.entries().next()?;
            (&entry.key, Some(&entry.node), &entry.key_origin)
        }
        Value::Table(table) if table.len() > 1 => {
            diagnostics.push(several_keys(path, table));
            return None;
        }
        other => {
            diagnostics.push(
                Diagnostic::new(
                    format!("`{path}` must be a layer"),
                    node.origin.clone(),
                    match other {
                        Value::Table(_) => "this table is empty".to_owned(),
                        other => format!("this is {}", other.type_name()),
                    },
                )
                .help("a layer is \"relu\" or { conv2d = { out_channels = 16, kernel_size = 5 } }"),
            );
            return None;
        }
    };
    let known = LAYER_KEYS.iter().find(|key| key.name == name);
    let key = known.or_else(|| {
        let message = format!("unknown layer `{name}`");
        let (help, meant) = remedy::for_layer(name, LAYER_KEYS);
        diagnostics.push(Diagnostic::new(message, origin.clone(), "").help(help));
        meant
    })?;
    let path = format!("{path}.{}", key.name);
    let (origin, keys) = (origin.clone(), key.keys());
    let section = match options {
        Some(options) => {
            let foreign = familiar::OPTIONS;
            Section::new(&path, options, origin, keys, foreign, diagnostics)
        }
        None => Section::empty(path, origin, keys, diagnostics),
    };
    Some((key, section))
}

/// What is said of a layer that is a table with more than one key.
fn several_keys(path: &str, table: &Table) -> Diagnostic {
    let mut entries: Vec<&Entry> = table.entries().collect();
    entries.sort_by_key(|e| (e.key_origin.source, e.key_origin.span.start));
    let [first, second] = [entries[0], entries[1]];
    let typed = |key: &str| match table.get(key).map(|entry| &entry.node.value) {
        Some(Value::String(name)) => LAYER_KEYS.iter().find(|layer| layer.name == name),
        _ => None,
    };
    let by_type = ["type", "name", "class", "_target_"]
        .iter()
        .find_map(|key| typed(key));
    let layer = LAYER_KEYS.iter().find(|layer| layer.name == first.key);
    let is_option = |layer: &&Key| layer.keys().iter().any(|key| key.name == second.key);
    let help = match (by_type, layer.filter(is_option)) {
        (Some(layer), _) => format!("write {{ {} = {{ ... }} }}, its options inside", layer.name),
        (None, Some(layer)) => format!(
            "it is an option of `{0}`: {{ {0} = {{ {1} = ... }} }}, or {path}.{0}.{1}",
            layer.name, second.key
        ),
        (None, None) => "layers are the elements of the array, numbered from 0".to_owned(),
    };
    Diagnostic::new(
        format!("`{path}` must be one layer"),
        second.key_origin.clone(),
        format!("`{}` is a second one", second.key),
    )
    .related(
        first.key_origin.clone(),
        format!("`{}` is the first", first.key),
    )
    .help(help)
}
