//! Colour conversion of a row, with exactly the arithmetic of libjpeg and Pillow.

/// The colour space of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colors {
    /// Luma only.
    Grey,
    /// Red, green and blue.
    Rgb,
    /// Luma and two chroma components (YCbCr).
    YCbCr,
    /// Four inks, stored inverted (CMYK).
    Cmyk,
    /// The same with three of them as YCbCr (YCCK).
    Ycck,
}

impl Colors {
    /// libjpeg's rules: the JFIF and Adobe segments decide; without them, the names of the components.
    pub fn of(names: &[u8], is_jfif: bool, adobe_transform: Option<u8>) -> Self {
        match (names, adobe_transform) {
            ([_], _) => Self::Grey,
            ([_, _, _], _) if is_jfif => Self::YCbCr,
            ([_, _, _], Some(0)) => Self::Rgb,
            ([_, _, _], Some(_)) => Self::YCbCr,
            (b"RGB", None) => Self::Rgb,
            ([_, _, _], None) => Self::YCbCr,
            (_, None | Some(0)) => Self::Cmyk,
            (_, Some(_)) => Self::Ycck,
        }
    }

    /// Writes a row of pixels from the rows of the components.
    pub fn write(self, parts: &[Vec<u8>], row: &mut [u8]) {
        match self {
            Self::Grey => row.copy_from_slice(&parts[0]),
            Self::Rgb => for_each(parts, row, |parts| parts),
            Self::YCbCr => for_each(parts, row, rgb),
            // Inks are stored inverted, so they are RGB values that black darkens.
            Self::Cmyk => {
                for_each(parts, row, |parts| parts);
                blacken(&parts[3], row);
            }
            Self::Ycck => {
                // The conversion gives inks, so they are inverted to RGB values again.
                for_each(parts, row, |parts| rgb(parts).map(|light| 255 - light));
                blacken(&parts[3], row);
            }
        }
    }
}

#[inline]
fn for_each(parts: &[Vec<u8>], row: &mut [u8], color: impl Fn([u8; 3]) -> [u8; 3]) {
    /// Pixels converted at a time, so that the loop vectorizes; they are interleaved afterwards.
    const GROUP: usize = 16;
    let groups = [0, 1, 2].map(|part| parts[part].chunks_exact(GROUP));
    let [first, second, third] = groups;
    let mut pixels = row.chunks_exact_mut(3 * GROUP);
    for (pixels, (first, (second, third))) in (&mut pixels).zip(first.zip(second.zip(third))) {
        let mut made = [[0; GROUP]; 3];
        for index in 0..GROUP {
            let color = color([first[index], second[index], third[index]]);
            for (made, color) in made.iter_mut().zip(color) {
                made[index] = color;
            }
        }
        for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
            pixel.copy_from_slice(&[made[0][index], made[1][index], made[2][index]]);
        }
    }
    let done = parts[0].len() / GROUP * GROUP;
    for (index, pixel) in (done..).zip(pixels.into_remainder().chunks_exact_mut(3)) {
        pixel.copy_from_slice(&color([0, 1, 2].map(|part| parts[part][index])));
    }
}

/// ITU-R BT.601 in 16 bits, rounded as libjpeg's tables are.
#[inline]
fn rgb([light, blue, red]: [u8; 3]) -> [u8; 3] {
    const HALF: i32 = 1 << 15;
    let [light, blue, red] = [
        i32::from(light),
        i32::from(blue) - 128,
        i32::from(red) - 128,
    ];
    [
        light + ((91881 * red + HALF) >> 16),
        light + ((-22554 * blue - 46802 * red + HALF) >> 16),
        light + ((116130 * blue + HALF) >> 16),
    ]
    .map(|value| value.clamp(0, 255) as u8)
}

/// Darkens each pixel by its black ink, like Pillow does.
fn blacken(black: &[u8], row: &mut [u8]) {
    for (pixel, light) in row.chunks_exact_mut(3).zip(black) {
        for value in pixel {
            let ink = u32::from(255 - *value) * u32::from(*light) + 128;
            let ink = ((ink >> 8) + ink) >> 8;
            *value = u32::from(*light).saturating_sub(ink) as u8;
        }
    }
}
