//! What happens to a training image: geometry, colour, noise. Every draw follows from the seed, the epoch
//! and the image, so it is the same on any thread and after any resume.
//!
//! The formulas are torchvision's `transforms.v2.functional`, with zeros around the image.

use super::bytes::Bytes;
use super::policy::{rand_augment, trivial_augment};
use super::resample::{Part, resized_crop};
use crate::config::{
    Augment, ColorJitter, GaussianBlur, RandomAffine, RandomErasing, RandomResizedCrop,
};
use crate::random::Stream;

/// An image that is being augmented, its pixels 0..=255.
#[derive(Debug, Clone, PartialEq)]
pub struct Canvas {
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// Row-major `[channels, height, width]`.
    pub planes: Vec<f32>,
}

const WHITE: f32 = 255.0;
/// Neither a shift nor a shear.
const STILL: [f64; 2] = [0.0, 0.0];

/// Applies all steps except those that mix images, which need a whole batch. `size`: the height and width
/// of crops.
pub fn augment(canvas: &mut Canvas, steps: &[Augment], size: [usize; 2], random: &mut Stream) {
    for step in steps {
        match step {
            Augment::RandomCrop { padding } => {
                let room = |axis: usize, length: usize| {
                    (length + 2 * padding[axis]).saturating_sub(size[axis]) as u64 + 1
                };
                let top = random.below(room(0, canvas.height)) as usize;
                let left = random.below(room(1, canvas.width)) as usize;
                canvas.crop(*padding, [top, left], size);
            }
            Augment::RandomResizedCrop(crop) => {
                let part = part_of([canvas.height, canvas.width], crop, random);
                canvas.resized_crop(part, size);
            }
            Augment::TrivialAugment => canvas.in_bytes(|image| trivial_augment(image, random)),
            Augment::RandAugment { num_ops, magnitude } => {
                canvas
                    .in_bytes(|image| rand_augment(image, *num_ops, u32::from(*magnitude), random));
            }
            Augment::RandomHorizontalFlip { p } => {
                if random.unit() < *p {
                    canvas.flip_horizontally();
                }
            }
            Augment::RandomVerticalFlip { p } => {
                if random.unit() < *p {
                    canvas.flip_vertically();
                }
            }
            Augment::RandomRotation { degrees } => {
                let angle = random.between(-degrees, *degrees);
                // torchvision rotates counterclockwise, but its affine map turns clockwise.
                canvas.transform(&inverse_affine(-angle, STILL, 1.0, STILL));
            }
            Augment::RandomAffine(affine) => random_affine(canvas, affine, random),
            Augment::RandomShift { translate } => {
                let shift = random_shift(canvas, *translate, random);
                canvas.transform(&inverse_affine(0.0, shift, 1.0, STILL));
            }
            Augment::RandomScale { scale: [low, high] } => {
                let scale = random.between(*low, *high);
                canvas.transform(&inverse_affine(0.0, STILL, scale, STILL));
            }
            Augment::ColorJitter(jitter) => color_jitter(canvas, jitter, random),
            Augment::RandomGrayscale { p } => {
                if random.unit() < *p {
                    canvas.grayscale();
                }
            }
            Augment::GaussianBlur(blur) => gaussian_blur(canvas, blur, random),
            Augment::RandomErasing(erasing) => random_erasing(canvas, erasing, random),
            Augment::GaussianNoise { mean, sigma } => {
                for pixel in &mut canvas.planes {
                    let noise = WHITE * (mean + sigma * random.normal()) as f32;
                    *pixel = (*pixel + noise).clamp(0.0, WHITE);
                }
            }
            // Of whole batches, see batch.rs.
            Augment::Mixup(_) | Augment::Cutmix(_) => {}
        }
    }
}

/// The part of an image that `crop` takes; of one that has no room for it, the largest part in the middle.
pub fn part_of([height, width]: [usize; 2], crop: &RandomResizedCrop, random: &mut Stream) -> Part {
    const TRIES: usize = 10;
    let area = (height * width) as f64;
    let [low, high] = crop.ratio.map(libm::log);
    for _ in 0..TRIES {
        let area = area * random.between(crop.scale[0], crop.scale[1]);
        let ratio = libm::exp(random.between(low, high));
        let columns = (area * ratio).sqrt().round_ties_even() as usize;
        let rows = (area / ratio).sqrt().round_ties_even() as usize;
        if (1..=height).contains(&rows) && (1..=width).contains(&columns) {
            return Part {
                top: random.below((height - rows) as u64 + 1) as usize,
                left: random.below((width - columns) as u64 + 1) as usize,
                size: [rows, columns],
            };
        }
    }
    let [low, high] = crop.ratio;
    let ratio = width as f64 / height as f64;
    let rounded = |length: f64| (length.round_ties_even() as usize).max(1);
    let size = if ratio < low {
        [rounded(width as f64 / low).min(height), width]
    } else if ratio > high {
        [height, rounded(height as f64 * high).min(width)]
    } else {
        [height, width]
    };
    Part {
        top: (height - size[0]) / 2,
        left: (width - size[1]) / 2,
        size,
    }
}

fn random_affine(canvas: &mut Canvas, affine: &RandomAffine, random: &mut Stream) {
    let angle = random.between(-affine.degrees, affine.degrees);
    let shift = random_shift(canvas, affine.translate, random);
    let scale = random.between(affine.scale[0], affine.scale[1]);
    let shear = random.between(-affine.shear, affine.shear);
    canvas.transform(&inverse_affine(angle, shift, scale, [shear, 0.0]));
}

/// Draws a shift to the right and down, in whole pixels.
fn random_shift(canvas: &Canvas, translate: [f64; 2], random: &mut Stream) -> [f64; 2] {
    let most = [
        translate[0] * canvas.width as f64,
        translate[1] * canvas.height as f64,
    ];
    most.map(|most| random.between(-most, most).round_ties_even())
}

fn color_jitter(canvas: &mut Canvas, jitter: &ColorJitter, random: &mut Stream) {
    let mut factor =
        |strength: f64| random.between((1.0 - strength).max(0.0), 1.0 + strength) as f32;
    let (brightness, contrast, saturation) = (
        factor(jitter.brightness),
        factor(jitter.contrast),
        factor(jitter.saturation),
    );
    let hue = random.between(-jitter.hue, jitter.hue) as f32;
    if jitter.brightness > 0.0 {
        canvas.adjust_brightness(brightness);
    }
    if jitter.contrast > 0.0 {
        canvas.adjust_contrast(contrast);
    }
    if jitter.saturation > 0.0 {
        canvas.adjust_saturation(saturation);
    }
    if jitter.hue > 0.0 {
        canvas.adjust_hue(hue);
    }
}

fn gaussian_blur(canvas: &mut Canvas, blur: &GaussianBlur, random: &mut Stream) {
    if random.unit() < blur.p {
        let sigma = random.between(blur.sigma[0], blur.sigma[1]);
        canvas.gaussian_blur(blur.kernel_size, sigma);
    }
}

fn random_erasing(canvas: &mut Canvas, erasing: &RandomErasing, random: &mut Stream) {
    /// Rectangles that do not fit before the image stays whole.
    const TRIES: usize = 10;
    if random.unit() >= erasing.p {
        return;
    }
    let (height, width) = (canvas.height, canvas.width);
    let [low, high] = erasing.ratio.map(libm::log);
    for _ in 0..TRIES {
        let area = (height * width) as f64 * random.between(erasing.scale[0], erasing.scale[1]);
        let ratio = libm::exp(random.between(low, high));
        let rows = (area * ratio).sqrt().round_ties_even() as usize;
        let columns = (area / ratio).sqrt().round_ties_even() as usize;
        if rows >= height || columns >= width {
            continue;
        }
        let top = random.below((height - rows) as u64 + 1) as usize;
        let left = random.below((width - columns) as u64 + 1) as usize;
        canvas.erase([top, left], [rows, columns], WHITE * erasing.value as f32);
        return;
    }
}

/// Where a pixel of the result comes from, both counted from the middle of the image:
/// `x = m[0] x' + m[1] y' + m[2]`, `y = m[3] x' + m[4] y' + m[5]`. Clockwise angle and shear in degrees,
/// shift in pixels, the latter two along the rows and along the columns.
pub fn inverse_affine(angle: f64, shift: [f64; 2], scale: f64, shear: [f64; 2]) -> [f64; 6] {
    let angle = angle.to_radians();
    let [x, y] = shear.map(f64::to_radians);
    let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
    let (sheared_sine, sheared_cosine) = (
        libm::sin(angle - y) / libm::cos(y),
        libm::cos(angle - y) / libm::cos(y),
    );
    // The product of a turn and two shears.
    let (a, b) = (sheared_cosine, -sheared_cosine * libm::tan(x) - sine);
    let (c, d) = (sheared_sine, -sheared_sine * libm::tan(x) + cosine);
    let [m0, m1, m3, m4] = [d, -b, -c, a].map(|value| value / scale);
    let [x, y] = shift;
    [m0, m1, -m0 * x - m1 * y, m3, m4, -m3 * x - m4 * y]
}

impl Canvas {
    fn area(&self) -> usize {
        self.height * self.width
    }

    /// A part of the image with zeros around it.
    pub fn crop(&mut self, padding: [usize; 2], [top, left]: [usize; 2], size: [usize; 2]) {
        let [height, width] = size;
        let mut cropped = vec![0.0; self.planes.len() / self.area() * height * width];
        // The columns of the result that are not of the padding.
        let first = padding[1].saturating_sub(left).min(width);
        let last = (padding[1] + self.width)
            .saturating_sub(left)
            .clamp(first, width);
        let targets = cropped.chunks_exact_mut(height * width);
        for (plane, target) in self
            .planes
            .chunks_exact(self.height * self.width)
            .zip(targets)
        {
            for (row, target) in target.chunks_exact_mut(width).enumerate() {
                let source = (row + top).checked_sub(padding[0]);
                if let Some(source) = source.filter(|row| *row < self.height && first < last) {
                    let from = source * self.width + first + left - padding[1];
                    target[first..last].copy_from_slice(&plane[from..from + last - first]);
                }
            }
        }
        *self = Self {
            height,
            width,
            planes: cropped,
        };
    }

    /// A part of the image in another size.
    pub fn resized_crop(&mut self, part: Part, size: [usize; 2]) {
        self.planes = resized_crop(&self.planes, [self.height, self.width], part, size);
        [self.height, self.width] = size;
    }

    /// Rounds all pixels and changes the image of whole numbers.
    fn in_bytes(&mut self, change: impl FnOnce(&mut Bytes)) {
        let rounded = self.planes.iter();
        let mut image = Bytes {
            height: self.height,
            width: self.width,
            planes: rounded.map(|pixel| pixel.round_ties_even() as u8).collect(),
        };
        change(&mut image);
        for (pixel, changed) in self.planes.iter_mut().zip(image.planes) {
            *pixel = f32::from(changed);
        }
    }

    /// Mirrors left and right.
    pub fn flip_horizontally(&mut self) {
        for row in self.planes.chunks_exact_mut(self.width) {
            row.reverse();
        }
    }

    /// Mirrors top and bottom.
    pub fn flip_vertically(&mut self) {
        let (area, width) = (self.area(), self.width);
        for plane in self.planes.chunks_exact_mut(area) {
            for row in 0..self.height / 2 {
                let (upper, lower) = plane.split_at_mut((self.height - 1 - row) * width);
                upper[row * width..][..width].swap_with_slice(&mut lower[..width]);
            }
        }
    }

    /// Takes every pixel from where `map` (see [`inverse_affine`]) says, with bilinear interpolation and zeros
    /// outside.
    pub fn transform(&mut self, map: &[f64; 6]) {
        const IDENTITY: [f64; 6] = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        if *map == IDENTITY {
            return;
        }
        let (height, width, area) = (self.height, self.width, self.area());
        let map = map.map(|value| value as f32);
        let (middle_x, middle_y) = (width as f32 / 2.0, height as f32 / 2.0);
        let mut moved = vec![0.0; self.planes.len()];
        for index in 0..area {
            let x = (index % width) as f32 + 0.5 - middle_x;
            let y = (index / width) as f32 + 0.5 - middle_y;
            let x_from = map[0] * x + map[1] * y + map[2] + middle_x - 0.5;
            let y_from = map[3] * x + map[4] * y + map[5] + middle_y - 0.5;
            let (column, row) = (x_from.floor(), y_from.floor());
            let is_outside = |at: f32, length: usize| at < -1.0 || at >= length as f32;
            if is_outside(column, width) || is_outside(row, height) {
                continue;
            }
            let (right, down) = (x_from - column, y_from - row);
            let (column, row) = (column as isize, row as isize);
            let weights = [
                (row, column, (1.0 - down) * (1.0 - right)),
                (row, column + 1, (1.0 - down) * right),
                (row + 1, column, down * (1.0 - right)),
                (row + 1, column + 1, down * right),
            ];
            for (row, column, weight) in weights {
                let is_inside =
                    (0..height as isize).contains(&row) && (0..width as isize).contains(&column);
                if is_inside {
                    let from = row as usize * width + column as usize;
                    let planes = self
                        .planes
                        .chunks_exact(area)
                        .zip(moved.chunks_exact_mut(area));
                    for (plane, moved) in planes {
                        moved[index] += weight * plane[from];
                    }
                }
            }
        }
        self.planes = moved;
    }

    /// Fills a rectangle in all channels.
    pub fn erase(&mut self, [top, left]: [usize; 2], [rows, columns]: [usize; 2], value: f32) {
        let (area, width) = (self.area(), self.width);
        for plane in self.planes.chunks_exact_mut(area) {
            for row in plane.chunks_exact_mut(width).skip(top).take(rows) {
                row[left..left + columns].fill(value);
            }
        }
    }

    /// Multiplies all pixels.
    pub fn adjust_brightness(&mut self, factor: f32) {
        for pixel in &mut self.planes {
            *pixel = (*pixel * factor).clamp(0.0, WHITE);
        }
    }

    /// Blends with the mean lightness; a factor above 1 moves away from it.
    pub fn adjust_contrast(&mut self, factor: f32) {
        let area = self.area();
        let lightness = (0..area).map(|index| f64::from(self.lightness(index)));
        let mean = (lightness.sum::<f64>() / area as f64) as f32;
        for pixel in &mut self.planes {
            *pixel = blend(*pixel, mean, factor);
        }
    }

    /// Blends each pixel with its grey value; a factor above 1 moves away from it; what is not red, green and blue stays as it is.
    pub fn adjust_saturation(&mut self, factor: f32) {
        let area = self.area();
        if self.planes.len() != 3 * area {
            return;
        }
        for index in 0..area {
            let grey = self.lightness(index);
            for channel in 0..3 {
                let pixel = &mut self.planes[channel * area + index];
                *pixel = blend(*pixel, grey, factor);
            }
        }
    }

    /// Rotates hues by a fraction of the full circle; what is not red, green and blue stays as it is.
    pub fn adjust_hue(&mut self, turn: f32) {
        let area = self.area();
        if self.planes.len() != 3 * area {
            return;
        }
        for index in 0..area {
            let color = [0, 1, 2].map(|channel| self.planes[channel * area + index]);
            for (channel, value) in turn_hue(color, turn).into_iter().enumerate() {
                self.planes[channel * area + index] = value;
            }
        }
    }

    /// Replaces each pixel by its lightness; what is not red, green and blue stays as it is.
    pub fn grayscale(&mut self) {
        self.adjust_saturation(0.0);
    }

    /// Blurs along the columns, then along the rows. The size of the kernel is odd; `sigma` is in pixels and
    /// more than 0. The image is mirrored at its outermost pixels.
    pub fn gaussian_blur(&mut self, [rows, columns]: [usize; 2], sigma: f64) {
        let (height, width) = (self.height, self.width);
        self.convolve(&gaussian_kernel(rows, sigma), height, width);
        self.convolve(&gaussian_kernel(columns, sigma), width, 1);
    }

    /// Convolves along an axis of so many pixels that lie `stride` apart.
    fn convolve(&mut self, kernel: &[f32], length: usize, stride: usize) {
        if kernel.len() == 1 {
            return;
        }
        let mut blurred = vec![0.0; self.planes.len()];
        let lines = self.planes.chunks_exact(length * stride);
        for (source, target) in lines.zip(blurred.chunks_exact_mut(length * stride)) {
            for (at, target) in target.chunks_exact_mut(stride).enumerate() {
                for (tap, weight) in kernel.iter().enumerate() {
                    let from = mirrored(at + tap, kernel.len() / 2, length) * stride;
                    for (sum, pixel) in target.iter_mut().zip(&source[from..from + stride]) {
                        *sum += weight * pixel;
                    }
                }
            }
        }
        self.planes = blurred;
    }

    fn lightness(&self, index: usize) -> f32 {
        let area = self.area();
        match self.planes.len() / area {
            3 => {
                let [red, green, blue] =
                    [0, 1, 2].map(|channel| self.planes[channel * area + index]);
                0.2989 * red + 0.587 * green + 0.114 * blue
            }
            _ => self.planes[index],
        }
    }
}

/// The weights of a Gaussian, which add up to 1.
fn gaussian_kernel(length: usize, sigma: f64) -> Vec<f32> {
    let middle = (length / 2) as f64;
    let weights: Vec<f64> = (0..length)
        .map(|tap| libm::exp(-0.5 * ((tap as f64 - middle) / sigma).powi(2)))
        .collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| (weight / sum) as f32).collect()
}

/// Where the pixel comes from that is `at - before` in a line which is mirrored at both ends, without its
/// end pixels twice, as often as needed.
fn mirrored(at: usize, before: usize, length: usize) -> usize {
    let period = 2 * (length - 1).max(1);
    let at = (at + before * (period - 1)) % period;
    at.min(period - at).min(length - 1)
}

fn blend(pixel: f32, other: f32, factor: f32) -> f32 {
    (factor * pixel + (1.0 - factor) * other).clamp(0.0, WHITE)
}

/// Rotates the hue of one pixel, by way of HSV.
fn turn_hue(color: [f32; 3], turn: f32) -> [f32; 3] {
    let [red, green, blue] = color;
    let highest = red.max(green).max(blue);
    let lowest = red.min(green).min(blue);
    let spread = highest - lowest;
    if spread == 0.0 {
        return color;
    }
    // In sixths of the circle.
    let hue = if highest == red {
        (green - blue) / spread
    } else if highest == green {
        2.0 + (blue - red) / spread
    } else {
        4.0 + (red - green) / spread
    };
    let hue = (hue + 6.0 * turn).rem_euclid(6.0);
    let part = hue - hue.floor();
    let (falling, rising) = (highest - spread * part, highest - spread * (1.0 - part));
    match hue.floor() as u32 {
        0 | 6 => [highest, rising, lowest],
        1 => [falling, highest, lowest],
        2 => [lowest, highest, rising],
        3 => [lowest, falling, highest],
        4 => [rising, lowest, highest],
        _ => [highest, lowest, falling],
    }
}
