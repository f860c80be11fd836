//! Batches: which images a step sees, and their pixels as the network takes them.

use std::sync::{Mutex, PoisonError};

use super::ahead::ahead;
use super::augment::{Canvas, augment};
use crate::config::{self, Augment, Mix, Moments, Sampler};
use crate::data::Error;
use crate::data::pixels::geometry::middle;
use crate::data::splits::dataset::Dataset;
use crate::data::splits::load::Splits;
use crate::kernels::Buffer;
use crate::random::{Purpose, Stream, stream};

/// A batch in host memory.
#[derive(Debug)]
pub struct Batch {
    /// Row-major `[image, channel, height, width]`, scaled and normalized.
    pub images: Buffer,
    /// Class of each image, from 0.
    pub labels: Vec<u32>,
    /// The other image in each image; empty if none are mixed.
    pub mixed: Vec<Mixed>,
}

/// The part of another image in a mixed one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mixed {
    /// The class of the other image.
    pub label: u32,
    /// How much of the result is the other image, 0..=1.
    pub share: f32,
}

impl Batch {
    /// The class that each image has most of.
    pub fn main_labels(&self) -> Vec<u32> {
        let main = |(index, label): (usize, &u32)| match self.mixed.get(index) {
            Some(other) if other.share > 0.5 => other.label,
            _ => *label,
        };
        self.labels.iter().enumerate().map(main).collect()
    }

    /// The same images in batches of at most `size`.
    pub fn split(self, size: usize) -> Vec<Batch> {
        if self.labels.len() <= size {
            return vec![self];
        }
        let image_len = self.images.len() / self.labels.len();
        let parts = self.images.chunks(size * image_len).enumerate();
        let parts = parts
            .zip(self.labels.chunks(size))
            .map(|((part, pixels), labels)| {
                let mut images = Buffer::take(pixels.len());
                images.copy_from_slice(pixels);
                Batch {
                    images,
                    labels: labels.to_vec(),
                    mixed: match self.mixed.as_slice() {
                        [] => Vec::new(),
                        mixed => mixed[part * size..][..labels.len()].to_vec(),
                    },
                }
            });
        parts.collect()
    }
}

/// A split cut into batches in a fixed order; the last batch may be smaller.
pub struct Batches<'a> {
    dataset: &'a Dataset,
    order: Vec<Draw>,
    batch_size: usize,
    normalizer: Normalizer,
    augmentation: Option<Augmentation<'a>>,
}

/// An image in the order of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Draw {
    /// Its index in the split.
    place: u32,
    /// How many times the same image came before in this epoch, so that each copy is augmented
    /// differently.
    repetition: u32,
}

/// Turns bytes into normalized floats.
pub(super) struct Normalizer {
    /// Height and width of what the network takes.
    size: [usize; 2],
    scale: f64,
    moments: Option<Moments>,
    /// The value of each byte, channel by channel.
    values: Vec<[f32; 256]>,
}

#[derive(Clone, Copy)]
struct Augmentation<'a> {
    steps: &'a [Augment],
    seed: u64,
    epoch: u64,
}

impl<'a> Batches<'a> {
    /// Training images of one epoch (1-based), in random order and augmented: a pure function of seed
    /// and epoch. `input`: channels, height and width that the network takes.
    pub fn training(
        splits: &'a Splits,
        data: &'a config::Data,
        input: [usize; 3],
        batch_size: usize,
        seed: u64,
        epoch: u64,
    ) -> Self {
        let moments = splits.normalize.clone();
        let mut batches = Self::in_order(&splits.train, data, moments, input, batch_size);
        let mut random = stream(seed, Purpose::Shuffle, epoch, 0);
        if data.sampler == Sampler::Balanced {
            batches.order = balanced(&splits.train, splits.class_names.len(), &mut random);
        }
        random.shuffle(&mut batches.order);
        batches.augmentation = (!data.augment.is_empty()).then_some(Augmentation {
            steps: &data.augment,
            seed,
            epoch,
        });
        batches
    }

    /// The images of a split in the order of their source, as they are, normalized by the moments of a run.
    pub fn in_order(
        dataset: &'a Dataset,
        data: &config::Data,
        moments: Option<Moments>,
        input: [usize; 3],
        batch_size: usize,
    ) -> Self {
        let order = 0..dataset.len() as u32;
        Self {
            dataset,
            order: order
                .map(|place| Draw {
                    place,
                    repetition: 0,
                })
                .collect(),
            batch_size,
            normalizer: Normalizer::new(input, data.scale, moments),
            augmentation: None,
        }
    }

    /// One batch of these training images with pixels 0..=255, augmented as in an epoch (1-based); as they
    /// are in epoch 0.
    pub fn shown(
        splits: &'a Splits,
        data: &'a config::Data,
        input: [usize; 3],
        places: &[u32],
        seed: u64,
        epoch: u64,
    ) -> Self {
        let draws = places.iter().map(|place| Draw {
            place: *place,
            repetition: 0,
        });
        Self {
            dataset: &splits.train,
            order: draws.collect(),
            batch_size: places.len(),
            normalizer: Normalizer::new(input, 1.0, None),
            augmentation: (epoch > 0).then_some(Augmentation {
                steps: &data.augment,
                seed,
                epoch,
            }),
        }
    }

    /// Channels, height and width of the images.
    pub fn input(&self) -> [usize; 3] {
        let [height, width] = self.normalizer.size;
        [self.normalizer.values.len(), height, width]
    }

    /// The number of batches.
    pub fn len(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Images in batch `index` and all after it.
    pub fn images_from(&self, index: usize) -> usize {
        self.order.len().saturating_sub(index * self.batch_size)
    }

    /// Calls `work` with the batches from `first` on, each assembled by other threads while the one
    /// before it is worked on.
    pub fn ahead<R>(
        &self,
        first: usize,
        work: impl FnOnce(&mut dyn Iterator<Item = Result<Batch, Error>>) -> R,
    ) -> R {
        ahead(first..self.len(), |index| self.get(index), work)
    }

    /// Assembles batch `index` of `0..len()`.
    ///
    /// # Errors
    ///
    /// If an image that is decoded as needed can no longer be read, or is another one than before.
    pub fn get(&self, index: usize) -> Result<Batch, Error> {
        let start = index * self.batch_size;
        let end = self.order.len().min(start + self.batch_size);
        let order = &self.order[start..end];
        let image_len = self.normalizer.image_len();
        let mut images = Buffer::take(order.len() * image_len);
        let work = images.chunks_exact_mut(image_len).zip(order);
        self.fill_all(work)?;
        let labels = order
            .iter()
            .map(|draw| self.dataset.labels[draw.place as usize]);
        let labels: Vec<u32> = labels.collect();
        let mixed = self.mix(&mut images, &labels, order);
        Ok(Batch {
            images,
            labels,
            mixed,
        })
    }

    /// Fills each target with its image, on all threads if that costs more than a copy.
    fn fill_all<'t>(
        &self,
        work: impl Iterator<Item = (&'t mut [f32], &'t Draw)> + Send,
    ) -> Result<(), Error> {
        let threads = rayon::current_num_threads();
        let is_slow = self.augmentation.is_some() || self.dataset.images.is_slow();
        if !is_slow || threads == 1 {
            let mut work = work;
            return work.try_for_each(|(target, draw)| self.fill(target, *draw));
        }
        let work = Mutex::new(work);
        let take = || work.lock().unwrap_or_else(PoisonError::into_inner).next();
        let fill_rest = || {
            while let Some((target, draw)) = take() {
                self.fill(target, *draw)?;
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let name = || std::thread::Builder::new().name("images".to_owned());
            let helpers: Vec<_> = (1..threads)
                .filter_map(|_| name().spawn_scoped(scope, fill_rest).ok())
                .collect();
            let own = fill_rest();
            // Any of several errors will do: each names its file.
            helpers.into_iter().fold(own, |result, helper| {
                let helped = helper
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                result.and(helped)
            })
        })
    }

    fn fill(&self, target: &mut [f32], draw: Draw) -> Result<(), Error> {
        let [_, height, width] = self.dataset.shape();
        self.dataset.with(draw.place as usize, |image| {
            let Some(augmentation) = self.augmentation else {
                self.normalizer.fill(target, image, [height, width]);
                return;
            };
            let mut canvas = Canvas {
                height,
                width,
                planes: image.iter().map(|pixel| f32::from(*pixel)).collect(),
            };
            let mut random = augmentation.stream(Purpose::Augment, self.dataset, draw);
            augment(
                &mut canvas,
                augmentation.steps,
                self.normalizer.size,
                &mut random,
            );
            self.normalizer.fill_augmented(target, &canvas.planes);
        })
    }

    /// Mixes each image with the next of the batch, the last with the first.
    fn mix(&self, images: &mut Buffer, labels: &[u32], order: &[Draw]) -> Vec<Mixed> {
        let Some(augmentation) = self.augmentation else {
            return Vec::new();
        };
        let mixes: Vec<&Augment> = augmentation
            .steps
            .iter()
            .filter(|step| step.is_mix())
            .collect();
        if mixes.is_empty() {
            return Vec::new();
        }
        let image_len = self.normalizer.image_len();
        // The last image is mixed with the first one as it was before.
        let first = images[..image_len].to_vec();
        let mut mixed = Vec::with_capacity(labels.len());
        for (index, draw) in order.iter().enumerate() {
            let mut random = augmentation.stream(Purpose::Mix, self.dataset, *draw);
            let step = mixes[random.below(mixes.len() as u64) as usize];
            let (image, rest) = images[index * image_len..].split_at_mut(image_len);
            let other = rest.get(..image_len).unwrap_or(&first);
            let share = match step {
                Augment::Mixup(mix) => mixup(image, other, mix, &mut random),
                Augment::Cutmix(mix) => {
                    cutmix(image, other, mix, self.normalizer.size, &mut random)
                }
                _ => 0.0,
            };
            mixed.push(Mixed {
                label: labels[(index + 1) % labels.len()],
                share,
            });
        }
        mixed
    }
}

impl Augmentation<'_> {
    /// The random stream for one image in one epoch.
    fn stream(&self, purpose: Purpose, dataset: &Dataset, draw: Draw) -> Stream {
        let (place, _) = dataset.origin(draw.place as usize);
        let index = u64::from(draw.repetition) << 32 | u64::from(place);
        stream(self.seed, purpose, self.epoch, index)
    }
}

/// `image` becomes the mean of both with a share of the other, which it gives.
fn mixup(image: &mut [f32], other: &[f32], mix: &Mix, random: &mut Stream) -> f32 {
    if random.unit() >= mix.p {
        return 0.0;
    }
    let share = random.beta(mix.alpha) as f32;
    for (pixel, other) in image.iter_mut().zip(other) {
        *pixel += share * (other - *pixel);
    }
    share
}

/// A rectangle of `image` becomes the other's; gives its share of the image (torchvision's `CutMix`).
fn cutmix(
    image: &mut [f32],
    other: &[f32],
    mix: &Mix,
    [height, width]: [usize; 2],
    random: &mut Stream,
) -> f32 {
    if random.unit() >= mix.p {
        return 0.0;
    }
    let half = 0.5 * random.beta(mix.alpha).sqrt();
    let (middle_x, middle_y) = (random.below(width as u64), random.below(height as u64));
    let range = |middle: u64, length: usize| {
        let reach = (half * length as f64) as u64;
        middle.saturating_sub(reach) as usize..(middle + reach).min(length as u64) as usize
    };
    let (columns, rows) = (range(middle_x, width), range(middle_y, height));
    let planes = image.chunks_exact_mut(height * width);
    for (plane, other) in planes.zip(other.chunks_exact(height * width)) {
        for row in rows.clone() {
            let part = row * width + columns.start..row * width + columns.end;
            plane[part.clone()].copy_from_slice(&other[part]);
        }
    }
    (columns.len() * rows.len()) as f32 / (height * width) as f32
}

/// As many draws as the split has images, the same number of each class; the images of a class repeat as
/// evenly as possible.
fn balanced(dataset: &Dataset, classes: usize, random: &mut Stream) -> Vec<Draw> {
    let mut of_class: Vec<Vec<u32>> = vec![Vec::new(); classes];
    for (place, label) in (0..).zip(&dataset.labels) {
        of_class[*label as usize].push(place);
    }
    of_class.retain(|places| !places.is_empty());
    // Which classes have one image more than others is drawn anew in every epoch.
    random.shuffle(&mut of_class);
    let (each, more) = (
        dataset.len() / of_class.len(),
        dataset.len() % of_class.len(),
    );
    let mut order = Vec::with_capacity(dataset.len());
    for (index, places) in of_class.iter_mut().enumerate() {
        let mut missing = each + usize::from(index < more);
        let mut repetition = 0;
        while missing > 0 {
            random.shuffle(places);
            let taken = missing.min(places.len());
            order.extend(places[..taken].iter().map(|place| Draw {
                place: *place,
                repetition,
            }));
            missing -= taken;
            repetition += 1;
        }
    }
    order
}

impl Normalizer {
    pub(super) fn new(
        [channels, height, width]: [usize; 3],
        scale: f64,
        moments: Option<Moments>,
    ) -> Self {
        let mut normalizer = Self {
            size: [height, width],
            scale,
            moments,
            values: Vec::new(),
        };
        normalizer.values = (0..channels)
            .map(|channel| std::array::from_fn(|pixel| normalizer.value(channel, pixel as f64)))
            .collect();
        normalizer
    }

    /// Floats of an image.
    pub(super) fn image_len(&self) -> usize {
        self.values.len() * self.size[0] * self.size[1]
    }

    /// `(pixel * scale - mean) / std`
    fn value(&self, channel: usize, pixel: f64) -> f32 {
        let (mean, std) = self.moments(channel);
        ((pixel * self.scale - mean) / std) as f32
    }

    fn moments(&self, channel: usize) -> (f64, f64) {
        match &self.moments {
            Some(moments) => (moments.mean[channel], moments.std[channel]),
            None => (0.0, 1.0),
        }
    }

    /// Writes the center of an image of this height and width.
    pub(super) fn fill(&self, target: &mut [f32], image: &[u8], [height, width]: [usize; 2]) {
        let [rows, columns] = self.size;
        let (top, left) = (middle(height, rows), middle(width, columns));
        let planes = image.chunks_exact(height * width).zip(&self.values);
        for (target, (plane, values)) in target.chunks_exact_mut(rows * columns).zip(planes) {
            if columns == width {
                let part = &plane[top * width..][..rows * columns];
                for (target, pixel) in target.iter_mut().zip(part) {
                    *target = values[usize::from(*pixel)];
                }
                continue;
            }
            let lines = plane.chunks_exact(width).skip(top);
            for (target, line) in target.chunks_exact_mut(columns).zip(lines) {
                for (target, pixel) in target.iter_mut().zip(&line[left..]) {
                    *target = values[usize::from(*pixel)];
                }
            }
        }
    }

    fn fill_augmented(&self, target: &mut [f32], planes: &[f32]) {
        let area = self.size[0] * self.size[1];
        let planes = planes.chunks_exact(area).enumerate();
        for (target, (channel, plane)) in target.chunks_exact_mut(area).zip(planes) {
            let (mean, std) = self.moments(channel);
            let (factor, offset) = ((self.scale / std) as f32, (-mean / std) as f32);
            for (target, pixel) in target.iter_mut().zip(plane) {
                *target = pixel * factor + offset;
            }
        }
    }
}
