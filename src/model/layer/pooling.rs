//! Pools.

use burn::module::Module;
use burn::nn::PaddingConfig2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};

use crate::config;
use crate::kernels::{self, PoolGeometry};
use crate::model::flow::Flow;

/// A pool.
#[derive(Module, Debug)]
pub enum Pooling {
    /// As `torch.nn.MaxPool2d`.
    Max(MaxPool2d),
    /// As `torch.nn.AvgPool2d`.
    Avg(AvgPool2d),
    /// As `torch.nn.AdaptiveAvgPool2d`.
    AdaptiveAvg(AdaptiveAvgPool2d),
    /// `[batch, channels, height, width]` to the means `[batch, channels]`.
    GlobalAvg(GlobalAvgPool),
}

/// As `torch.nn.AvgPool2d`.
#[derive(Module, Debug)]
pub struct AvgPool2d {
    #[module(skip)]
    pool: PoolGeometry,
    count_include_pad: bool,
}

/// As `torch.nn.AdaptiveAvgPool2d`.
#[derive(Module, Debug)]
pub struct AdaptiveAvgPool2d {
    output_size: [usize; 2],
}

/// The mean of each channel.
#[derive(Module, Debug)]
pub struct GlobalAvgPool;

impl Pooling {
    /// The layer with its sizes.
    pub fn new(layer: &config::Pooling) -> Self {
        match layer {
            config::Pooling::MaxPool2d(pool) => {
                let [vertical, horizontal] = pool.padding;
                let padding = PaddingConfig2d::Explicit(vertical, horizontal, vertical, horizontal);
                let pool = MaxPool2dConfig::new(pool.kernel_size)
                    .with_strides(pool.stride)
                    .with_padding(padding);
                Self::Max(pool.init())
            }
            config::Pooling::AvgPool2d(pool) => Self::Avg(AvgPool2d {
                pool: PoolGeometry {
                    kernel_size: pool.kernel_size,
                    stride: pool.stride,
                    padding: pool.padding,
                },
                count_include_pad: pool.count_include_pad,
            }),
            config::Pooling::AdaptiveAvgPool2d(pool) => Self::AdaptiveAvg(AdaptiveAvgPool2d {
                output_size: pool.output_size,
            }),
            config::Pooling::GlobalAvgPool => Self::GlobalAvg(GlobalAvgPool),
        }
    }

    /// Takes images.
    pub fn forward(&self, input: Flow) -> Flow {
        let x = input.image();
        match self {
            Self::Max(pool) => Flow::Image(pool.forward(x)),
            Self::Avg(layer) => {
                Flow::Image(kernels::avg_pool2d(x, layer.pool, layer.count_include_pad))
            }
            Self::AdaptiveAvg(pool) => {
                Flow::Image(kernels::adaptive_avg_pool2d(x, pool.output_size))
            }
            Self::GlobalAvg(_) => Flow::Flat(kernels::adaptive_avg_pool2d(x, [1, 1]).flatten(1, 3)),
        }
    }
}

/// The sizes of a max pool, as kernels take them.
pub fn geometry(pool: &MaxPool2d) -> PoolGeometry {
    let PaddingConfig2d::Explicit(vertical, horizontal, ..) = pool.padding else {
        unreachable!("the padding of layers is explicit")
    };
    PoolGeometry {
        kernel_size: pool.kernel_size,
        stride: pool.stride,
        padding: [vertical, horizontal],
    }
}
