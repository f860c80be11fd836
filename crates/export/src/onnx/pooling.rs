//! Pools.

use super::graph::{Attribute, Graph};
use super::writer::{Flow, flatten, pads};
use crate::config::{Pooling, Shape};

/// Writes a pool; gives the name of its output.
pub(super) fn write(graph: &mut Graph<'_>, pool: &Pooling, path: &str, input: &Flow) -> String {
    let x = &input.name;
    match pool {
        Pooling::MaxPool2d(pool) => {
            let window = window(pool.kernel_size, pool.stride, pool.padding);
            graph.node("MaxPool", &[x], path, window)
        }
        Pooling::AvgPool2d(pool) => {
            let mut window = window(pool.kernel_size, pool.stride, pool.padding);
            let counts = usize::from(pool.count_include_pad);
            window.push(("count_include_pad", Attribute::Integer(counts)));
            graph.node("AveragePool", &[x], path, window)
        }
        Pooling::AdaptiveAvgPool2d(pool) => adaptive(graph, pool.output_size, path, input),
        Pooling::GlobalAvgPool => {
            let mean = format!("{path}/mean");
            let mean = graph.node("GlobalAveragePool", &[x], mean, Vec::new());
            flatten(graph, &mean, path)
        }
    }
}

fn window(
    kernel_size: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
) -> Vec<(&'static str, Attribute)> {
    vec![
        ("kernel_shape", Attribute::Integers(kernel_size.to_vec())),
        ("pads", pads(padding.map(|side| [side, side]))),
        ("strides", Attribute::Integers(stride.to_vec())),
    ]
}

/// The means over a grid of windows. ONNX has no operator for windows of several sizes; the mean of a window is the
/// mean of its columns' means, so these are two products with matrices.
fn adaptive(graph: &mut Graph<'_>, output_size: [usize; 2], path: &str, input: &Flow) -> String {
    let x = &input.name;
    let Shape::Image { height, width, .. } = input.shape else {
        unreachable!("the shapes of an experiment fit")
    };
    let [rows, columns] = [0, 1].map(|axis| windows([height, width][axis], output_size[axis]));
    if let (Some([kernel_height, down]), Some([kernel_width, right])) =
        (uniform(&rows), uniform(&columns))
    {
        let window = window([kernel_height, kernel_width], [down, right], [0, 0]);
        return graph.node("AveragePool", &[x], path, window);
    }
    let down = means(&rows, height);
    let down = graph.floats(format!("{path}/rows"), &[output_size[0], height], down);
    let right = transposed(&means(&columns, width), width);
    let right = graph.floats(format!("{path}/columns"), &[width, output_size[1]], right);
    let product = graph.node("MatMul", &[x, &right], format!("{path}/narrow"), Vec::new());
    graph.node("MatMul", &[&down, &product], path, Vec::new())
}

/// First and last element, the latter not included, of each window, as PyTorch has them.
fn windows(size: usize, count: usize) -> Vec<[usize; 2]> {
    let window = |index: usize| [index * size / count, ((index + 1) * size).div_ceil(count)];
    (0..count).map(window).collect()
}

/// The length and the step of windows, if all have the same.
fn uniform(windows: &[[usize; 2]]) -> Option<[usize; 2]> {
    let [start, end] = *windows.first()?;
    let length = end - start;
    // The step of a single window is of no consequence.
    let step = windows.get(1).map_or(1, |second| second[0] - start);
    let fits =
        |(index, window): (usize, &[usize; 2])| *window == [index * step, index * step + length];
    (step > 0 && windows.iter().enumerate().all(fits)).then_some([length, step])
}

/// `[windows, size]`: a row has the shares of the elements in the mean of its window.
fn means(windows: &[[usize; 2]], size: usize) -> Vec<f32> {
    let row = |&[start, end]: &[usize; 2]| {
        let share = 1.0 / (end - start) as f32;
        let is_inside = move |index| (start..end).contains(&index);
        (0..size).map(move |index| if is_inside(index) { share } else { 0.0 })
    };
    windows.iter().flat_map(row).collect()
}

fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    let column = |column: usize| matrix.iter().skip(column).step_by(columns).copied();
    (0..columns).flat_map(column).collect()
}
