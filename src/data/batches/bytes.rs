//! An image of whole numbers, and what torchvision's `transforms.v2.functional` does to `uint8`: results are cut
//! off, not rounded, and geometry takes the nearest pixel, or zeros outside.

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bytes {
    /// In pixels.
    pub height: usize,
    /// In pixels.
    pub width: usize,
    /// Row-major `[channels, height, width]`.
    pub planes: Vec<u8>,
}

const VALUES: usize = 256;

impl Bytes {
    fn area(&self) -> usize {
        self.height * self.width
    }

    /// Replaces the values of each channel by a table that is made of it.
    fn replace(&mut self, table: impl Fn(&[u8]) -> [u8; VALUES]) {
        let area = self.area();
        for plane in self.planes.chunks_exact_mut(area) {
            let table = table(plane);
            for pixel in plane {
                *pixel = table[usize::from(*pixel)];
            }
        }
    }

    /// Replaces all values, whatever the channel.
    fn replace_all(&mut self, of_value: impl Fn(u8) -> u8) {
        let table = std::array::from_fn(|value| of_value(value as u8));
        self.replace(|_| table);
    }

    /// Multiplies all pixels.
    pub fn adjust_brightness(&mut self, factor: f64) {
        self.replace_all(|value| byte(f32::from(value) * factor as f32));
    }

    /// Blends with the mean lightness; a factor above 1 moves away from it.
    pub fn adjust_contrast(&mut self, factor: f64) {
        let values = match self.lightness() {
            Some(lightness) => sum(&lightness) / self.area() as f64,
            None => sum(&self.planes) / self.planes.len() as f64,
        };
        let mean = values as f32;
        self.replace_all(|value| blend(value, mean, factor));
    }

    /// Blends each pixel with its lightness; what is not red, green and blue stays as it is.
    pub fn adjust_saturation(&mut self, factor: f64) {
        let Some(lightness) = self.lightness() else {
            return;
        };
        let area = self.area();
        for plane in self.planes.chunks_exact_mut(area) {
            for (pixel, grey) in plane.iter_mut().zip(&lightness) {
                *pixel = blend(*pixel, f32::from(*grey), factor);
            }
        }
    }

    /// The lightness of each pixel, of an image of red, green and blue.
    fn lightness(&self) -> Option<Vec<u8>> {
        let area = self.area();
        if self.planes.len() != 3 * area {
            return None;
        }
        let (red, others) = self.planes.split_at(area);
        let (green, blue) = others.split_at(area);
        let lightness = |((red, green), blue): ((&u8, &u8), &u8)| {
            let [red, green, blue] = [red, green, blue].map(|it| f32::from(*it));
            blue.mul_add(0.114, green.mul_add(0.587, red * 0.2989)) as u8
        };
        Some(red.iter().zip(green).zip(blue).map(lightness).collect())
    }

    /// Moves away from a blurred image by a factor above 1. The outermost pixels stay.
    pub fn adjust_sharpness(&mut self, factor: f64) {
        /// The weight of a pixel in its blurred value, where its eight neighbours have 1.
        const OWN: u32 = 5;
        const ALL: u32 = OWN + 8;
        let (height, width, area) = (self.height, self.width, self.area());
        if height <= 2 || width <= 2 {
            return;
        }
        let away = (1.0 - factor) as f32;
        for plane in self.planes.chunks_exact_mut(area) {
            let old = plane.to_vec();
            for row in 1..height - 1 {
                let lines = [row - 1, row, row + 1].map(|row| &old[row * width..][..width]);
                for column in 1..width - 1 {
                    let of_line = |line: &[u8]| -> u32 {
                        line[column - 1..=column + 1]
                            .iter()
                            .map(|it| u32::from(*it))
                            .sum()
                    };
                    let own = lines[1][column];
                    let sum = lines.map(of_line).iter().sum::<u32>() + (OWN - 1) * u32::from(own);
                    let blurred = (2 * sum + ALL) / (2 * ALL);
                    let own = f32::from(own);
                    plane[row * width + column] = byte((blurred as f32 - own).mul_add(away, own));
                }
            }
        }
    }

    /// Keeps the highest bits, 0 to 8.
    pub fn posterize(&mut self, bits: u32) {
        let mask = 0xff_u8.checked_shl(u8::BITS - bits).unwrap_or(0);
        self.replace_all(|value| value & mask);
    }

    /// Inverts what is not below a threshold.
    pub fn solarize(&mut self, threshold: f32) {
        self.replace_all(|value| match f32::from(value) >= threshold {
            true => !value,
            false => value,
        });
    }

    /// Stretches each channel to all values.
    pub fn autocontrast(&mut self) {
        self.replace(|plane| {
            let (lowest, highest) = plane.iter().fold((u8::MAX, 0), |(lowest, highest), pixel| {
                (lowest.min(*pixel), highest.max(*pixel))
            });
            let step = f32::from(highest.saturating_sub(lowest)) * (1.0 / 255.0);
            std::array::from_fn(|value| match step == 0.0 {
                true => value as u8,
                false => byte((value as f32 - f32::from(lowest)) / step),
            })
        });
    }

    /// Spreads the values of each channel evenly, as Pillow does.
    pub fn equalize(&mut self) {
        self.replace(|plane| {
            let mut counts = [0; VALUES];
            for pixel in plane {
                counts[usize::from(*pixel)] += 1;
            }
            let of_highest = counts.iter().rfind(|count| **count > 0).copied();
            let step = (plane.len() - of_highest.unwrap_or(0)) / 255;
            let mut below = 0;
            std::array::from_fn(|value| {
                let spread = (below + step / 2).checked_div(step);
                below += counts[value];
                spread.map_or(value, |spread| spread.min(255)) as u8
            })
        });
    }

    /// Shifts to the right and down; negative numbers to the left and up.
    pub fn translate(&mut self, [right, down]: [f64; 2]) {
        self.take_from([1.0, 0.0, -right, 0.0, 1.0, -down]);
    }

    /// Shifts each row to the left by `slope` times its distance from the top edge.
    pub fn shear_x(&mut self, slope: f64) {
        self.take_from([1.0, slope, slope * self.height as f64 / 2.0, 0.0, 1.0, 0.0]);
    }

    /// Shifts each column up by `slope` times its distance from the left edge.
    pub fn shear_y(&mut self, slope: f64) {
        self.take_from([1.0, 0.0, 0.0, slope, 1.0, slope * self.width as f64 / 2.0]);
    }

    /// Rotates counterclockwise, by degrees.
    pub fn rotate(&mut self, angle: f64) {
        let angle = angle.to_radians();
        let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
        self.take_from([cosine, -sine, 0.0, sine, cosine, 0.0]);
    }

    /// Takes every pixel from the one that is nearest to where the map says: both places are counted from the middle,
    /// `x = m[0] x' + m[1] y' + m[2]`, `y = m[3] x' + m[4] y' + m[5]`. The order of operations is that of `grid_sample`, as
    /// where two pixels are equally near the last bits decide.
    fn take_from(&mut self, map: [f64; 6]) {
        let (height, width, area) = (self.height, self.width, self.area());
        let [across, down] = [width as f32, height as f32];
        let map = map.map(|value| value as f32);
        let axis = |of: [f32; 3], length: f32| {
            let half = 0.5 * length;
            let [x_part, y_part, shift] = of.map(|part| part / half);
            move |x: f32, y: f32| {
                let place = x_part.mul_add(x, y_part * y) + shift;
                let nearest = (((place + 1.0) * length - 1.0) / 2.0).round_ties_even();
                (nearest >= 0.0 && nearest < length).then_some(nearest as usize)
            }
        };
        let column = axis([map[0], map[1], map[2]], across);
        let row = axis([map[3], map[4], map[5]], down);
        let old = self.planes.clone();
        for index in 0..area {
            let x = (index % width) as f32 + 0.5 * (1.0 - across);
            let y = (index / width) as f32 + 0.5 * (1.0 - down);
            let from = row(x, y).zip(column(x, y));
            let planes = old
                .chunks_exact(area)
                .zip(self.planes.chunks_exact_mut(area));
            for (old, new) in planes {
                new[index] = from.map_or(0, |(row, column)| old[row * width + column]);
            }
        }
    }
}

fn byte(value: f32) -> u8 {
    value as u8
}

fn blend(value: u8, other: f32, factor: f64) -> u8 {
    byte(other.mul_add((1.0 - factor) as f32, f32::from(value) * factor as f32))
}

fn sum(values: &[u8]) -> f64 {
    values.iter().map(|value| u64::from(*value)).sum::<u64>() as f64
}
