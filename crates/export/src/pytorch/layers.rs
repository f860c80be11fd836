//! Layers as expressions of Python.

use std::fmt::Write;

use crate::config::{
    self, Activation, Approximate, Conv2d, ConvTranspose2d, Convolution, Layer, Normalization,
    Padding, Pooling, Shape,
};

/// The lines of a list of layers, each with a comma, this many spaces from the left.
pub(super) fn list(layers: &[Layer], mut input: Shape, indent: usize) -> String {
    let mut text = String::new();
    for layer in layers {
        // A string takes any text.
        let _ = writeln!(text, "{:indent$}{},", "", expression(layer, input, indent));
        input = config::output_shape(layer, input);
    }
    text
}

/// The modules of `torch.nn`, which our layers are named after.
fn expression(layer: &Layer, input: Shape, indent: usize) -> String {
    match layer {
        Layer::Linear(linear) => format!(
            "nn.Linear({}, {}, bias={})",
            channels(input),
            linear.out_features,
            boolean(linear.bias)
        ),
        Layer::Dropout(dropout) => format!("nn.Dropout(p={:?})", dropout.p),
        Layer::Dropout2d(dropout) => format!("nn.Dropout2d(p={:?})", dropout.p),
        Layer::Flatten => "nn.Flatten()".to_owned(),
        Layer::Residual(residual) => {
            let branch = |layers: &[Layer]| match layers {
                [] => "[]".to_owned(),
                layers => format!(
                    "[\n{}{:2$}]",
                    list(layers, input, indent + 8),
                    "",
                    indent + 4
                ),
            };
            format!(
                "Residual(\n{0:1$}layers={2},\n{0:1$}shortcut={3},\n{0:indent$})",
                "",
                indent + 4,
                branch(&residual.layers),
                branch(&residual.shortcut),
            )
        }
        Layer::Convolution(Convolution::Conv2d(conv)) => conv2d(conv, input),
        Layer::Convolution(Convolution::ConvTranspose2d(conv)) => conv_transpose2d(conv, input),
        Layer::Normalization(norm) => normalization(norm, input),
        Layer::Activation(function) => activation(function),
        Layer::Pooling(pool) => pooling(pool),
    }
}

fn conv2d(conv: &Conv2d, input: Shape) -> String {
    let padding = match conv.padding {
        Padding::Pixels(pair) => tuple(pair),
        Padding::Same => "\"same\"".to_owned(),
    };
    format!(
        "nn.Conv2d({}, {}, {}, stride={}, padding={padding}, dilation={}, groups={}, bias={})",
        channels(input),
        conv.out_channels,
        tuple(conv.kernel_size),
        tuple(conv.stride),
        tuple(conv.dilation),
        conv.groups,
        boolean(conv.bias)
    )
}

fn conv_transpose2d(conv: &ConvTranspose2d, input: Shape) -> String {
    format!(
        "nn.ConvTranspose2d({}, {}, {}, stride={}, padding={}, output_padding={}, groups={}, bias={}, dilation={})",
        channels(input),
        conv.out_channels,
        tuple(conv.kernel_size),
        tuple(conv.stride),
        tuple(conv.padding),
        tuple(conv.output_padding),
        conv.groups,
        boolean(conv.bias),
        tuple(conv.dilation)
    )
}

fn normalization(norm: &Normalization, input: Shape) -> String {
    let channels = channels(input);
    match norm {
        Normalization::BatchNorm2d(norm) => {
            let (eps, momentum) = (norm.eps, norm.momentum);
            format!("nn.BatchNorm2d({channels}, eps={eps:?}, momentum={momentum:?})")
        }
        Normalization::BatchNorm1d(norm) => {
            let (eps, momentum) = (norm.eps, norm.momentum);
            format!("nn.BatchNorm1d({channels}, eps={eps:?}, momentum={momentum:?})")
        }
        Normalization::GroupNorm(norm) => format!(
            "nn.GroupNorm({}, {channels}, eps={:?}, affine={})",
            norm.num_groups,
            norm.eps,
            boolean(norm.affine)
        ),
        Normalization::LayerNorm(norm) => format!(
            "nn.LayerNorm({}, eps={:?}, elementwise_affine={}, bias={})",
            match input {
                Shape::Image { height, width, .. } => format!("[{channels}, {height}, {width}]"),
                Shape::Flat { features } => format!("[{features}]"),
            },
            norm.eps,
            boolean(norm.elementwise_affine),
            boolean(norm.bias)
        ),
        Normalization::InstanceNorm2d(norm) => format!(
            "nn.InstanceNorm2d({channels}, eps={:?}, affine={})",
            norm.eps,
            boolean(norm.affine)
        ),
    }
}

fn activation(activation: &Activation) -> String {
    match activation {
        Activation::Relu => "nn.ReLU()".to_owned(),
        Activation::Relu6 => "nn.ReLU6()".to_owned(),
        Activation::LeakyRelu(leaky) => {
            format!("nn.LeakyReLU(negative_slope={:?})", leaky.negative_slope)
        }
        Activation::Gelu(gelu) => match gelu.approximate {
            Approximate::None => "nn.GELU()".to_owned(),
            Approximate::Tanh => "nn.GELU(approximate=\"tanh\")".to_owned(),
        },
        Activation::Silu => "nn.SiLU()".to_owned(),
        Activation::Elu(elu) => format!("nn.ELU(alpha={:?})", elu.alpha),
        Activation::HardSwish => "nn.Hardswish()".to_owned(),
        Activation::Sigmoid => "nn.Sigmoid()".to_owned(),
        Activation::Tanh => "nn.Tanh()".to_owned(),
        Activation::Softplus(softplus) => {
            let (beta, threshold) = (softplus.beta, softplus.threshold);
            format!("nn.Softplus(beta={beta:?}, threshold={threshold:?})")
        }
        Activation::Prelu(prelu) => {
            format!(
                "nn.PReLU(num_parameters={}, init={:?})",
                prelu.num_parameters, prelu.init
            )
        }
    }
}

fn pooling(pool: &Pooling) -> String {
    match pool {
        Pooling::MaxPool2d(pool) => format!(
            "nn.MaxPool2d({}, stride={}, padding={})",
            tuple(pool.kernel_size),
            tuple(pool.stride),
            tuple(pool.padding)
        ),
        Pooling::AvgPool2d(pool) => format!(
            "nn.AvgPool2d({}, stride={}, padding={}, count_include_pad={})",
            tuple(pool.kernel_size),
            tuple(pool.stride),
            tuple(pool.padding),
            boolean(pool.count_include_pad)
        ),
        Pooling::AdaptiveAvgPool2d(pool) => {
            format!("nn.AdaptiveAvgPool2d({})", tuple(pool.output_size))
        }
        Pooling::GlobalAvgPool => "nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())".to_owned(),
    }
}

fn tuple([a, b]: [usize; 2]) -> String {
    format!("({a}, {b})")
}

fn boolean(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

fn channels(shape: Shape) -> usize {
    match shape {
        Shape::Image { channels, .. } => channels,
        Shape::Flat { features } => features,
    }
}
