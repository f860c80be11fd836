//! A contact sheet: training images as they are and as augmentation shows them to the network.

use std::fs;
use std::path::Path;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use crate::config;
use crate::data::Error;
use crate::data::batches::batch::Batches;
use crate::data::splits::load::Splits;

/// Columns: the image itself, then what it is in so many epochs.
const EPOCHS: u64 = 7;
const ROWS: usize = 8;
/// White between images, in pixels.
const GAP: usize = 2;

/// Draws the sheet as a PNG file: a row an image, spread over the training images.
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
    let (sheet_width, sheet_height) = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP);
    let mut sheet = vec![255u8; sheet_width * sheet_height * 3];
    for column in 0..columns {
        let batch = Batches::shown(splits, data, input, &places, seed, column as u64).get(0)?;
        for (row, image) in batch
            .images
            .chunks_exact(channels * height * width)
            .enumerate()
        {
            let (top, left) = (GAP + row * (height + GAP), GAP + column * (width + GAP));
            for y in 0..height {
                for x in 0..width {
                    for color in 0..3 {
                        let plane = &image[color.min(channels - 1) * height * width..];
                        let pixel = plane[y * width + x].round().clamp(0.0, 255.0);
                        sheet[((top + y) * sheet_width + left + x) * 3 + color] = pixel as u8;
                    }
                }
            }
        }
    }
    let mut png = Vec::new();
    let (width, height) = (sheet_width as u32, sheet_height as u32);
    let encoded =
        PngEncoder::new(&mut png).write_image(&sheet, width, height, ExtendedColorType::Rgb8);
    let written = encoded
        .map_err(std::io::Error::other)
        .and_then(|()| fs::write(path, png));
    written.map_err(|source| Error::Unwritable {
        path: path.to_owned(),
        source,
    })
}
