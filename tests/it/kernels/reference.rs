//! The operations once more, as plain as they can be, in double precision.

use runner::kernels::Rectifier;
use runner::kernels::conv_relu_pool::ConvReluPoolGeometry;
use runner::kernels::{Conv2dGeometry, PoolGeometry};

/// Images `[batch, in, height, width]` to `[batch, out, height, width]`; padding is made of zeros.
pub fn conv2d(
    geometry: &Conv2dGeometry,
    x: &[f64],
    weight: &[f64],
    bias: Option<&[f64]>,
) -> Vec<f64> {
    let [height, width] = geometry.size;
    let [kernel_height, kernel_width] = geometry.kernel_size;
    let (ins, outs) = (geometry.in_channels, geometry.out_channels);
    let (group_ins, group_outs) = (ins / geometry.groups, outs / geometry.groups);
    let [rows, columns] = geometry.output_size();
    let mut y = Vec::new();
    for image in x.chunks_exact(ins * height * width) {
        let pixel = |channel: usize, row: usize, column: usize| {
            let row = row.checked_sub(geometry.padding[0]);
            let column = column.checked_sub(geometry.padding[1]);
            match (row, column) {
                (Some(row), Some(column)) if row < height && column < width => {
                    image[(channel * height + row) * width + column]
                }
                _ => 0.0,
            }
        };
        for (out, row, column) in places([outs, rows, columns]) {
            let mut sum = bias.map_or(0.0, |bias| bias[out]);
            for (channel, ky, kx) in places([group_ins, kernel_height, kernel_width]) {
                let index = (out * group_ins + channel) * kernel_height + ky;
                sum += weight[index * kernel_width + kx]
                    * pixel(
                        out / group_outs * group_ins + channel,
                        row * geometry.stride[0] + ky * geometry.dilation[0],
                        column * geometry.stride[1] + kx * geometry.dilation[1],
                    );
            }
            y.push(sum);
        }
    }
    y
}

/// The values after a rectifier; NaN stays.
pub fn rectified(values: Vec<f64>, rectifier: Option<Rectifier>) -> Vec<f64> {
    let limit = match rectifier {
        None => return values,
        Some(Rectifier::Relu) => f64::INFINITY,
        Some(Rectifier::Relu6) => 6.0,
    };
    let values = relu(values).into_iter();
    values
        .map(|value| if value > limit { limit } else { value })
        .collect()
}

/// NaN stays.
pub fn relu(values: Vec<f64>) -> Vec<f64> {
    let relu = |value| if value < 0.0 { 0.0 } else { value };
    values.into_iter().map(relu).collect()
}

/// The largest of each window of planes of `[height, width]`, or NaN where there is one.
pub fn max_pool2d(geometry: &PoolGeometry, size: [usize; 2], x: &[f64]) -> Vec<f64> {
    let [height, width] = size;
    let [rows, columns] = geometry.output_size(size);
    let [kernel_height, kernel_width] = geometry.kernel_size;
    let mut y = Vec::new();
    for plane in x.chunks_exact(height * width) {
        for (_, row, column) in places([1, rows, columns]) {
            let mut most = f64::NEG_INFINITY;
            for (_, ky, kx) in places([1, kernel_height, kernel_width]) {
                let row = (row * geometry.stride[0] + ky).wrapping_sub(geometry.padding[0]);
                let column = (column * geometry.stride[1] + kx).wrapping_sub(geometry.padding[1]);
                if row < height && column < width {
                    let value = plane[row * width + column];
                    if value > most || value.is_nan() {
                        most = value;
                    }
                }
            }
            y.push(most);
        }
    }
    y
}

/// `max_pool2d(relu(conv2d(x, weight) + bias))`
pub fn block(
    geometry: &ConvReluPoolGeometry,
    x: &[f64],
    weight: &[f64],
    bias: Option<&[f64]>,
) -> Vec<f64> {
    let activations = relu(conv2d(&geometry.conv2d, x, weight, bias));
    max_pool2d(&geometry.pool, geometry.conv2d.output_size(), &activations)
}

/// `[batch, in]` times `[in, out]`.
pub fn linear(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let (ins, outs) = (weight.len() / bias.len(), bias.len());
    let rows = x.chunks_exact(ins).flat_map(|row| {
        (0..outs).map(move |out| {
            let products = (0..ins).map(|at| row[at] * weight[at * outs + out]);
            bias[out] + products.sum::<f64>()
        })
    });
    rows.collect()
}

/// The mean of `-log softmax(logits)[target]`.
pub fn cross_entropy(logits: &[f64], targets: &[u32]) -> f64 {
    let rows = logits.chunks_exact(logits.len() / targets.len());
    let losses = rows.zip(targets).map(|(row, target)| {
        let sum: f64 = row.iter().map(|logit| logit.exp()).sum();
        sum.ln() - row[*target as usize]
    });
    losses.sum::<f64>() / targets.len() as f64
}

pub fn to_f64(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}

/// All places of a box, row after row.
fn places([planes, rows, columns]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..planes * rows * columns)
        .map(move |at| (at / columns / rows, at / columns % rows, at % columns))
}
