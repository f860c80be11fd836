//! `[data].augment`: what happens to a training image before the network sees it.

use serde::Serialize;

use crate::language::choice::{ListKey, Variant, infos};
use crate::language::info::{KeyInfo, Kind};
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::{
    NOT_NEGATIVE, NUMBER, PROBABILITY, Values, float, integer, pair, two_numbers,
};

/// One step of the augmentation, with torchvision's names, options and defaults where it has the same.
/// Shares of an image are of its width and height; angles are in degrees.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Augment {
    /// Zeros around the image, then a part of `model.input`'s size at a random place.
    RandomCrop {
        /// Rows above and below, columns left and right.
        padding: [usize; 2],
    },
    /// A part of the image in `model.input`'s size.
    RandomResizedCrop(RandomResizedCrop),
    /// `torchvision.transforms.TrivialAugmentWide`
    TrivialAugment,
    /// `torchvision.transforms.RandAugment`
    RandAugment {
        /// How many operations follow each other.
        num_ops: usize,
        /// How strong they are, from 0 to 30.
        magnitude: u8,
    },
    /// `torchvision.transforms.RandomHorizontalFlip`
    RandomHorizontalFlip {
        /// The probability, from 0 to 1.
        p: f64,
    },
    /// `torchvision.transforms.RandomVerticalFlip`
    RandomVerticalFlip {
        /// The probability, from 0 to 1.
        p: f64,
    },
    /// By an angle in `-degrees..degrees`.
    RandomRotation {
        /// The largest angle.
        degrees: f64,
    },
    /// A turn, a shift, a change of size and a shear in one.
    RandomAffine(RandomAffine),
    /// By shares of width and height in `-translate..translate`.
    RandomShift {
        /// The largest shift to the side, and up or down.
        translate: [f64; 2],
    },
    /// By a factor in this range, about the middle.
    RandomScale {
        /// The smallest and the largest factor.
        scale: [f64; 2],
    },
    /// Brightness, contrast, saturation and hue.
    ColorJitter(ColorJitter),
    /// `torchvision.transforms.RandomGrayscale`
    RandomGrayscale {
        /// The probability, from 0 to 1.
        p: f64,
    },
    /// Each pixel becomes a weighted mean of its neighbours.
    GaussianBlur(GaussianBlur),
    /// A rectangle is blotted out.
    RandomErasing(RandomErasing),
    /// In shares of the full range of a pixel.
    GaussianNoise {
        /// The mean of the noise.
        mean: f64,
        /// The standard deviation of the noise.
        sigma: f64,
    },
    /// The mean of two images of the batch: `H. Zhang et al., "mixup: Beyond Empirical Risk
    /// Minimization", 2018`.
    Mixup(Mix),
    /// A rectangle of another image of the batch: `S. Yun et al., "CutMix: Regularization Strategy
    /// to Train Strong Classifiers with Localizable Features", 2019`.
    Cutmix(Mix),
}

/// As `torchvision.transforms.RandomResizedCrop`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomResizedCrop {
    /// The smallest and the largest share of the image that is taken, up to 1.
    pub scale: [f64; 2],
    /// The smallest and the largest width of the part over its height.
    pub ratio: [f64; 2],
}

/// As `torchvision.transforms.RandomAffine`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomAffine {
    /// The largest angle of the turn, either way, in degrees.
    pub degrees: f64,
    /// The largest shift to the side, and up or down, as shares of width and height.
    pub translate: [f64; 2],
    /// The smallest and the largest factor of the size.
    pub scale: [f64; 2],
    /// The largest angle of shear, either way, in degrees.
    pub shear: f64,
}

/// As `torchvision.transforms.ColorJitter`, its four parts in this order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColorJitter {
    /// Factors are drawn from `1 - brightness`, at least 0, to `1 + brightness`.
    pub brightness: f64,
    /// Factors are drawn from `1 - contrast`, at least 0, to `1 + contrast`.
    pub contrast: f64,
    /// Factors are drawn from `1 - saturation`, at least 0, to `1 + saturation`.
    pub saturation: f64,
    /// The largest turn of the colour circle, either way, as a share of it, less than 0.5.
    pub hue: f64,
}

/// As `torchvision.transforms.GaussianBlur`, with a probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GaussianBlur {
    /// Height and width of the kernel, both odd.
    pub kernel_size: [usize; 2],
    /// The smallest and the largest standard deviation of the kernel, in pixels.
    pub sigma: [f64; 2],
    /// The probability, from 0 to 1.
    pub p: f64,
}

/// As `torchvision.transforms.RandomErasing`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RandomErasing {
    /// The probability, from 0 to 1.
    pub p: f64,
    /// The smallest and the largest share of the image that is erased.
    pub scale: [f64; 2],
    /// The smallest and the largest height of the rectangle over its width.
    pub ratio: [f64; 2],
    /// What the rectangle is filled with, as a share of the full range of a pixel.
    pub value: f64,
}

/// How much of another image is taken in: a share from Beta(alpha, alpha).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mix {
    /// The parameter of the Beta distribution, greater than 0.
    pub alpha: f64,
    /// The probability that a batch is mixed, from 0 to 1.
    pub p: f64,
}

const fn chance(default: &'static str) -> Key<f64> {
    Key::with_default(
        "p",
        PROBABILITY,
        default,
        "probability that an image is changed",
    )
}
const PADDING: Key<[usize; 2]> = Key::with_default(
    "padding",
    pair(0, 4096),
    "0",
    "rows of zeros added above and below, and columns left and right, before cropping",
)
.unit("pixels");
const ANGLE: Values<f64> = float(0.0, 360.0);
const DEGREES: Key<f64> = Key::required("degrees", ANGLE, "largest angle in either direction");
const UP_TO_DEGREES: Key<f64> =
    Key::with_default("degrees", ANGLE, "0.0", "largest angle in either direction");
const SHARES: Values<[f64; 2]> =
    two_numbers(&Kind::Probability, "an array of 2 numbers from 0 to 1");
const FACTORS: Values<[f64; 2]> = two_numbers(
    &Kind::POSITIVE,
    "an array of 2 numbers greater than 0, the smaller first",
);
const TRANSLATE: Key<[f64; 2]> = Key::with_default(
    "translate",
    SHARES,
    "[0.1, 0.1]",
    "largest horizontal and vertical shift, as fractions of width and height",
);
const UP_TO_TRANSLATE: Key<[f64; 2]> = Key::with_default(
    "translate",
    SHARES,
    "[0.0, 0.0]",
    "largest horizontal and vertical shift, as fractions of width and height",
);
const SCALE: Key<[f64; 2]> = Key::with_default(
    "scale",
    FACTORS,
    "[0.9, 1.1]",
    "smallest and largest scale factor",
);
const UP_TO_SCALE: Key<[f64; 2]> = Key::with_default(
    "scale",
    FACTORS,
    "[1.0, 1.0]",
    "smallest and largest scale factor",
);
const SHEAR: Key<f64> = Key::with_default(
    "shear",
    float(0.0, 90.0),
    "0.0",
    "largest shear angle in either direction",
);
const fn jitter(name: &'static str, meaning: &'static str) -> Key<f64> {
    Key::with_default(name, NOT_NEGATIVE, "0.0", meaning)
}
const BRIGHTNESS: Key<f64> = jitter(
    "brightness",
    "factors are drawn from 1 - this (at least 0) to 1 + this",
);
const CONTRAST: Key<f64> = jitter(
    "contrast",
    "factors are drawn from 1 - this (at least 0) to 1 + this",
);
const SATURATION: Key<f64> = jitter(
    "saturation",
    "factors are drawn from 1 - this (at least 0) to 1 + this",
);
const HUE: Key<f64> = Key::with_default(
    "hue",
    float(0.0, 0.5),
    "0.0",
    "largest shift of the hue in either direction, as a fraction of the colour circle",
);
const KERNEL_SIZE: Key<[usize; 2]> = Key::required(
    "kernel_size",
    pair(1, 255),
    "height and width of the kernel, both odd",
)
.unit("pixels");
const BLUR_SIGMA: Key<[f64; 2]> = Key::with_default(
    "sigma",
    FACTORS,
    "[0.1, 2.0]",
    "smallest and largest standard deviation of the kernel",
)
.unit("pixels");
const ERASED: Key<[f64; 2]> = Key::with_default(
    "scale",
    FACTORS,
    "[0.02, 0.33]",
    "smallest and largest fraction of the image that is erased",
);
const RATIO: Key<[f64; 2]> = Key::with_default(
    "ratio",
    FACTORS,
    "[0.3, 3.3]",
    "smallest and largest ratio of height to width of the erased rectangle",
);
const VALUE: Key<f64> = Key::with_default(
    "value",
    PROBABILITY,
    "0.0",
    "value of the erased pixels, as a fraction of the pixel range",
);
const NOISE_MEAN: Key<f64> = Key::with_default(
    "mean",
    NUMBER,
    "0.0",
    "mean of the noise, as a fraction of the pixel range",
);
const SIGMA: Key<f64> = Key::with_default(
    "sigma",
    NOT_NEGATIVE,
    "0.1",
    "standard deviation of the noise, as a fraction of the pixel range",
);
const TAKEN: Key<[f64; 2]> = Key::with_default(
    "scale",
    SHARES_TAKEN,
    "[0.08, 1.0]",
    "smallest and largest fraction of the image's area that is cropped",
);
const SHARES_TAKEN: Values<[f64; 2]> = two_numbers(
    &Kind::Probability,
    "an array of 2 numbers from 0 to 1, the smaller first",
);
const ASPECT: Key<[f64; 2]> = Key::with_default(
    "ratio",
    FACTORS,
    "[0.75, 1.3333333333333333]",
    "smallest and largest ratio of width to height of the crop",
);
const NUM_OPS: Key<usize> = Key::with_default(
    "num_ops",
    integer(1, 16),
    "2",
    "number of operations applied to an image, one after the other",
);
const MAGNITUDE: Key<u8> = Key::with_default(
    "magnitude",
    integer(0, 30),
    "9",
    "strength of all operations, of 31 steps",
);
const ALPHA: Key<f64> = Key::with_default(
    "alpha",
    float(0.01, 1000.0),
    "1.0",
    "proportions are drawn from Beta(alpha, alpha)",
);
const ALWAYS: Key<f64> = chance("1.0");

type Reader = fn(&Section<'_>) -> Augment;

/// The steps of the language.
const STEPS: [Variant<Reader>; 17] = [
    Variant::new(
        "random_crop",
        &[PADDING.info],
        "pads with zeros, then crops to the size of `model.input` at a random position; \
         evaluation crops the centre",
        |section| Augment::RandomCrop {
            padding: section.read(&PADDING),
        },
    ),
    Variant::new(
        "random_resized_crop",
        &[TAKEN.info, ASPECT.info],
        "crops a part of random size, shape and position, and resizes it to the size of `model.input`; \
         evaluation crops the centre",
        |section| {
            Augment::RandomResizedCrop(RandomResizedCrop {
                scale: range(section, &TAKEN),
                ratio: range(section, &ASPECT),
            })
        },
    ),
    Variant::new(
        "trivial_augment",
        &[],
        "applies one of 14 operations, with a random strength (TrivialAugment, wide)",
        |_| Augment::TrivialAugment,
    ),
    Variant::new(
        "rand_augment",
        &[NUM_OPS.info, MAGNITUDE.info],
        "applies some of 14 operations, all with the same strength (RandAugment)",
        |section| Augment::RandAugment {
            num_ops: section.read(&NUM_OPS),
            magnitude: section.read(&MAGNITUDE),
        },
    ),
    Variant::new(
        "random_horizontal_flip",
        &[chance("0.5").info],
        "mirrors left to right",
        |section| Augment::RandomHorizontalFlip {
            p: section.read(&chance("0.5")),
        },
    ),
    Variant::new(
        "random_vertical_flip",
        &[chance("0.5").info],
        "mirrors top to bottom",
        |section| Augment::RandomVerticalFlip {
            p: section.read(&chance("0.5")),
        },
    ),
    Variant::new(
        "random_rotation",
        &[DEGREES.info],
        "rotates about the centre",
        |section| Augment::RandomRotation {
            degrees: section.read(&DEGREES),
        },
    ),
    Variant::new(
        "random_affine",
        &[
            UP_TO_DEGREES.info,
            UP_TO_TRANSLATE.info,
            UP_TO_SCALE.info,
            SHEAR.info,
        ],
        "rotates, shifts, scales and shears in one step",
        |section| {
            Augment::RandomAffine(RandomAffine {
                degrees: section.read(&UP_TO_DEGREES),
                translate: section.read(&UP_TO_TRANSLATE),
                scale: range(section, &UP_TO_SCALE),
                shear: section.read(&SHEAR),
            })
        },
    ),
    Variant::new("random_shift", &[TRANSLATE.info], "shifts", |section| {
        Augment::RandomShift {
            translate: section.read(&TRANSLATE),
        }
    }),
    Variant::new(
        "random_scale",
        &[SCALE.info],
        "scales about the centre",
        |section| Augment::RandomScale {
            scale: range(section, &SCALE),
        },
    ),
    Variant::new(
        "color_jitter",
        &[BRIGHTNESS.info, CONTRAST.info, SATURATION.info, HUE.info],
        "changes brightness, contrast, saturation and hue, in this order",
        |section| {
            Augment::ColorJitter(ColorJitter {
                brightness: section.read(&BRIGHTNESS),
                contrast: section.read(&CONTRAST),
                saturation: section.read(&SATURATION),
                hue: section.read(&HUE),
            })
        },
    ),
    Variant::new(
        "random_grayscale",
        &[chance("0.1").info],
        "replaces red, green and blue by their lightness",
        |section| Augment::RandomGrayscale {
            p: section.read(&chance("0.1")),
        },
    ),
    Variant::new(
        "gaussian_blur",
        &[KERNEL_SIZE.info, BLUR_SIGMA.info, ALWAYS.info],
        "blurs with a Gaussian kernel; the image is mirrored at its edges",
        |section| {
            Augment::GaussianBlur(GaussianBlur {
                kernel_size: odd(section, &KERNEL_SIZE),
                sigma: range(section, &BLUR_SIGMA),
                p: section.read(&ALWAYS),
            })
        },
    ),
    Variant::new(
        "random_erasing",
        &[chance("0.5").info, ERASED.info, RATIO.info, VALUE.info],
        "overwrites a rectangle",
        |section| {
            Augment::RandomErasing(RandomErasing {
                p: section.read(&chance("0.5")),
                scale: range(section, &ERASED),
                ratio: range(section, &RATIO),
                value: section.read(&VALUE),
            })
        },
    ),
    Variant::new(
        "gaussian_noise",
        &[NOISE_MEAN.info, SIGMA.info],
        "adds Gaussian noise to every pixel, clipped to the pixel range",
        |section| Augment::GaussianNoise {
            mean: section.read(&NOISE_MEAN),
            sigma: section.read(&SIGMA),
        },
    ),
    Variant::new(
        "mixup",
        &[ALPHA.info, ALWAYS.info],
        "mixes two images of the batch, and their losses, in the same proportion",
        |section| Augment::Mixup(mix(section)),
    ),
    Variant::new(
        "cutmix",
        &[ALPHA.info, ALWAYS.info],
        "pastes a rectangle from another image of the batch, and weights the losses by area",
        |section| Augment::Cutmix(mix(section)),
    ),
];
const KEYS: &[KeyInfo] = &infos(&STEPS);

/// The key in the section of the data.
pub(crate) const AUGMENT: ListKey<Reader> = ListKey::new(
    "augment",
    &STEPS,
    KEYS,
    "random changes to each training image, drawn anew every epoch and applied in this order",
);

impl Augment {
    /// All steps of a list in their order; those that mix images come last.
    pub(super) fn read_all(section: &Section<'_>, channels: Option<usize>) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        for (variant, options, node) in section.list(&AUGMENT) {
            let step = (variant.read)(&options);
            if !step.is_mix() && steps.last().is_some_and(Self::is_mix) {
                let message = format!("`{}` comes after images are mixed", variant.info.name);
                let help = "mixup and cutmix work on finished images: put them last";
                section.report_at(node, message, None, help);
            }
            if let (Some((message, help)), Some(1)) = (step.needs_color(), channels) {
                section.warn(node, message.to_owned(), None, help);
            }
            steps.push(step);
        }
        steps
    }

    /// What is to be said, with a remedy, when images are grey and this step changes nothing but colour.
    fn needs_color(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ColorJitter(jitter) if jitter.saturation > 0.0 || jitter.hue > 0.0 => Some((
                "grey images have neither saturation nor hue",
                "remove them, or read the images in colour",
            )),
            Self::RandomGrayscale { .. } => Some((
                "`random_grayscale` does not change grey images",
                "remove it, or read the images in colour",
            )),
            _ => None,
        }
    }

    /// Whether it brings images of other sizes to that of the network.
    pub fn is_crop(&self) -> bool {
        matches!(self, Self::RandomCrop { .. } | Self::RandomResizedCrop(_))
    }

    /// Whether it takes another image of the batch.
    pub fn is_mix(&self) -> bool {
        matches!(self, Self::Mixup(_) | Self::Cutmix(_))
    }
}

fn mix(section: &Section<'_>) -> Mix {
    Mix {
        alpha: section.read(&ALPHA),
        p: section.read(&ALWAYS),
    }
}

/// Two numbers, the first not above the second.
fn range(section: &Section<'_>, key: &Key<[f64; 2]>) -> [f64; 2] {
    let [low, high] = section.read(key);
    if low > high {
        let message = format!(
            "`{}` goes from {low} down to {high}",
            section.path_of(key.name)
        );
        section.report(key, message, "", "write the smaller number first");
    }
    [low, high]
}

/// Height and width that have a middle pixel.
fn odd(section: &Section<'_>, key: &Key<[usize; 2]>) -> [usize; 2] {
    let size = section.read(key);
    if let Some(even) = size.iter().find(|length| *length % 2 == 0) {
        let message = format!("`{}` must be odd, not {even}", section.path_of(key.name));
        let help = format!("write {} or {}", even - 1, even + 1);
        section.report(key, message, "", &help);
    }
    size
}
