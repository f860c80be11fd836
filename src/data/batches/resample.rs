//! A part of an image in another size: bilinear, with antialiasing where it gets smaller, as torchvision's
//! `resized_crop` of floating-point numbers.

/// A rectangle of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Rows above it.
    pub top: usize,
    /// Columns to the left of it.
    pub left: usize,
    /// Height and width.
    pub size: [usize; 2],
}

/// What a pixel of the result is made of, along one axis.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// From row-major planes of a height and width to the same of `size`.
pub fn resized_crop(
    planes: &[f32],
    [height, width]: [usize; 2],
    part: Part,
    size: [usize; 2],
) -> Vec<f32> {
    let [rows, columns] = size;
    let (down, across) = (taps(part.size[0], rows), taps(part.size[1], columns));
    let mut resized = vec![0.0; planes.len() / (height * width) * rows * columns];
    let mut narrow = vec![0.0; part.size[0] * columns];
    let targets = resized.chunks_exact_mut(rows * columns);
    for (plane, target) in planes.chunks_exact(height * width).zip(targets) {
        let lines = plane.chunks_exact(width).skip(part.top);
        for (line, target) in lines.zip(narrow.chunks_exact_mut(columns)) {
            let line = &line[part.left..part.left + part.size[1]];
            for (pixel, taps) in target.iter_mut().zip(&across) {
                let tapped = taps.weights.iter().zip(&line[taps.first..]);
                *pixel = tapped.map(|(weight, pixel)| weight * pixel).sum();
            }
        }
        for (target, taps) in target.chunks_exact_mut(columns).zip(&down) {
            let lines = narrow.chunks_exact(columns).skip(taps.first);
            for (weight, line) in taps.weights.iter().zip(lines) {
                for (sum, pixel) in target.iter_mut().zip(line) {
                    *sum += weight * pixel;
                }
            }
        }
    }
    resized
}

/// A triangle over each pixel of the result, as wide as the step between two of them, and at least as two pixels.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let step = from as f64 / to as f64;
    let reach = step.max(1.0);
    let of = |at: usize| {
        let center = step * (at as f64 + 0.5);
        let first = (center - reach + 0.5).max(0.0) as usize;
        let end = ((center + reach + 0.5) as usize).min(from);
        let weight = |tap: usize| {
            let distance = (tap as f64 + 0.5 - center).abs() / reach;
            (1.0 - distance).max(0.0)
        };
        let sum: f64 = (first..end).map(weight).sum();
        Taps {
            first,
            weights: (first..end).map(|tap| (weight(tap) / sum) as f32).collect(),
        }
    };
    (0..to).map(of).collect()
}
