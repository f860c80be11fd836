//! The rows of an image as a decoder makes them: kept as they are, or reduced to fewer before the next ones come, so that
//! a large image is never in memory as a whole.

use std::collections::VecDeque;

use super::raster::Outline;
use super::samples::grey;
use crate::config::Resize;

/// What becomes of the rows of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// Where this is 1, colours become grey first.
    pub channels: usize,
    /// An image that is higher than this makes it is brought to so many rows.
    pub resize: Resize,
    /// Bytes up to which an image is left whole, which is quicker.
    pub whole: u64,
}

/// Takes the rows of an image from top to bottom and brings them to fewer: what `fast_image_resize` does first to the
/// columns of a whole image, with the same numbers.
pub struct Reducer {
    is_greyed: bool,
    channels: usize,
    /// How many come.
    rows: usize,
    /// Height and width of what comes out.
    size: [usize; 2],
    /// Of each row that comes out.
    weights: Vec<Weights>,
    /// Binary places of a weight.
    precision: u32,
    /// The number of the next row.
    next: usize,
    /// Of the rows that come out, the first of those that are not finished.
    first_open: usize,
    /// Their sums so far.
    open: VecDeque<Vec<i32>>,
    finished: Vec<u8>,
    /// Rows that are not in the sums yet.
    strip: Vec<u8>,
}

/// So many rows are added at a time.
const STRIP: usize = 8;

/// How much of some rows a row has that comes out.
struct Weights {
    first: usize,
    values: Vec<i16>,
}

impl Reduction {
    /// A reducer of an image of so many channels, a height and a width; `None` if it stays
    /// whole.
    pub fn of(self, channels: usize, [height, width]: [usize; 2]) -> Option<Reducer> {
        let bytes = (channels as u64)
            .saturating_mul(height as u64)
            .saturating_mul(width as u64);
        let [fewer, _] = self.resize.of([height, width]);
        (height > fewer && bytes > self.whole).then(|| Reducer {
            is_greyed: self.channels == 1 && channels == 3,
            channels: channels.min(self.channels),
            rows: height,
            size: [fewer, width],
            weights: Vec::new(),
            precision: 0,
            next: 0,
            first_open: 0,
            open: VecDeque::new(),
            finished: Vec::new(),
            strip: Vec::new(),
        })
    }
}

impl Reducer {
    /// How many channels come out.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The height and width of what comes out.
    pub fn size(&self) -> [usize; 2] {
        self.size
    }

    /// What comes out of an image of this height and width, at this cost.
    pub fn outline(&self, size: [usize; 2], cost: u64) -> Outline {
        Outline {
            size,
            channels: self.channels,
            output: self.size,
            cost,
        }
    }

    /// Bytes that it takes.
    pub fn cost(&self) -> u64 {
        const OPEN_ROWS: usize = STRIP + 3;
        let [height, width] = self.size.map(|side| side as u64);
        let rows = height.saturating_add((2 * STRIP + OPEN_ROWS * size_of::<i32>()) as u64);
        // Two weights of each row that comes, as they are computed, and those of each that comes out.
        let of_weights = (4 * size_of::<f64>() as u64).saturating_mul(self.rows as u64);
        let of_outputs = (2 * size_of::<Weights>() as u64).saturating_mul(height);
        let of_rows = rows
            .saturating_mul(self.channels as u64)
            .saturating_mul(width);
        of_rows
            .saturating_add(of_weights)
            .saturating_add(of_outputs)
    }

    /// All rows, one after the other.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.finished)
    }

    /// Takes the next row.
    pub fn push(&mut self, row: &[u8]) {
        if self.next == 0 {
            let [height, width] = self.size;
            (self.weights, self.precision) = weights(self.rows, height);
            self.finished.reserve_exact(height * width * self.channels);
        }
        match self.is_greyed {
            true => self.strip.extend(row.chunks_exact(3).map(grey)),
            false => self.strip.extend_from_slice(row),
        }
        self.next += 1;
        if self.next.is_multiple_of(STRIP) || self.next == self.rows {
            self.add();
            self.strip.clear();
        }
    }

    /// Adds the rows of the strip to the sums.
    fn add(&mut self) {
        let row = self.channels * self.size[1];
        // After the last row of all there may be none; without weight it does not matter which is taken in its place.
        let last = self.strip.len() / row - 1;
        let first = self.next - last - 1;
        let rows: [&[u8]; STRIP] =
            std::array::from_fn(|index| &self.strip[index.min(last) * row..][..row]);
        let half = 1 << (self.precision - 1);
        for (place, weights) in self.weights[self.first_open..].iter().enumerate() {
            if weights.first >= self.next {
                break;
            }
            if place == self.open.len() {
                self.open.push_back(vec![half; row]);
            }
            let of_rows = std::array::from_fn(|index| weights.of_row(first + index));
            add_weighted(&mut self.open[place], rows, of_rows);
        }
        while let Some(weights) = self.weights.get(self.first_open)
            && weights.first + weights.values.len() <= self.next
            && let Some(sums) = self.open.pop_front()
        {
            let bytes = sums
                .iter()
                .map(|sum| (sum >> self.precision).clamp(0, 255) as u8);
            self.finished.extend(bytes);
            self.first_open += 1;
        }
    }
}

impl Weights {
    fn of_row(&self, row: usize) -> i16 {
        let place = row.checked_sub(self.first);
        let weight = place.and_then(|place| self.values.get(place));
        weight.copied().unwrap_or(0)
    }
}

fn add_weighted(sums: &mut [i32], rows: [&[u8]; STRIP], weights: [i16; STRIP]) {
    let rows = rows.map(|row| &row[..sums.len()]);
    for (x, sum) in sums.iter_mut().enumerate() {
        for (row, weight) in rows.iter().zip(weights) {
            *sum += i32::from(row[x]) * i32::from(weight);
        }
    }
}

/// The weights of a linear filter as wide as the step from row to row, and their binary places: as many as keep each
/// of them within 16 bits.
fn weights(from: usize, to: usize) -> (Vec<Weights>, u32) {
    const SUM_BITS: u32 = 22;
    const WEIGHT_LIMIT: f64 = 32768.0;
    let step = from as f64 / to as f64;
    let slope = 1.0 / step;
    let exact = |row: usize| {
        let center = (row as f64 + 0.5) * step;
        let first = (center - step).floor().max(0.0) as usize;
        let end = (center + step).ceil().min(from as f64) as usize;
        let weight = |y: usize| 1.0 - ((y as f64 - (center - 0.5)) * slope).abs().min(1.0);
        let mut values: Vec<f64> = (first..end).map(weight).collect();
        let leading = values.iter().take_while(|value| **value == 0.0).count();
        values.drain(..leading);
        let sum: f64 = values.iter().sum();
        values.iter_mut().for_each(|value| *value /= sum);
        while values.last() == Some(&0.0) {
            values.pop();
        }
        (first + leading, values)
    };
    let exact: Vec<(usize, Vec<f64>)> = (0..to).map(exact).collect();
    let largest = exact.iter().flat_map(|(_, values)| values).copied();
    let largest = largest.fold(0.0, f64::max);
    let is_too_long = |bits: &u32| (largest * f64::from(1 << (bits + 1))).round() >= WEIGHT_LIMIT;
    let precision = (0..SUM_BITS).find(is_too_long).unwrap_or(SUM_BITS - 1);
    let scale = f64::from(1 << precision);
    let round = |(first, values): (usize, Vec<f64>)| Weights {
        first,
        values: values
            .iter()
            .map(|value| (value * scale).round() as i16)
            .collect(),
    };
    (exact.into_iter().map(round).collect(), precision)
}
