//! The images of one split, wherever their pixels are.

use std::sync::Arc;

use crate::data::Error;
use crate::data::pixels::images::Images;
use crate::data::pixels::scan::{ImageStats, mean_and_deviation};

/// One split: images of equal size with a class each.
#[derive(Debug, Clone)]
pub struct Dataset {
    pub(in crate::data) images: Arc<Images>,
    /// Their places among the images of the source.
    pub(in crate::data) places: Vec<u32>,
    /// Class of each image, from 0.
    pub labels: Vec<u32>,
}

impl Dataset {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Channels, height, width, as they are kept.
    pub fn shape(&self) -> [usize; 3] {
        self.images.shape()
    }

    /// Whether there is an image in colour among the first ones of the split.
    pub fn is_colour(&self) -> bool {
        const LOOKED_AT: usize = 20;
        let mut first = self.places.iter().take(LOOKED_AT);
        first.any(|place| self.images.is_colour(*place))
    }

    /// The number of images of each of the classes.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for label in &self.labels {
            counts[*label as usize] += 1;
        }
        counts
    }

    /// Leaves the first images only.
    pub fn truncate(&mut self, images: usize) {
        self.labels.truncate(images);
        self.places.truncate(images);
    }

    /// The images at these places only.
    pub(in crate::data) fn only(&self, places: &[usize]) -> Self {
        Self {
            images: Arc::clone(&self.images),
            places: places.iter().map(|place| self.places[*place]).collect(),
            labels: places.iter().map(|place| self.labels[*place]).collect(),
        }
    }

    /// The number of an image in its source, and the file that it came from.
    pub fn origin(&self, place: usize) -> (u32, &str) {
        let place = self.places[place];
        (place, self.images.name(place))
    }

    /// The same in words.
    pub(in crate::data) fn place_name(&self, place: usize) -> String {
        let (number, name) = self.origin(place);
        match self.images.has_a_file_each() {
            true => name.to_owned(),
            false => format!("image {number} of {name}"),
        }
    }

    /// A hash of an image as its source has it.
    pub(in crate::data) fn source_hash(&self, place: usize) -> u64 {
        self.images.source_hash(self.places[place])
    }

    pub(in crate::data) fn stats(&self, place: usize) -> &ImageStats {
        self.images.stats(self.places[place])
    }

    /// Calls `work` with an image, row-major `[channels, height, width]`.
    pub(in crate::data) fn with<R>(
        &self,
        place: usize,
        work: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Error> {
        self.images.with(self.places[place], work)
    }

    /// Mean and deviation of the pixels of each channel, 0..=255.
    pub(in crate::data) fn moments(&self) -> Vec<(f64, f64)> {
        let [channels, height, width] = self.shape();
        let pixels = (self.len() * height * width) as u128;
        let of_channel = |channel: usize| {
            let add = |(sum, squares): (u128, u128), place| {
                let (more, more_squares) = self.stats(place).sums[channel];
                (sum + u128::from(more), squares + u128::from(more_squares))
            };
            let (sum, squares) = (0..self.len()).fold((0, 0), add);
            mean_and_deviation(sum, squares, pixels)
        };
        (0..channels).map(of_channel).collect()
    }
}
