//! The types of numbers in files, and how they become 32-bit floats.

/// The type of the numbers of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    /// `float16`
    Half,
    /// `bfloat16`
    Bfloat,
    /// `float32`
    Float,
    /// `float64`
    Double,
    /// Whole numbers or truth values of so many bytes. No weight is one.
    Other(usize),
}

impl Element {
    /// Bytes of a number.
    pub(crate) fn size(self) -> usize {
        match self {
            Self::Half | Self::Bfloat => 2,
            Self::Float => 4,
            Self::Double => 8,
            Self::Other(size) => size,
        }
    }

    /// The number of these little-endian bytes; `None` for types that no weight has.
    pub(crate) fn read(self, bytes: &[u8]) -> Option<f32> {
        Some(match (self, bytes) {
            (Self::Half, &[a, b]) => half(u16::from_le_bytes([a, b])),
            (Self::Bfloat, &[a, b]) => f32::from_le_bytes([0, 0, a, b]),
            (Self::Float, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
            (Self::Double, bytes) => f64::from_le_bytes(bytes.try_into().ok()?) as f32,
            _ => return None,
        })
    }
}

/// IEEE 754's binary16, every value of which is one of binary32.
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> 10 & 0x1f);
    let fraction = f32::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        exponent => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of the standard: one, the next one, the largest, the smallest.
    #[test]
    fn halves_are_those_of_ieee_754() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0x3c01, 1.000_976_6),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0xc000, -2.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
