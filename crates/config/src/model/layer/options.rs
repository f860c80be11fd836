//! Options that layers of several families have.

use crate::language::key::Key;
use crate::language::values::{BOOLEAN, SIZE_IN_PIXELS, count};

pub(super) const OUT_CHANNELS: Key<usize> =
    Key::required("out_channels", count(), "number of output channels");
pub(super) const KERNEL_SIZE: Key<[usize; 2]> = Key::required(
    "kernel_size",
    SIZE_IN_PIXELS,
    "height and width of the window",
)
.unit("pixels");
pub(super) const STRIDE: Key<[usize; 2]> =
    Key::with_default("stride", SIZE_IN_PIXELS, "1", "step of the window").unit("pixels");
pub(super) const DILATION: Key<[usize; 2]> = Key::with_default(
    "dilation",
    SIZE_IN_PIXELS,
    "1",
    "spacing between kernel elements",
)
.unit("pixels");
pub(super) const GROUPS: Key<usize> = Key::with_default(
    "groups",
    count(),
    "1",
    "number of groups the channels are split into",
);
pub(super) const BIAS: Key<bool> =
    Key::with_default("bias", BOOLEAN, "true", "whether to add a bias");
pub(super) const IN_CHANNELS: Key<Option<usize>> = input_size(
    "in_channels",
    "number of input channels; optional, and checked if set",
);
pub(super) const NUM_CHANNELS: Key<Option<usize>> = input_size(
    "num_channels",
    "number of input channels; optional, and checked if set",
);
pub(super) const NUM_FEATURES: Key<Option<usize>> = input_size(
    "num_features",
    "number of input channels; optional, and checked if set",
);
pub(super) const IN_FEATURES: Key<Option<usize>> = input_size(
    "in_features",
    "number of input features; optional, and checked if set",
);

/// The keys that state the size of a layer's input. They may be left out, since it follows from the
/// layer before, and are checked against it.
pub const INPUT_SIZE_KEYS: &[Key<Option<usize>>] =
    &[IN_CHANNELS, NUM_CHANNELS, NUM_FEATURES, IN_FEATURES];

const fn input_size(name: &'static str, meaning: &'static str) -> Key<Option<usize>> {
    Key::derived(name, count(), "the output of the layer before", meaning)
}
