//! Tensors of a CPU backend as the slices that kernels read, and tensors of what they write.

use burn::backend::tensor::{Device, FloatTensor};
use burn::backend::{Backend, TensorMetadata};
use burn::tensor::{Shape, TensorData};

use super::buffer::Buffer;
use super::geometry::MemoryFormat;
use super::image::{Images, transpose};

/// A backend whose tensors may lie in the memory of the program.
pub trait Host: Backend {
    /// Whether the tensors lie in the memory of the program, so that kernels can read them as slices.
    const ON_HOST: bool;

    /// The elements, if they lie in the order of the shape.
    fn slice(tensor: &FloatTensor<Self>) -> Option<&[f32]>;

    /// The same tensor with its elements in the order of the shape.
    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self>;
}

#[cfg(feature = "flex")]
impl Host for burn::backend::Flex {
    const ON_HOST: bool = true;

    fn slice(tensor: &FloatTensor<Self>) -> Option<&[f32]> {
        tensor.as_slice()
    }

    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self> {
        tensor.to_contiguous()
    }
}

#[cfg(feature = "ndarray")]
#[allow(
    deprecated,
    reason = "Burn prefers flex; users of ndarray may still choose it"
)]
impl Host for burn::backend::NdArray {
    const ON_HOST: bool = true;

    fn slice(tensor: &FloatTensor<Self>) -> Option<&[f32]> {
        match tensor {
            burn::backend::ndarray::NdArrayTensor::F32(storage) => storage.view().to_slice(),
            _ => None,
        }
    }

    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self> {
        match tensor {
            burn::backend::ndarray::NdArrayTensor::F32(storage) => {
                let values: Vec<f32> = storage.view().iter().copied().collect();
                FloatTensor::<Self>::from_data(TensorData::new(values, tensor.shape()))
            }
            _ => tensor.clone(),
        }
    }
}

#[cfg(feature = "cuda")]
impl Host for burn::backend::Cube {
    const ON_HOST: bool = false;

    fn slice(_tensor: &FloatTensor<Self>) -> Option<&[f32]> {
        None
    }

    fn contiguous(tensor: &FloatTensor<Self>) -> FloatTensor<Self> {
        tensor.clone()
    }
}

/// A tensor whose elements lie in the order of its shape.
#[derive(Debug, Clone)]
pub struct Contiguous<B: Host>(FloatTensor<B>);

impl<B: Host> Contiguous<B> {
    pub fn new(tensor: &FloatTensor<B>) -> Self {
        Self(match B::slice(tensor) {
            Some(_) => tensor.clone(),
            None => B::contiguous(tensor),
        })
    }

    pub fn slice(&self) -> &[f32] {
        B::slice(&self.0).expect("a contiguous tensor of 32-bit floats on the host")
    }
}

/// A tensor `[batch, channels, height, width]` in one of the memory formats.
#[derive(Debug, Clone)]
pub struct ImageTensor<B: Host> {
    /// Permuted, so that its elements lie in the order of its shape.
    stored: Contiguous<B>,
    format: MemoryFormat,
}

impl<B: Host> ImageTensor<B> {
    pub fn new(tensor: &FloatTensor<B>) -> Self {
        if B::slice(tensor).is_none() {
            let permuted = B::float_permute(tensor.clone(), &[0, 2, 3, 1]);
            if B::slice(&permuted).is_some() {
                return Self {
                    stored: Contiguous(permuted),
                    format: MemoryFormat::ChannelsLast,
                };
            }
        }
        Self {
            stored: Contiguous::new(tensor),
            format: MemoryFormat::Contiguous,
        }
    }

    /// The device of the tensor.
    pub fn device(&self) -> Device<B> {
        self.stored.0.device()
    }

    /// `[batch, channels, height, width]`
    pub fn sizes(&self) -> [usize; 4] {
        let [batch, a, b, c] = self.stored.0.shape().dims();
        match self.format {
            MemoryFormat::Contiguous => [batch, a, b, c],
            MemoryFormat::ChannelsLast => [batch, c, a, b],
        }
    }

    /// The rows of a linear weight `[channels * height * width, columns]` in the order of the
    /// images' elements.
    pub fn weight_rows(&self, weight: &FloatTensor<B>, columns: usize) -> Buffer {
        let weight = Contiguous::<B>::new(weight);
        let mut rows = Buffer::take(weight.slice().len());
        self.reorder(weight.slice(), columns, &mut rows, |target, source| {
            (target, source)
        });
        rows
    }

    /// The inverse of [`Self::weight_rows`] for the weight's gradient.
    pub fn gradient_rows(&self, gradient: &[f32], columns: usize) -> Vec<f32> {
        let mut rows = vec![0.0; gradient.len()];
        self.reorder(gradient, columns, &mut rows, |target, source| {
            (source, target)
        });
        rows
    }

    /// Copies rows; `order` gives from a row's place by the images' order and its place by the
    /// shape's the target and the source.
    fn reorder(
        &self,
        from: &[f32],
        columns: usize,
        to: &mut [f32],
        order: impl Fn(usize, usize) -> (usize, usize),
    ) {
        if self.format == MemoryFormat::Contiguous {
            return to.copy_from_slice(from);
        }
        let [_, channels, height, width] = self.sizes();
        let pixels = height * width;
        for channel in 0..channels {
            for pixel in 0..pixels {
                let (target, source) = order(pixel * channels + channel, channel * pixels + pixel);
                let row = &from[source * columns..][..columns];
                to[target * columns..][..columns].copy_from_slice(row);
            }
        }
    }

    /// A tensor of a buffer that lies as these images do.
    pub fn like(&self, values: Buffer, device: &Device<B>) -> FloatTensor<B> {
        image_tensor::<B>(values, self.sizes(), self.format, device)
    }

    /// The same images channels last.
    pub fn channels_last(self) -> Self {
        if self.format == MemoryFormat::ChannelsLast {
            return self;
        }
        let [batch, channels, height, width] = self.sizes();
        let image_len = channels * height * width;
        let mut values = Buffer::take(batch * image_len);
        let images = self.stored.slice().chunks_exact(image_len);
        for (image, target) in images.zip(values.chunks_exact_mut(image_len)) {
            transpose(image, height * width, target);
        }
        let device = self.stored.0.device();
        let stored = buffer_tensor::<B>(values, [batch, height, width, channels], &device);
        Self {
            stored: Contiguous(stored),
            format: MemoryFormat::ChannelsLast,
        }
    }

    /// The elements and their order.
    pub fn images(&self) -> Images<'_> {
        Images {
            values: self.stored.slice(),
            format: self.format,
        }
    }
}

/// A tensor of any shape, for kernels that treat elements alike and so take them in any order.
#[derive(Debug, Clone)]
pub enum Stored<B: Host> {
    Images(ImageTensor<B>),
    Other(Contiguous<B>),
}

impl<B: Host> Stored<B> {
    pub fn new(tensor: &FloatTensor<B>) -> Self {
        match tensor.shape().num_dims() {
            4 => Stored::Images(ImageTensor::new(tensor)),
            _ => Stored::Other(Contiguous::new(tensor)),
        }
    }

    /// The elements in the order in which they lie.
    pub fn values(&self) -> &[f32] {
        match self {
            Stored::Images(images) => images.images().values,
            Stored::Other(values) => values.slice(),
        }
    }

    /// Another tensor of the same shape, reordered to lie as this one does.
    pub fn alike(&self, tensor: &FloatTensor<B>) -> Self {
        match self {
            Stored::Images(images) => Stored::Images(match images.format {
                MemoryFormat::ChannelsLast => ImageTensor::new(tensor).channels_last(),
                MemoryFormat::Contiguous => ImageTensor {
                    stored: Contiguous::new(tensor),
                    format: MemoryFormat::Contiguous,
                },
            }),
            Stored::Other(_) => Stored::Other(Contiguous::new(tensor)),
        }
    }

    /// A tensor of a buffer that lies as this one does.
    pub fn like(&self, values: Buffer) -> FloatTensor<B> {
        match self {
            Stored::Images(images) => images.like(values, &images.stored.0.device()),
            Stored::Other(Contiguous(tensor)) => {
                buffer_tensor::<B>(values, tensor.shape(), &tensor.device())
            }
        }
    }
}

/// A tensor of `values` in the order of `shape`.
pub fn vec_tensor<B: Host>(
    values: Vec<f32>,
    shape: impl Into<Shape>,
    device: &Device<B>,
) -> FloatTensor<B> {
    B::float_from_data(TensorData::new(values, shape), device)
}

/// A tensor of a buffer's values in the order of `shape`.
pub fn buffer_tensor<B: Host>(
    values: Buffer,
    shape: impl Into<Shape>,
    device: &Device<B>,
) -> FloatTensor<B> {
    B::float_from_data(values.into_data(shape), device)
}

/// A tensor `[batch, channels, height, width]` whose elements lie in `format`.
pub fn image_tensor<B: Host>(
    values: Buffer,
    [batch, channels, height, width]: [usize; 4],
    format: MemoryFormat,
    device: &Device<B>,
) -> FloatTensor<B> {
    match format {
        MemoryFormat::Contiguous => {
            buffer_tensor::<B>(values, [batch, channels, height, width], device)
        }
        MemoryFormat::ChannelsLast => {
            let stored = buffer_tensor::<B>(values, [batch, height, width, channels], device);
            B::float_permute(stored, &[0, 3, 1, 2])
        }
    }
}
