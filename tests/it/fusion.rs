//! Layers that run as one give what they give one by one: the network against Burn's own operations
//! in the order of the config, in training and evaluation, with every parameter drawn at random.

use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation, module};
use runner::array::{Array, Arrays, Values};
use runner::config::{Activation, Convolution, Experiment, Layer, Normalization, Pooling};
use runner::device;
use runner::model::{Mode, Network};
use runner::random::{DropoutMask, Purpose, stream};

use crate::by_hand::experiment;
use crate::support::TINY;

const SEED: u64 = 5;
const STEP: u64 = 3;

/// One network a pattern, and what is around it.
const NETWORKS: [&str; 11] = [
    "{conv2d={out_channels=5,kernel_size=3}},'relu',{max_pool2d={kernel_size=2}}",
    "{conv2d={out_channels=5,kernel_size=3}},'relu',{max_pool2d={kernel_size=2}},{dropout={p=0.4}}",
    "{conv2d={out_channels=16,kernel_size=5,bias=false}},'relu',{max_pool2d={kernel_size=3,stride=2}},\
     {conv2d={out_channels=16,kernel_size=3}},'relu',{max_pool2d={kernel_size=2}},'flatten',\
     {dropout={p=0.4}}",
    "{conv2d={out_channels=16,kernel_size=3}},'relu',{max_pool2d={kernel_size=2}},'flatten',\
     {dropout={p=0.4}},'relu'",
    "{conv2d={out_channels=4,kernel_size=3,stride=2}},'relu',{conv2d={out_channels=4,kernel_size=1}}",
    "{conv2d={out_channels=4,kernel_size=3,bias=false}},'batch_norm2d','relu',\
     {max_pool2d={kernel_size=2}},{adaptive_avg_pool2d={output_size=[3,2]}}",
    "{conv2d={out_channels=4,kernel_size=3}},{batch_norm2d={eps=1e-3}},{dropout={p=0.2}}",
    "{conv2d={out_channels=16,kernel_size=5,bias=false}},{batch_norm2d={eps=1e-3}},'relu6',\
     {conv2d={out_channels=16,kernel_size=3}},'relu6',{max_pool2d={kernel_size=3}}",
    "{conv2d={out_channels=16,kernel_size=5,stride=2}},'relu6',{conv2d={out_channels=16,kernel_size=3,groups=16}},\
     'batch_norm2d','relu6',{conv2d={out_channels=20,kernel_size=1}},'batch_norm2d','relu6'",
    "'batch_norm2d','relu',{max_pool2d={kernel_size=2}},'batch_norm2d',{conv2d={out_channels=2,kernel_size=3}}",
    "{max_pool2d={kernel_size=20,stride=1}},'flatten',{linear={out_features=7}},'relu',{dropout={p=0.5}}",
];

#[test]
fn layers_that_run_as_one_give_what_they_give_one_by_one() {
    for layers in NETWORKS {
        let layers = format!("model.layers=[{layers},'flatten',{{linear={{out_features=10}}}}]");
        let experiment = experiment(TINY, &[&layers, &format!("seed={SEED}")]);
        let device = device::choose(runner::config::Device::Cpu, None)
            .unwrap()
            .device;
        let network = Network::new(&experiment, &device);
        let parameters = drawn(network.parameters());
        let network = network.with_parameters(&parameters).unwrap();
        let images = Tensor::from_data(
            TensorData::new(numbers("images", 6 * 784, -1.0), [6, 1, 28, 28]),
            &device,
        );
        for mode in [
            Mode::Evaluation,
            Mode::Training {
                seed: SEED,
                step: STEP,
                part: 0,
            },
        ] {
            let (ours, _) = network.forward(images.clone(), mode);
            let theirs = one_by_one(&experiment, &parameters, images.clone(), mode);
            let [ours, theirs]: [Vec<f32>; 2] =
                [ours, theirs].map(|logits| logits.into_data().try_into_vec().unwrap());
            let largest = theirs
                .iter()
                .fold(0f32, |most, value| most.max(value.abs()));
            assert!(largest > 0.1, "{layers}");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert!(
                    (ours - theirs).abs() <= 1e-5 * largest,
                    "{ours} is not {theirs} in {mode:?} of {layers}"
                );
            }
        }
    }
}

fn one_by_one(
    experiment: &Experiment,
    parameters: &Arrays,
    images: Tensor<4>,
    mode: Mode,
) -> Tensor<2> {
    let device = images.device();
    let mut image = images;
    let mut flat: Option<Tensor<2>> = None;
    for (index, layer) in experiment.model.layers.iter().enumerate() {
        let name = |what: &str| format!("layers.{index}.{what}");
        let vector = |what: &str| tensor::<1>(parameters, &name(what), &device);
        let channels = |what: &str| {
            let vector = vector(what);
            let length = vector.dims()[0];
            vector.reshape([1, length, 1, 1])
        };
        match layer {
            Layer::Convolution(Convolution::Conv2d(conv)) => {
                let padding = conv.sides().map(|[before, _]| before);
                let options = ConvOptions::new(conv.stride, padding, conv.dilation, conv.groups);
                let weight = tensor::<4>(parameters, &name("weight"), &device);
                let bias = conv.bias.then(|| vector("bias"));
                image = module::conv2d(image, weight, bias, options);
            }
            Layer::Normalization(Normalization::BatchNorm2d(norm)) => {
                let (mean, variance) = match mode {
                    Mode::Evaluation => (channels("running_mean"), channels("running_var")),
                    Mode::Training { .. } => {
                        let mean = of_channels(image.clone());
                        let centered = image.clone() - mean.clone();
                        (mean, of_channels(centered.clone() * centered))
                    }
                };
                let normalized = (image - mean) / (variance + norm.eps).sqrt();
                image = normalized * channels("weight") + channels("bias");
            }
            Layer::Activation(Activation::Relu) => match &mut flat {
                Some(flat) => *flat = activation::relu(flat.clone()),
                None => image = activation::relu(image),
            },
            Layer::Activation(Activation::Relu6) => image = image.clamp(0.0, 6.0),
            Layer::Pooling(Pooling::MaxPool2d(pool)) => {
                let options = MaxPoolOptions::new(pool.kernel_size)
                    .with_stride(pool.stride)
                    .with_padding(pool.padding);
                image = module::max_pool2d(image, options);
            }
            Layer::Pooling(Pooling::AdaptiveAvgPool2d(pool)) => {
                image = module::adaptive_avg_pool2d(image, pool.output_size);
            }
            Layer::Flatten => flat = Some(flat.unwrap_or_else(|| image.clone().flatten(1, 3))),
            Layer::Dropout(dropout) => {
                let Mode::Training { seed, step, .. } = mode else {
                    continue;
                };
                let mask = DropoutMask::new(seed, step, index as u64, dropout.p);
                match &mut flat {
                    Some(flat) => {
                        let shape = flat.dims();
                        let factors = mask.factors(shape[0] * shape[1]);
                        let factors = TensorData::new(factors, shape);
                        *flat = flat.clone() * Tensor::from_data(factors, &device);
                    }
                    None => {
                        let shape = image.dims();
                        let factors = mask.factors(shape.iter().product());
                        let factors = TensorData::new(factors, shape);
                        image = image * Tensor::from_data(factors, &device);
                    }
                }
            }
            Layer::Linear(_) => {
                // PyTorch's `[out, in]`.
                let weight = tensor::<2>(parameters, &name("weight"), &device).transpose();
                let input = flat.expect("a linear layer takes flat features");
                flat = Some(input.matmul(weight) + vector("bias").unsqueeze());
            }
            other => panic!("{} is not tried here", other.name()),
        }
    }
    flat.expect("the network ends flat")
}

/// The mean over batch and pixels.
fn of_channels(image: Tensor<4>) -> Tensor<4> {
    image.mean_dim(0).mean_dim(2).mean_dim(3)
}

fn tensor<const D: usize>(arrays: &Arrays, name: &str, device: &Device) -> Tensor<D> {
    let array = &arrays[name];
    let Values::F32(values) = &array.values else {
        panic!("{name} are whole numbers");
    };
    Tensor::from_data(TensorData::new(values.clone(), array.shape.clone()), device)
}

/// Arrays of the same shapes with random numbers, variances above zero.
fn drawn(arrays: Arrays) -> Arrays {
    let draw = |(name, array): (String, Array)| {
        let lowest = if name.ends_with("running_var") {
            0.1
        } else {
            -1.0
        };
        let length = array.shape.iter().product();
        let values = Values::F32(numbers(&name, length, lowest));
        let shape = array.shape;
        (name, Array { shape, values })
    };
    arrays.into_iter().map(draw).collect()
}

/// Numbers between `lowest` and 1.
fn numbers(name: &str, length: usize, lowest: f32) -> Vec<f32> {
    let key = runner::digest::of(name).word();
    let mut stream = stream(SEED, Purpose::Initialization, 9, key);
    let middle = f32::midpoint(1.0, lowest);
    (0..length)
        .map(|_| middle + stream.symmetric(1.0 - middle))
        .collect()
}
