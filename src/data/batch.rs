//! Batches: which images a step sees, and their pixels as the network takes them.

use std::sync::mpsc;

use super::Dataset;
use crate::config;
use crate::kernels::Buffer;
use crate::random::{Purpose, stream};

/// A batch in host memory.
#[derive(Debug)]
pub struct Batch {
    /// Row-major `[image, channel, height, width]`, scaled and normalized.
    pub images: Buffer,
    pub labels: Vec<u32>,
}

impl Batch {
    /// The same images in batches of at most `size`.
    pub fn split(self, size: usize) -> Vec<Batch> {
        if self.labels.len() <= size {
            return vec![self];
        }
        let image_len = self.images.len() / self.labels.len();
        let parts = self.images.chunks(size * image_len);
        let parts = parts.zip(self.labels.chunks(size)).map(|(pixels, labels)| {
            let mut images = Buffer::take(pixels.len());
            images.copy_from_slice(pixels);
            Batch {
                images,
                labels: labels.to_vec(),
            }
        });
        parts.collect()
    }
}

/// A split cut into batches in a fixed order; the last batch may be smaller.
pub struct Batches<'a> {
    dataset: &'a Dataset,
    order: Vec<u32>,
    batch_size: usize,
    /// The value of each byte, channel by channel.
    values: Vec<[f32; 256]>,
}

impl<'a> Batches<'a> {
    /// The images in the random order of one epoch (1-based): a pure function of seed and epoch.
    pub fn shuffled(
        dataset: &'a Dataset,
        data: &config::Data,
        batch_size: usize,
        seed: u64,
        epoch: u64,
    ) -> Self {
        let mut batches = Self::in_order(dataset, data, batch_size);
        stream(seed, Purpose::Shuffle, epoch, 0).shuffle(&mut batches.order);
        batches
    }

    /// The images in the order of the file.
    pub fn in_order(dataset: &'a Dataset, data: &config::Data, batch_size: usize) -> Self {
        Self {
            dataset,
            order: (0..dataset.len() as u32).collect(),
            batch_size,
            values: (0..dataset.shape[0])
                .map(|channel| pixel_values(data, channel))
                .collect(),
        }
    }

    /// The number of batches.
    pub fn len(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Images in batch `index` and all after it.
    pub fn images_from(&self, index: usize) -> usize {
        self.order.len().saturating_sub(index * self.batch_size)
    }

    /// Calls `work` with the batches from `first` on, each assembled by another thread while the one
    /// before it is worked on.
    pub fn ahead<R>(
        &self,
        first: usize,
        work: impl FnOnce(&mut dyn Iterator<Item = Batch>) -> R,
    ) -> R {
        std::thread::scope(|scope| {
            // Without room in the channel exactly one batch is ready and waits.
            let (sender, receiver) = mpsc::sync_channel(0);
            let assemble = move || {
                for index in first..self.len() {
                    if sender.send(self.get(index)).is_err() {
                        return;
                    }
                }
            };
            let helper = std::thread::Builder::new().name("batches".to_owned());
            match helper.spawn_scoped(scope, assemble) {
                Ok(_) => work(&mut receiver.into_iter()),
                // No thread is to be had: then without.
                Err(_) => work(&mut (first..self.len()).map(|index| self.get(index))),
            }
        })
    }

    /// Batch `index` of `0..len()`.
    pub fn get(&self, index: usize) -> Batch {
        let start = index * self.batch_size;
        let end = self.order.len().min(start + self.batch_size);
        let [channels, height, width] = self.dataset.shape;
        let image_len = channels * height * width;
        let mut images = Buffer::take((end - start) * image_len);
        let mut labels = Vec::with_capacity(end - start);
        let targets = images.chunks_exact_mut(image_len);
        for (&image, target) in self.order[start..end].iter().zip(targets) {
            let pixels = self.dataset.image(image as usize);
            let planes = pixels.chunks_exact(height * width).zip(&self.values);
            for (target, (plane, values)) in target.chunks_exact_mut(height * width).zip(planes) {
                for (target, pixel) in target.iter_mut().zip(plane) {
                    *target = values[usize::from(*pixel)];
                }
            }
            labels.push(self.dataset.labels[image as usize]);
        }
        Batch { images, labels }
    }
}

/// `(pixel * scale - mean) / std` for every byte.
fn pixel_values(data: &config::Data, channel: usize) -> [f32; 256] {
    let (mean, std) = match &data.normalize {
        Some(normalize) => (normalize.mean[channel], normalize.std[channel]),
        None => (0.0, 1.0),
    };
    std::array::from_fn(|pixel| ((pixel as f64 * data.scale - mean) / std) as f32)
}
