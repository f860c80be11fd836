//! Every random draw of the program: streams keyed by (seed, purpose, epoch, index).
//!
//! No random state is ever stored or passed on: whoever needs randomness opens the stream of its
//! purpose and place, so that a draw is the same after a resume, on every backend and for any
//! number of threads. Only the raw words of ChaCha8 are taken from a library; the distributions
//! are ours and pinned by tests, because a library may change its own in a minor release.

#![warn(missing_docs)]

use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// What a stream is for. The numbers are part of the format: a change changes every run.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    /// Start values of a parameter; index: a hash of its name.
    Initialization = 1,
    /// The order of the training images; epoch: 1-based.
    Shuffle = 2,
    /// The mask of a dropout layer; epoch: the global step, index: the layer.
    Dropout = 3,
    /// When a proof kills its process; no run draws from it.
    Proof = 4,
    /// Which side of a split an image is on; index: the image's content.
    Split = 5,
    /// Which images a limit leaves; index: the image's content.
    Limit = 6,
    /// An image that is made up; index: its split and number.
    Synthetic = 7,
    /// The augmentation of a training image; epoch: 1-based, index: the image's number in its source
    /// and, in the bits above it, how often the epoch has used the image before.
    Augment = 8,
    /// The partner and the share of a training image in mixup and CutMix; keyed as `Augment`.
    Mix = 9,
    /// The points of a sweep; epoch: 0 for random points, 1 for the scrambling of a Sobol sequence, 2 for estimators;
    /// index: the point's number. No run draws from it.
    Search = 10,
    /// The images of a resample; index: the resample's number. No run draws from it.
    Bootstrap = 11,
}

/// The stream of one purpose at one place.
pub fn stream(seed: u64, purpose: Purpose, epoch: u64, index: u64) -> Stream {
    // The four words fill ChaCha's 256-bit key exactly, so two places never share a stream.
    let mut key = [0; 32];
    for (bytes, word) in key
        .chunks_exact_mut(8)
        .zip([seed, purpose as u64, epoch, index])
    {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    Stream(ChaCha8Rng::from_seed(key))
}

/// The random numbers of one purpose at one place, from [`stream`].
#[derive(Debug)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// The generator itself, for libraries that draw by themselves.
    pub fn into_generator(self) -> impl Rng {
        self.0
    }

    /// The next 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `-bound..bound`, a multiple of `bound / 2^23`.
    #[inline]
    pub fn symmetric(&mut self, bound: f32) -> f32 {
        let unit = (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32;
        (2.0 * unit - 1.0) * bound
    }

    /// Uniform in `0..1`, a multiple of `2^-53`.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform in `low..high`.
    #[inline]
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// From the distribution Beta(alpha, alpha), as a share of two draws from a Gamma distribution.
    pub fn beta(&mut self, alpha: f64) -> f64 {
        let (one, other) = (self.gamma(alpha), self.gamma(alpha));
        // For a small alpha both may be too small for a number.
        match one + other {
            0.0 => 0.5,
            sum => one / sum,
        }
    }

    /// From the distribution Gamma(shape, 1) (G. Marsaglia and W. W. Tsang, "A Simple Method for
    /// Generating Gamma Variables", 2000).
    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let power = libm::pow(self.unit(), 1.0 / shape);
            return self.gamma(shape + 1.0) * power;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let normal = self.normal();
            let v = libm::pow(1.0 + c * normal, 3.0);
            let bound = 0.5 * normal * normal + d - d * v + d * libm::log(v.max(f64::MIN_POSITIVE));
            if v > 0.0 && libm::log(self.unit().max(f64::MIN_POSITIVE)) < bound {
                return d * v;
            }
        }
    }

    /// Normal with mean 0 and deviation 1 (`G. E. P. Box and M. E. Muller, "A Note on the Generation of
    /// Random Normal Deviates", 1958`, with the cosine).
    #[inline]
    pub fn normal(&mut self) -> f64 {
        const WHOLE: f64 = (1u64 << 53) as f64;
        // Never 0, whose logarithm is infinite.
        let radius = ((self.next_u64() >> 11) + 1) as f64 / WHOLE;
        let angle = (self.next_u64() >> 11) as f64 / WHOLE;
        (-2.0 * libm::log(radius)).sqrt() * libm::cos(std::f64::consts::TAU * angle)
    }

    /// Uniform in `0..end`, without bias (Lemire's method, "Fast Random Integer Generation in an Interval", 2019).
    ///
    /// # Panics
    ///
    /// If `end` is 0.
    #[inline]
    pub fn below(&mut self, end: u64) -> u64 {
        assert!(end > 0, "an empty range has no member");
        let threshold = end.wrapping_neg() % end;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(end);
            if product as u64 >= threshold {
                return (product >> 64) as u64;
            }
        }
    }

    /// A uniform permutation (Fisher and Yates), in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Which elements a dropout layer keeps, as a pure function of the element's index.
///
/// The counter-based form lets any thread compute any part of a mask.
#[derive(Debug, Clone, Copy)]
pub struct DropoutMask {
    key: u64,
    threshold: u32,
    scale: f32,
}

impl DropoutMask {
    /// The mask of dropout layer `layer` at global step `step`; `p` is the share that is dropped.
    pub fn new(seed: u64, step: u64, layer: u64, p: f64) -> Self {
        Self {
            key: stream(seed, Purpose::Dropout, step, layer).next_u64(),
            threshold: (p * (1u64 << 32) as f64) as u32,
            scale: (1.0 / (1.0 - p)) as f32,
        }
    }

    /// The factor of kept elements: `1 / (1 - p)`.
    #[inline]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// The factors, 0 or [`Self::scale`], of the elements from `start` on.
    #[inline(always)]
    pub fn write_factors(&self, start: usize, factors: &mut [f32]) {
        let (mut block, mut within) = (start / BLOCK, start % BLOCK);
        let mut rest = factors;
        while !rest.is_empty() {
            let count = (BLOCK - within).min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(&self.block(block)[within..within + count]);
            rest = later;
            block += 1;
            within = 0;
        }
    }

    /// `output = input * factor` for the elements from `start` on.
    ///
    /// # Panics
    ///
    /// If `start` is no multiple of 16 or the lengths differ.
    #[inline(always)]
    pub fn apply(&self, start: usize, input: &[f32], output: &mut [f32]) {
        assert!(start.is_multiple_of(BLOCK) && input.len() == output.len());
        let whole = input.len() - input.len() % BLOCK;
        let (input, last_input) = input.split_at(whole);
        let (output, last_output) = output.split_at_mut(whole);
        let blocks = output
            .chunks_exact_mut(BLOCK)
            .zip(input.chunks_exact(BLOCK));
        for (block, (output, input)) in (start / BLOCK..).zip(blocks) {
            let factors = self.block(block);
            for ((output, input), factor) in output.iter_mut().zip(input).zip(factors) {
                *output = input * factor;
            }
        }
        let factors = self.block((start + whole) / BLOCK);
        for ((output, input), factor) in last_output.iter_mut().zip(last_input).zip(factors) {
            *output = input * factor;
        }
    }

    /// The factors of elements `16 * block` to `16 * block + 15`.
    #[inline(always)]
    fn block(&self, block: usize) -> [f32; BLOCK] {
        let first = (block * BLOCK / 2) as u64 + 1;
        let words: [u64; BLOCK / 2] = std::array::from_fn(|i| {
            let counter = first.wrapping_add(i as u64);
            mix(self.key.wrapping_add(counter.wrapping_mul(GOLDEN_GAMMA)))
        });
        // Each half of a word decides one element, the lower half first.
        std::array::from_fn(|i| {
            let half = (words[i / 2] >> (32 * (i % 2))) as u32;
            if half < self.threshold {
                0.0
            } else {
                self.scale
            }
        })
    }

    /// The factors of the elements `0..length`.
    pub fn factors(&self, length: usize) -> Vec<f32> {
        let mut factors = vec![0.0; length];
        self.write_factors(0, &mut factors);
        factors
    }
}

/// Elements whose factors are computed together.
const BLOCK: usize = 16;

/// The increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
