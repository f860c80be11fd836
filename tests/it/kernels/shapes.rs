//! Sizes and numbers to try the kernels on.

use std::ops::RangeInclusive;

use proptest::prelude::*;
use proptest::sample::select;
use runner::kernels::conv_relu_pool::ConvReluPoolGeometry;
use runner::kernels::{Conv2dGeometry, PoolGeometry};
use runner::random::{Purpose, stream};

/// A block, of which a convolution alone is the first part.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub batch: usize,
    pub block: ConvReluPoolGeometry,
    pub has_bias: bool,
    pub seed: u64,
}

/// What a convolution takes, each in the order of its shape.
pub struct Operands {
    pub x: Vec<f32>,
    pub weight: Vec<f32>,
    pub bias: Option<Vec<f32>>,
}

#[derive(Debug, Clone, Copy)]
pub enum Numbers {
    /// From -2 to 2; of such, sums of products are exact, so that their order does not matter and
    /// many are equal.
    Halves,
    /// From -1 to 1; the order of sums shows in their last bits.
    Fractions,
}

impl Numbers {
    pub fn draw(self, seed: u64, array: u64, length: usize) -> Vec<f32> {
        let mut stream = stream(seed, Purpose::Proof, 0, array);
        let draw = || match self {
            Numbers::Halves => stream.below(9) as f32 / 2.0 - 2.0,
            Numbers::Fractions => stream.symmetric(1.0),
        };
        std::iter::repeat_with(draw).take(length).collect()
    }
}

impl Shape {
    pub fn x(&self) -> [usize; 4] {
        let [height, width] = self.block.conv2d.size;
        [self.batch, self.block.conv2d.in_channels, height, width]
    }

    pub fn weight(&self) -> [usize; 4] {
        let conv2d = &self.block.conv2d;
        let [height, width] = conv2d.kernel_size;
        let inputs = conv2d.in_channels / conv2d.groups;
        [conv2d.out_channels, inputs, height, width]
    }

    /// Of the convolution's output.
    pub fn conv2d_y(&self) -> [usize; 4] {
        let [height, width] = self.block.conv2d.output_size();
        [self.batch, self.block.conv2d.out_channels, height, width]
    }

    /// Of the block's output.
    pub fn block_y(&self) -> [usize; 4] {
        let [height, width] = self.block.output_size();
        [self.batch, self.block.conv2d.out_channels, height, width]
    }

    pub fn operands(&self, numbers: Numbers) -> Operands {
        let draw = |array, length| numbers.draw(self.seed, array, length);
        Operands {
            x: draw(0, self.x().iter().product()),
            weight: draw(1, self.weight().iter().product()),
            bias: self
                .has_bias
                .then(|| draw(2, self.block.conv2d.out_channels)),
        }
    }

    /// A gradient of an output of this shape.
    pub fn dy(&self, numbers: Numbers, y: [usize; 4]) -> Vec<f32> {
        numbers.draw(self.seed, 3, y.iter().product())
    }
}

/// Blocks of all kinds, with up to so many samples and channels.
pub fn shapes(samples: usize, channels: usize) -> impl Strategy<Value = Shape> {
    let batch = prop_oneof![1..=samples.min(3), 1..=samples];
    let axes = prop_oneof![1 => [usual_axis(), usual_axis()], 3 => [axis(), axis()]];
    let geometry = (groups_and_channels(channels), axes).prop_map(
        |([groups, in_channels, out_channels], axes)| {
            let conv2d = Conv2dGeometry {
                in_channels,
                out_channels,
                size: axes.map(|axis| axis.size),
                kernel_size: axes.map(|axis| axis.kernel),
                stride: axes.map(|axis| axis.stride),
                padding: axes.map(|axis| axis.padding),
                dilation: axes.map(|axis| axis.dilation),
                groups,
            };
            let size = conv2d.output_size();
            let pool = |index: usize| axes[index].pool.fitted_to(size[index]);
            let pools = [pool(0), pool(1)];
            let pool = PoolGeometry {
                kernel_size: pools.map(|pool| pool.kernel),
                stride: pools.map(|pool| pool.stride),
                padding: pools.map(|pool| pool.padding),
            };
            ConvReluPoolGeometry { conv2d, pool }
        },
    );
    (batch, geometry, any::<bool>(), any::<u64>()).prop_map(|(batch, block, has_bias, seed)| {
        Shape {
            batch,
            block,
            has_bias,
            seed,
        }
    })
}

/// Blocks of all kinds, and some with as many channels as deep layers have, whose sums are shared out in other ways.
pub fn shapes_and_deep_ones(samples: usize, channels: usize) -> impl Strategy<Value = Shape> {
    prop_oneof![5 => shapes(samples, channels), 1 => deep_shapes(), 1 => depthwise_shapes(channels)]
}

/// `[in_channels, out_channels, kernel_size, stride]` by Winograd's filtering with one sum a chunk and with one for the
/// batch, and by plain products with one for the batch.
const DEEP: [[usize; 4]; 6] = [
    [64, 64, 3, 1],
    [130, 120, 3, 1],
    [512, 48, 3, 1],
    [128, 130, 3, 2],
    [512, 270, 1, 1],
    [300, 450, 1, 2],
];

fn deep_shapes() -> impl Strategy<Value = Shape> {
    let geometry = (select(&DEEP[..]), [1..=6usize, 1..=6], [0..=2usize, 0..=2]);
    let geometry = geometry.prop_map(
        |([in_channels, out_channels, kernel, stride], more, padding)| {
            let padding = padding.map(|padding| padding.min(kernel - 1));
            Conv2dGeometry {
                in_channels,
                out_channels,
                size: [0, 1].map(|axis| kernel.saturating_sub(2 * padding[axis]).max(more[axis])),
                kernel_size: [kernel; 2],
                stride: [stride; 2],
                padding,
                dilation: [1, 1],
                groups: 1,
            }
        },
    );
    with_pools(1..=5, geometry)
}

fn depthwise_shapes(channels: usize) -> impl Strategy<Value = Shape> {
    let geometry = (2..=channels, [axis(), axis()]).prop_map(|(channels, axes)| Conv2dGeometry {
        in_channels: channels,
        out_channels: channels,
        size: axes.map(|axis| axis.size),
        kernel_size: axes.map(|axis| axis.kernel),
        stride: axes.map(|axis| axis.stride),
        padding: axes.map(|axis| axis.padding),
        dilation: axes.map(|axis| axis.dilation),
        groups: channels,
    });
    with_pools(1..=5, geometry)
}

fn with_pools(
    samples: RangeInclusive<usize>,
    geometry: impl Strategy<Value = Conv2dGeometry>,
) -> impl Strategy<Value = Shape> {
    let pools = [pool_axis(), pool_axis()];
    (samples, geometry, pools, any::<bool>(), any::<u64>()).prop_map(
        |(batch, conv2d, pools, has_bias, seed)| {
            let size = conv2d.output_size();
            let pools = [pools[0].fitted_to(size[0]), pools[1].fitted_to(size[1])];
            let pool = PoolGeometry {
                kernel_size: pools.map(|pool| pool.kernel),
                stride: pools.map(|pool| pool.stride),
                padding: pools.map(|pool| pool.padding),
            };
            Shape {
                batch,
                block: ConvReluPoolGeometry { conv2d, pool },
                has_bias,
                seed,
            }
        },
    )
}

/// One group, a few, or as many as channels.
fn groups_and_channels(most: usize) -> impl Strategy<Value = [usize; 3]> {
    let groups = prop_oneof![3 => Just(1), 1 => 1..=most.min(4), 1 => 1..=most];
    groups.prop_flat_map(move |groups| {
        let channels = 1..=most / groups;
        (channels.clone(), channels)
            .prop_map(move |(inputs, outputs)| [groups, groups * inputs, groups * outputs])
    })
}

#[derive(Debug, Clone, Copy)]
struct Axis {
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
    pool: PoolAxis,
}

/// Of what most networks are made of.
fn usual_axis() -> BoxedStrategy<Axis> {
    let pool = prop_oneof![2 => Just(HALVING), 1 => pool_axis()];
    (0..=2usize, 0..=8usize, pool)
        .prop_map(|(padding, more, pool)| Axis::new(3, 1, padding, 1, more, pool))
        .boxed()
}

fn axis() -> BoxedStrategy<Axis> {
    let stride = prop_oneof![1 => Just(1), 1 => 1..=6usize];
    let padding = prop_oneof![Just(0), 0..=3usize];
    let dilation = prop_oneof![3 => Just(1), 1 => 1..=3usize];
    let more = prop_oneof![1 => Just(0), 4 => 0..=8usize];
    (1..=5usize, stride, padding, dilation, more, pool_axis())
        .prop_map(|(kernel, stride, padding, dilation, more, pool)| {
            Axis::new(kernel, stride, padding, dilation, more, pool)
        })
        .boxed()
}

impl Axis {
    /// With an image that is so much larger than the smallest that the kernel fits.
    fn new(
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        more: usize,
        pool: PoolAxis,
    ) -> Self {
        let reach = dilation * (kernel - 1) + 1;
        Self {
            size: reach.saturating_sub(2 * padding).max(1) + more,
            kernel,
            stride,
            padding,
            dilation,
            pool,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct PoolAxis {
    kernel: usize,
    stride: usize,
    padding: usize,
}

const HALVING: PoolAxis = PoolAxis {
    kernel: 2,
    stride: 2,
    padding: 0,
};

fn pool_axis() -> impl Strategy<Value = PoolAxis> {
    let kernel = prop_oneof![Just(2), Just(3), 1..=4usize];
    kernel.prop_flat_map(|kernel| {
        (1..=4usize, 0..=kernel / 2).prop_map(move |(stride, padding)| PoolAxis {
            kernel,
            stride,
            padding,
        })
    })
}

impl PoolAxis {
    /// With a window no larger than so many activations.
    fn fitted_to(self, size: usize) -> Self {
        let kernel = self.kernel.min(size);
        Self {
            kernel,
            padding: self.padding.min(kernel / 2),
            ..self
        }
    }
}
