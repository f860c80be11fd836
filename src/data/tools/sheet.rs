//! A contact sheet: training images as they are and as augmentation shows them to the network.

use std::fs;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::canvas::{CHARACTER, Canvas};
use crate::config;
use crate::data::Error;
use crate::data::batches::batch::Batches;
use crate::data::splits::load::Splits;

/// In the row of an image, its augmented versions in this many epochs follow the image itself.
const EPOCHS: u64 = 7;
const ROWS: usize = 8;
/// White between images, in pixels.
const GAP: usize = 2;
/// Images of this height have letters whose pixels are one of theirs.
const SMALL: usize = 64;

/// Draws the sheet as a PNG file, with one row per image below the name of its class; the images are spread over the
/// training images.
///
/// # Errors
///
/// If an image can no longer be read, or the file cannot be written.
pub fn contact_sheet(
    splits: &Splits,
    data: &config::Data,
    input: [usize; 3],
    seed: u64,
    path: &Path,
) -> Result<(), Error> {
    let [channels, height, width] = input;
    let rows = ROWS.min(splits.train.len());
    let places: Vec<u32> = (0..rows)
        .map(|row| (row * splits.train.len() / rows) as u32)
        .collect();
    let columns = EPOCHS as usize + 1;
    let scale = (height / SMALL).max(1);
    let row_height = GAP + CHARACTER * scale + GAP + height;
    let [sheet_width, sheet_height] = [columns * (width + GAP) + GAP, rows * row_height + GAP];
    let mut sheet = Canvas::new(sheet_width, sheet_height);
    for (row, place) in places.iter().enumerate() {
        let class = splits.train.labels[*place as usize];
        let name = &splits.class_names[class as usize];
        sheet.write(
            name,
            [GAP, row * row_height + GAP],
            sheet_width - 2 * GAP,
            scale,
        );
    }
    for column in 0..columns {
        let batch = Batches::shown(splits, data, input, &places, seed, column as u64).get(0)?;
        let images = batch.images.chunks_exact(channels * height * width);
        for (row, image) in images.enumerate() {
            let left = GAP + column * (width + GAP);
            let top = (row + 1) * row_height - height;
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let color = [0, 1, 2].map(|color: usize| {
                    let plane = &image[color.min(channels - 1) * height * width..];
                    plane[y * width + x].round().clamp(0.0, 255.0) as u8
                });
                sheet.set(left + x, top + y, color);
            }
        }
    }
    let mut png = Vec::new();
    let (width, height) = (sheet_width as u32, sheet_height as u32);
    let encoded = PngEncoder::new(&mut png).write_image(
        &sheet.pixels,
        width,
        height,
        ExtendedColorType::Rgb8,
    );
    let written = encoded
        .map_err(std::io::Error::other)
        .and_then(|()| fs::write(path, png));
    written.map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}
