//! Known networks as the text of a list of layers, so that they are read, checked and explained
//! like typed ones.

use std::fmt::Write;

use serde::Serialize;
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::language::word::Word;

/// A known network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, EnumString, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Preset {
    /// LeCun's network for digits.
    Lenet5,
    /// The network of the baseline.
    Tutorial,
    /// Three residual blocks.
    Resnet8,
    /// ResNet-18.
    Resnet18,
    /// VGG, configuration A, with batch normalization.
    Vgg11,
    /// Two hidden layers.
    Mlp,
    /// A small MobileNetV2.
    MobilenetSmall,
}

impl Word for Preset {}

/// Images with sides of at least this many pixels get the stem designed for 224.
const LARGE: usize = 64;

/// The layers of a preset for images of size `input` (channels, height, width) as a TOML array.
pub(crate) fn layers(
    preset: Preset,
    input: [usize; 3],
    width: Option<usize>,
    classes: usize,
) -> String {
    let [_, height, columns] = input;
    let side = height.min(columns);
    let mut text = Text("[\n".to_owned());
    match preset {
        Preset::Lenet5 => lenet5(&mut text, width.unwrap_or(6), side),
        Preset::Tutorial => tutorial(&mut text, width.unwrap_or(16)),
        Preset::Resnet8 => {
            let width = width.unwrap_or(16);
            stem(&mut text, width);
            resnet_stages(&mut text, &[width, 2 * width, 4 * width], 1);
            text.line("\"global_avg_pool\"");
        }
        Preset::Resnet18 => {
            let width = width.unwrap_or(64);
            if side >= LARGE {
                text.conv(width, 7, 2, 3, 1);
                text.norm_relu();
                text.line("{ max_pool2d = { kernel_size = 3, stride = 2, padding = 1 } }");
            } else {
                stem(&mut text, width);
            }
            resnet_stages(&mut text, &[width, 2 * width, 4 * width, 8 * width], 2);
            text.line("\"global_avg_pool\"");
        }
        Preset::Vgg11 => vgg11(&mut text, width.unwrap_or(64), side),
        Preset::Mlp => mlp(&mut text, width.unwrap_or(256)),
        Preset::MobilenetSmall => mobilenet_small(&mut text, width.unwrap_or(16), side),
    }
    text.linear(classes);
    text.0 + "]"
}

/// `Y. LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998`, with softmax
/// for its radial units. It took images of 32x32; smaller ones are padded.
fn lenet5(text: &mut Text, width: usize, side: usize) {
    let padding = if side < 32 { ", padding = 2" } else { "" };
    text.line(&format!(
        "{{ conv2d = {{ out_channels = {width}, kernel_size = 5{padding} }} }}"
    ));
    text.line("\"tanh\"");
    text.line("{ avg_pool2d = { kernel_size = 2 } }");
    text.line(&format!(
        "{{ conv2d = {{ out_channels = {}, kernel_size = 5 }} }}",
        width * 8 / 3
    ));
    text.line("\"tanh\"");
    text.line("{ avg_pool2d = { kernel_size = 2 } }");
    text.line("\"flatten\"");
    text.linear(20 * width);
    text.line("\"tanh\"");
    text.linear(14 * width);
    text.line("\"tanh\"");
}

/// The network of `configs/baseline.toml`.
fn tutorial(text: &mut Text, width: usize) {
    for (channels, kernel) in [(width, 5), (4 * width, 3)] {
        text.line(&format!(
            "{{ conv2d = {{ out_channels = {channels}, kernel_size = {kernel} }} }}"
        ));
        text.line("\"relu\"");
        text.line("{ max_pool2d = { kernel_size = 2 } }");
    }
    text.line("\"flatten\"");
    text.line("{ dropout = { p = 0.5 } }");
}

/// The first layers of a network for small images.
fn stem(text: &mut Text, width: usize) {
    text.conv(width, 3, 1, 1, 1);
    text.norm_relu();
}

/// `K. He et al., "Deep Residual Learning for Image Recognition", 2016`: each stage but the first
/// halves the image; the shortcut is a convolution where the shape changes.
fn resnet_stages(text: &mut Text, widths: &[usize], blocks: usize) {
    for (stage, width) in widths.iter().enumerate() {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            text.open_residual();
            text.conv(*width, 3, stride, 1, 1);
            text.norm_relu();
            text.conv(*width, 3, 1, 1, 1);
            text.line("\"batch_norm2d\"");
            if stride > 1 {
                text.shortcut();
                text.conv(*width, 1, stride, 0, 1);
                text.line("\"batch_norm2d\"");
            }
            text.close_residual();
            text.line("\"relu\"");
        }
    }
}

/// `K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
/// Recognition", 2015`, configuration A, with batch normalization. Small images are halved while
/// they can be, and have one linear layer for three.
fn vgg11(text: &mut Text, width: usize, side: usize) {
    let mut size = side;
    for (stage, convolutions) in [1, 1, 2, 2, 2].into_iter().enumerate() {
        for _ in 0..convolutions {
            text.conv(width << stage.min(3), 3, 1, 1, 1);
            text.norm_relu();
        }
        if size >= 2 {
            text.line("{ max_pool2d = { kernel_size = 2 } }");
            size /= 2;
        }
    }
    if side < LARGE {
        text.line("\"flatten\"");
        return;
    }
    text.line("{ adaptive_avg_pool2d = { output_size = 7 } }");
    text.line("\"flatten\"");
    for _ in 0..2 {
        text.linear(64 * width);
        text.line("\"relu\"");
        text.line("\"dropout\"");
    }
}

/// Two hidden layers.
fn mlp(text: &mut Text, width: usize) {
    text.line("\"flatten\"");
    for _ in 0..2 {
        text.linear(width);
        text.line("\"relu\"");
    }
}

/// Inverted residuals as in `M. Sandler et al., "MobileNetV2", 2018`, fewer of them: expansion 4,
/// three stages, each of which halves the image but the first of small ones.
fn mobilenet_small(text: &mut Text, width: usize, side: usize) {
    const EXPANSION: usize = 4;
    text.conv(width, 3, if side >= LARGE { 2 } else { 1 }, 1, 1);
    text.norm("relu6");
    let mut channels = width;
    for (stage, blocks) in [1, 2, 2].into_iter().enumerate() {
        let out = width << stage;
        for block in 0..blocks {
            let halves = block == 0 && (stage > 0 || side >= LARGE);
            let stride = if halves { 2 } else { 1 };
            let is_residual = !halves && channels == out;
            if is_residual {
                text.open_residual();
            }
            text.conv(EXPANSION * channels, 1, 1, 0, 1);
            text.norm("relu6");
            text.conv(EXPANSION * channels, 3, stride, 1, EXPANSION * channels);
            text.norm("relu6");
            text.conv(out, 1, 1, 0, 1);
            text.line("\"batch_norm2d\"");
            if is_residual {
                text.close_residual();
            }
            channels = out;
        }
    }
    text.conv(EXPANSION * channels, 1, 1, 0, 1);
    text.norm("relu6");
    text.line("\"global_avg_pool\"");
}

/// The text of a list of layers, one a line.
struct Text(String);

impl Text {
    fn line(&mut self, layer: &str) {
        // A string takes any text.
        let _ = writeln!(self.0, "  {layer},");
    }

    /// A convolution without bias, as a batch norm follows.
    fn conv(&mut self, out: usize, kernel: usize, stride: usize, padding: usize, groups: usize) {
        let mut options = format!("out_channels = {out}, kernel_size = {kernel}");
        for (name, value, default) in [
            ("stride", stride, 1),
            ("padding", padding, 0),
            ("groups", groups, 1),
        ] {
            if value != default {
                options += &format!(", {name} = {value}");
            }
        }
        self.line(&format!("{{ conv2d = {{ {options}, bias = false }} }}"));
    }

    fn norm(&mut self, activation: &str) {
        self.line("\"batch_norm2d\"");
        self.line(&format!("\"{activation}\""));
    }

    fn norm_relu(&mut self) {
        self.norm("relu");
    }

    fn linear(&mut self, out_features: usize) {
        self.line(&format!(
            "{{ linear = {{ out_features = {out_features} }} }}"
        ));
    }

    fn open_residual(&mut self) {
        self.0.push_str("  { residual = { layers = [\n");
    }

    fn shortcut(&mut self) {
        self.0.push_str("  ], shortcut = [\n");
    }

    fn close_residual(&mut self) {
        self.0.push_str("  ] } },\n");
    }
}
