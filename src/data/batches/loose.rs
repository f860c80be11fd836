//! Images of any number that no split has: decoded a batch at a time, as the images of a run are, and forgotten.

use rayon::prelude::*;

use super::ahead::ahead;
use super::batch::Normalizer;
use crate::config::{self, Moments};
use crate::data::pixels;
use crate::data::pixels::scan::{ImageSpec, Outcome};
use crate::data::sources::place::ImagePlace;
use crate::kernels::Buffer;

/// Images that are brought to what a network takes.
pub struct LooseImages<'a> {
    places: &'a [ImagePlace],
    spec: ImageSpec,
    normalizer: Normalizer,
    batch_size: usize,
}

/// A batch of them.
pub struct LooseBatch<'a> {
    /// Where each image is, good or not.
    pub places: &'a [ImagePlace],
    /// Of each image, why it cannot be used, if so.
    pub outcomes: Vec<Result<(), String>>,
    /// Row-major `[image, channel, height, width]` of those that can be used, scaled and normalized.
    pub images: Buffer,
}

impl<'a> LooseImages<'a> {
    /// `data`, and what a run found in its training images: the bits of samples that its files do not state, and the
    /// moments that pixels are normalized by. `input`: channels, height and width.
    pub fn new(
        places: &'a [ImagePlace],
        data: &config::Data,
        input: [usize; 3],
        (bits, moments): (Option<u32>, Option<Moments>),
        batch_size: usize,
    ) -> Self {
        pixels::load::limit_decoders();
        let spec = ImageSpec::of(data, input);
        Self {
            places,
            spec: ImageSpec {
                bits: bits.unwrap_or(spec.bits),
                ..spec
            },
            normalizer: Normalizer::new(input, data.scale, moments),
            batch_size,
        }
    }

    /// Calls `work` with the batches, each decoded on all threads while the one before it is worked on.
    pub fn ahead<R>(&self, work: impl FnOnce(&mut dyn Iterator<Item = LooseBatch<'a>>) -> R) -> R {
        let batches: Vec<&[ImagePlace]> = self.places.chunks(self.batch_size).collect();
        ahead(0..batches.len(), |index| self.decode(batches[index]), work)
    }

    fn decode(&self, places: &'a [ImagePlace]) -> LooseBatch<'a> {
        let image_len = self.normalizer.image_len();
        let mut images = Buffer::take(places.len() * image_len);
        let targets = images.par_chunks_exact_mut(image_len);
        let outcomes: Vec<Result<(), String>> = targets
            .zip(places)
            .with_max_len(1)
            .map(|(target, place)| self.fill(target, place))
            .collect();
        if outcomes.iter().any(Result::is_err) {
            images = without_gaps(&images, image_len, &outcomes);
        }
        LooseBatch {
            places,
            outcomes,
            images,
        }
    }

    fn fill(&self, target: &mut [f32], place: &ImagePlace) -> Result<(), String> {
        let bytes = place.read()?;
        let (planes, _) = self.spec.decode(&bytes).map_err(|outcome| match outcome {
            Outcome::OtherSize([height, width]) => {
                let [rows, columns] = self.spec.size;
                format!(
                    "it is {height}x{width}, but the network takes {rows}x{columns} and its run does not resize images"
                )
            }
            Outcome::Bad(reason) => reason,
            Outcome::Good(_) => unreachable!("a good image is no error"),
        })?;
        self.normalizer.fill(target, &planes, self.spec.size);
        Ok(())
    }
}

/// The good images only.
fn without_gaps(images: &Buffer, image_len: usize, outcomes: &[Result<(), String>]) -> Buffer {
    let good: Vec<usize> = (0..outcomes.len())
        .filter(|it| outcomes[*it].is_ok())
        .collect();
    let mut kept = Buffer::take(good.len() * image_len);
    let targets = kept.chunks_exact_mut(image_len.max(1));
    for (target, index) in targets.zip(good) {
        target.copy_from_slice(&images[index * image_len..][..image_len]);
    }
    kept
}
