//! Images that are made up: a shape on noise, another one for each class. For tests and benchmarks.

use rayon::prelude::*;

use super::labelled::{ImageData, LabelledImages};
use super::labels::Labels;
use crate::data::Role;
use crate::random::{Purpose, Stream, stream};

/// Shapes that are told apart by their outline; further classes have them in another size.
const SHAPES: usize = 6;

/// Images of size `shape` (channels, height, width), their classes evenly spread; each follows from `seed`,
/// its split and its number.
pub fn make(
    seed: u64,
    role: Role,
    count: usize,
    classes: usize,
    shape: [usize; 3],
) -> LabelledImages {
    let length: usize = shape.iter().product();
    let mut bytes = vec![0; count * length];
    let images = bytes.par_chunks_exact_mut(length).enumerate();
    images.for_each(|(index, image)| {
        // Each split draws from streams of its own.
        let place = (index as u64) << 2 | role as u64;
        draw(
            image,
            index % classes,
            classes,
            shape,
            &mut stream(seed, Purpose::Synthetic, 0, place),
        );
    });
    LabelledImages {
        labels: Labels::Numbers((0..count).map(|index| (index % classes) as u32).collect()),
        images: ImageData::Pixels {
            shape,
            bytes,
            source: "synthetic".to_owned(),
        },
        files: Vec::new(),
        warnings: Vec::new(),
    }
}

fn draw(
    image: &mut [u8],
    class: usize,
    classes: usize,
    [_, height, width]: [usize; 3],
    random: &mut Stream,
) {
    let mut unit = |low: f32, high: f32| low + (high - low) * (random.symmetric(0.5) + 0.5);
    let sizes = classes.div_ceil(SHAPES);
    // From a fifth of the image to four ninths of it.
    let size = 0.2 + 0.24 * (class / SHAPES + 1) as f32 / sizes as f32;
    let (x, y) = (unit(0.44, 0.56), unit(0.44, 0.56));
    let area = height * width;
    for plane in image.chunks_exact_mut(area) {
        let (ground, ink) = (unit(20.0, 90.0), unit(150.0, 230.0));
        for (index, pixel) in plane.iter_mut().enumerate() {
            let across = ((index % width) as f32 + 0.5) / width as f32 - x;
            let down = ((index / width) as f32 + 0.5) / height as f32 - y;
            let value = match is_inside(class % SHAPES, across / size, down / size) {
                true => ink,
                false => ground,
            };
            *pixel = (value + unit(-20.0, 20.0)).clamp(0.0, 255.0) as u8;
        }
    }
}

/// Whether a point is part of a shape that reaches from -1 to 1.
fn is_inside(shape: usize, x: f32, y: f32) -> bool {
    let radius = (x * x + y * y).sqrt();
    let square = x.abs().max(y.abs());
    match shape {
        0 => radius < 1.0,
        1 => square < 0.9,
        2 => (-0.9..0.9).contains(&y) && x.abs() < (y + 0.9) / 1.8,
        3 => square < 1.0 && x.abs().min(y.abs()) < 0.3,
        4 => (0.6..1.0).contains(&radius),
        _ => square < 1.0 && y.abs() < 0.3,
    }
}
