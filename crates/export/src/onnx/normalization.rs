//! Norms.

use super::graph::{Attribute, Graph};
use super::writer::{Flow, Writer};
use crate::Error;
use crate::config::{BatchNorm, GroupNorm, LayerNorm, Normalization, Shape};

/// Writes a norm; gives the name of its output.
pub(super) fn write(
    writer: &mut Writer<'_>,
    norm: &Normalization,
    path: &str,
    input: &Flow,
) -> Result<String, Error> {
    match norm {
        Normalization::BatchNorm2d(norm) | Normalization::BatchNorm1d(norm) => {
            batch_norm(writer, norm, path, &input.name)
        }
        Normalization::GroupNorm(norm) => group_norm(writer, norm, path, input),
        Normalization::LayerNorm(norm) => layer_norm(writer, norm, path, input),
        Normalization::InstanceNorm2d(norm) => {
            let channels = [channels(input.shape)];
            let affine = affine(writer, path, &channels, [norm.affine; 2])?;
            let inputs = [&input.name, &affine[0], &affine[1]].map(String::as_str);
            let graph = &mut writer.graph;
            Ok(graph.node(
                "InstanceNormalization",
                &inputs,
                path,
                vec![epsilon(norm.eps)],
            ))
        }
    }
}

fn batch_norm(
    writer: &mut Writer<'_>,
    norm: &BatchNorm,
    path: &str,
    input: &str,
) -> Result<String, Error> {
    let mut inputs = vec![input.to_owned()];
    for name in ["weight", "bias", "running_mean", "running_var"] {
        inputs.push(writer.parameter(&format!("{path}.{name}"))?);
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let graph = &mut writer.graph;
    Ok(graph.node("BatchNormalization", &inputs, path, vec![epsilon(norm.eps)]))
}

/// The operator of opset 21 for images. Before it an instance norm of the groups, which takes images only, with weight and bias
/// after it.
fn group_norm(
    writer: &mut Writer<'_>,
    norm: &GroupNorm,
    path: &str,
    input: &Flow,
) -> Result<String, Error> {
    let (channels, groups) = (channels(input.shape), norm.num_groups);
    let is_image = matches!(input.shape, Shape::Image { .. });
    if is_image && writer.graph.opset.has(21) {
        let affine = affine(writer, path, &[channels], [norm.affine; 2])?;
        let attributes = vec![
            epsilon(norm.eps),
            ("num_groups", Attribute::Integer(groups)),
        ];
        let inputs = [&input.name, &affine[0], &affine[1]].map(String::as_str);
        return Ok(writer
            .graph
            .node("GroupNormalization", &inputs, path, attributes));
    }
    let sizes = sizes(input.shape);
    let length = sizes.iter().product::<usize>() / groups;
    let graph = &mut writer.graph;
    let grouped = reshaped(
        graph,
        &input.name,
        &[groups, length],
        &format!("{path}/groups"),
    );
    let one = graph.floats(format!("{path}/ones"), &[groups], vec![1.0; groups]);
    let zero = graph.floats(format!("{path}/zeros"), &[groups], vec![0.0; groups]);
    let normalized = graph.node(
        "InstanceNormalization",
        &[&grouped, &one, &zero],
        format!("{path}/normalized"),
        vec![epsilon(norm.eps)],
    );
    if !norm.affine {
        return Ok(reshaped(graph, &normalized, &sizes, path));
    }
    let image = reshaped(graph, &normalized, &sizes, &format!("{path}/ungrouped"));
    // Beside the channels.
    let mut beside = vec![1; sizes.len()];
    beside[0] = channels;
    scaled(writer, &image, path, &beside, true)
}

/// The operator of opset 17, before it the formula.
fn layer_norm(
    writer: &mut Writer<'_>,
    norm: &LayerNorm,
    path: &str,
    input: &Flow,
) -> Result<String, Error> {
    let sizes = sizes(input.shape);
    let (has_weight, has_bias) = (
        norm.elementwise_affine,
        norm.elementwise_affine && norm.bias,
    );
    if writer.graph.opset.has(17) {
        let affine = affine(writer, path, &sizes, [has_weight, has_bias])?;
        let inputs = [&input.name, &affine[0], &affine[1]].map(String::as_str);
        let attributes = vec![("axis", Attribute::Integer(1)), epsilon(norm.eps)];
        return Ok(writer
            .graph
            .node("LayerNormalization", &inputs, path, attributes));
    }
    let graph = &mut writer.graph;
    let step = |name: &str| format!("{path}/{name}");
    let axes = || {
        let axes = (1..=sizes.len()).collect();
        vec![
            ("axes", Attribute::Integers(axes)),
            ("keepdims", Attribute::Integer(1)),
        ]
    };
    let mut node = |operator, inputs: &[&str], name: &str, attributes| {
        graph.node(operator, inputs, step(name), attributes)
    };
    let mean = node("ReduceMean", &[&input.name], "mean", axes());
    let centered = node("Sub", &[&input.name, &mean], "centered", Vec::new());
    let squares = node("Mul", &[&centered, &centered], "squares", Vec::new());
    let variance = node("ReduceMean", &[&squares], "variance", axes());
    let eps = graph.floats(step("eps"), &[], vec![norm.eps as f32]);
    let above = graph.node("Add", &[&variance, &eps], step("above_zero"), Vec::new());
    let deviation = graph.node("Sqrt", &[&above], step("deviation"), Vec::new());
    if !has_weight {
        return Ok(graph.node("Div", &[&centered, &deviation], path, Vec::new()));
    }
    let normalized = [centered.as_str(), &deviation];
    let normalized = graph.node("Div", &normalized, step("normalized"), Vec::new());
    scaled(writer, &normalized, path, &sizes, has_bias)
}

/// The layer's weight and, where it has one, its bias applied to `input`; both get this shape.
fn scaled(
    writer: &mut Writer<'_>,
    input: &str,
    path: &str,
    shape: &[usize],
    has_bias: bool,
) -> Result<String, Error> {
    let trained = writer.trained;
    let graph = &mut writer.graph;
    let mut constant = |name: &str| -> Result<String, Error> {
        let name = format!("{path}.{name}");
        let values = trained.parameter(&name)?.values;
        Ok(graph.floats(name, shape, values))
    };
    let weight = constant("weight")?;
    if !has_bias {
        return Ok(graph.node("Mul", &[input, &weight], path, Vec::new()));
    }
    let bias = constant("bias")?;
    let product = graph.node(
        "Mul",
        &[input, &weight],
        format!("{path}/scaled"),
        Vec::new(),
    );
    Ok(graph.node("Add", &[&product, &bias], path, Vec::new()))
}

/// The weight and the bias of a norm, as operators want them: ones and zeros where the layer does not have them.
fn affine(
    writer: &mut Writer<'_>,
    path: &str,
    shape: &[usize],
    [has_weight, has_bias]: [bool; 2],
) -> Result<[String; 2], Error> {
    let count = shape.iter().product();
    let mut constant = |is_there, name: &str, neutral: f32| match is_there {
        true => writer.parameter(&format!("{path}.{name}")),
        false => {
            let values = vec![neutral; count];
            Ok(writer.graph.floats(format!("{path}/{name}"), shape, values))
        }
    };
    Ok([
        constant(has_weight, "weight", 1.0)?,
        constant(has_bias, "bias", 0.0)?,
    ])
}

fn reshaped(graph: &mut Graph<'_>, input: &str, sample: &[usize], output: &str) -> String {
    let sizes = sample.iter().map(|size| *size as i64);
    let sizes: Vec<i64> = std::iter::once(-1).chain(sizes).collect();
    let shape = graph.integers(format!("{output}/shape"), &sizes);
    graph.node("Reshape", &[input, &shape], output, Vec::new())
}

fn epsilon(eps: f64) -> (&'static str, Attribute) {
    ("epsilon", Attribute::Float(eps))
}

fn channels(shape: Shape) -> usize {
    sizes(shape)[0]
}

/// The sizes of one sample, channels first.
fn sizes(shape: Shape) -> Vec<usize> {
    match shape {
        Shape::Image {
            channels,
            height,
            width,
        } => vec![channels, height, width],
        Shape::Flat { features } => vec![features],
    }
}
