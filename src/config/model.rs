//! `[model]`: the input and the list of layers, with PyTorch's names and defaults.

use serde::Serialize;

use super::diagnostic::Diagnostic;
use super::key::{Key, Kind, MAX_SIZE};
use super::section::{Diagnostics, Section, suggest};
use super::tree::{Node, Value};

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
    Kind::Other("[channels, height, width], each an integer from 1 to 1048576"),
    "the size of one image",
);
const LAYERS: Key = Key::required(
    "layers",
    Kind::Other("an array of at least one layer, in the order in which data flow"),
    "the network",
);
pub const KEYS: &[Key] = &[INPUT, LAYERS];

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
const KERNEL_SIZE: Key = Key::required("kernel_size", PAIR, "the height and width of the window");
const STRIDE: Key = Key::optional("stride", PAIR, "1", "the step of the window");
const POOL_STRIDE: Key = Key::optional(
    "stride",
    PAIR,
    "\"kernel_size\"", // never read: the reader takes the kernel's size itself
    "the step of the window",
);
const PADDING: Key = Key::optional(
    "padding",
    PADDING_PAIR,
    "0",
    "what is added on both sides before the window moves",
);
const DILATION: Key = Key::optional(
    "dilation",
    PAIR,
    "1",
    "the spacing of the kernel's elements",
);
const GROUPS: Key = Key::optional(
    "groups",
    Kind::COUNT,
    "1",
    "the number of groups the channels are split into",
);
const BIAS: Key = Key::optional("bias", Kind::Boolean, "true", "whether a bias is added");
const P: Key = Key::optional(
    "p",
    Kind::Float {
        min: 0.0,
        max: 1.0,
        open: false,
    },
    "0.5",
    "the share of elements set to zero in training",
);
const BATCH_NORM_EPS: Key = Key::optional(
    "eps",
    // Less is nothing in single precision.
    Kind::Float {
        min: 1e-37,
        max: f64::INFINITY,
        open: false,
    },
    "1e-5",
    "the term added to the variance for numerical stability",
);
const MOMENTUM: Key = Key::optional(
    "momentum",
    Kind::Float {
        min: 0.0,
        max: 1.0,
        open: false,
    },
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

/// Every layer of the language and its keys, in the order of [`Layer`].
pub const LAYER_KEYS: &[(&str, &[Key])] = &[
    (
        "conv2d",
        &[
            OUT_CHANNELS,
            KERNEL_SIZE,
            STRIDE,
            PADDING,
            DILATION,
            GROUPS,
            BIAS,
        ],
    ),
    ("batch_norm2d", &[BATCH_NORM_EPS, MOMENTUM]),
    ("relu", &[]),
    ("max_pool2d", &[KERNEL_SIZE, POOL_STRIDE, PADDING]),
    ("adaptive_avg_pool2d", &[OUTPUT_SIZE]),
    ("flatten", &[]),
    ("dropout", &[P]),
    ("linear", &[OUT_FEATURES, BIAS]),
];

impl Model {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            input: section.sizes(&INPUT, Kind::COUNT).unwrap_or(UNREAD),
            layers: read_layers(section),
        }
    }
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

    fn read(name: &str, section: &Section<'_>) -> Option<Self> {
        Some(match name {
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
            _ => return None,
        })
    }
}

fn read_layers(section: &Section<'_>) -> Vec<Layer> {
    let Some(node) = section.node(&LAYERS) else {
        return Vec::new();
    };
    match &node.value {
        Value::Array(items) if !items.is_empty() => items
            .iter()
            .enumerate()
            .filter_map(|(index, item)| {
                let path = format!("{}[{index}]", section.path_of("layers"));
                read_layer(&path, item, section.diagnostics())
            })
            .collect(),
        _ => {
            section.report(
                &LAYERS,
                format!("`{}` must be {}", section.path_of("layers"), LAYERS.kind),
                "",
                "layers = [ { conv2d = { out_channels = 16, kernel_size = 5 } }, \"relu\", ... ]",
            );
            Vec::new()
        }
    }
}

/// A layer is `"name"` where it needs no options, else `{ name = { options } }`.
fn read_layer(path: &str, node: &Node, diagnostics: &Diagnostics) -> Option<Layer> {
    let empty = Node {
        value: Value::Table(Default::default()),
        origin: node.origin.clone(),
    };
    let (name, options, origin) = match &node.value {
        Value::String(name) => (name, &empty, &node.origin),
        Value::Table(table) if table.entries.len() == 1 => {
            let entry = &table.entries[0];
            (&entry.key, &entry.node, &entry.key_origin)
        }
        Value::Table(table) if table.entries.len() > 1 => {
            let mut entries: Vec<_> = table.entries.iter().collect();
            entries.sort_by_key(|e| (e.key_origin.source, e.key_origin.span.start));
            let [first, second] = [entries[0], entries[1]];
            diagnostics.push(
                Diagnostic::new(
                    format!("`{path}` must be one layer"),
                    second.key_origin.clone(),
                    format!("`{}` is a second one", second.key),
                )
                .related(
                    first.key_origin.clone(),
                    format!("`{}` is the first", first.key),
                )
                .help("layers are the elements of the array, numbered from 0"),
            );
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
    let Some((_, keys)) = LAYER_KEYS.iter().find(|(known, _)| known == name) else {
        let names: Vec<&str> = LAYER_KEYS.iter().map(|(name, _)| *name).collect();
        let message = format!("unknown layer `{name}`");
        diagnostics.push(Diagnostic::new(message, origin.clone(), "").help(suggest(name, &names)));
        return None;
    };
    let path = format!("{path}.{name}");
    let section = Section::new(&path, options, origin.clone(), keys, diagnostics);
    Layer::read(name, &section)
}
