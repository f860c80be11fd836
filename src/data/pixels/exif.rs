//! The orientation that EXIF states in a JPEG, PNG or WebP file.

use super::tiff::directory::Directory;
use crate::data::sources::kind::ImageKind;

/// The tag of the orientation, the same in EXIF and TIFF.
pub const ORIENTATION: u16 = 274;

/// How a stored image has to be turned or flipped; the variants are in the order of EXIF's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    #[default]
    Upright,
    FlippedAcross,
    TurnedAround,
    FlippedDown,
    Transposed,
    TurnedRight,
    Transversed,
    TurnedLeft,
}

const ALL: [Orientation; 8] = [
    Orientation::Upright,
    Orientation::FlippedAcross,
    Orientation::TurnedAround,
    Orientation::FlippedDown,
    Orientation::Transposed,
    Orientation::TurnedRight,
    Orientation::Transversed,
    Orientation::TurnedLeft,
];

impl Orientation {
    /// From EXIF's number, 1 to 8; any other number counts as upright.
    pub fn of_number(number: u64) -> Self {
        let place = usize::try_from(number)
            .ok()
            .and_then(|it| it.checked_sub(1));
        let found = place.and_then(|place| ALL.get(place));
        found.copied().unwrap_or_default()
    }

    /// Reads the orientation of a file; upright if it states none.
    pub fn of_file(bytes: &[u8], kind: ImageKind) -> Self {
        let exif = match kind {
            ImageKind::Jpeg => of_jpeg(bytes),
            ImageKind::Png => of_png(bytes),
            ImageKind::WebP => of_webp(bytes),
            ImageKind::Bmp | ImageKind::Pnm | ImageKind::Gif | ImageKind::Tiff => None,
        };
        let number = exif.and_then(|exif| {
            let exif = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
            Directory::read(exif).ok()?.number(ORIENTATION)
        });
        number.map_or(Self::Upright, Self::of_number)
    }

    /// Whether it swaps height and width.
    pub fn is_on_its_side(self) -> bool {
        self as usize >= Self::Transposed as usize
    }

    /// The row and column in the stored image of the pixel at row `y` and column `x` of the turned image. Height and
    /// width are those of the stored image.
    pub fn source(self, [y, x]: [usize; 2], [height, width]: [usize; 2]) -> [usize; 2] {
        let (down, across) = (|y: usize| height - 1 - y, |x: usize| width - 1 - x);
        match self {
            Self::Upright => [y, x],
            Self::FlippedAcross => [y, across(x)],
            Self::TurnedAround => [down(y), across(x)],
            Self::FlippedDown => [down(y), x],
            Self::Transposed => [x, y],
            Self::TurnedRight => [down(x), y],
            Self::Transversed => [down(x), across(y)],
            Self::TurnedLeft => [x, across(y)],
        }
    }
}

/// Finds the EXIF segment before the first scan.
fn of_jpeg(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes.get(2..)?;
    loop {
        let (marker, after) = rest.split_first_chunk::<2>()?;
        match marker {
            [0xff, 0xff] => {
                rest = &rest[1..];
                continue;
            }
            [0xff, 0xda | 0xd9] => return None,
            [0xff, _] => {}
            _ => return None,
        }
        let length = usize::from(u16::from_be_bytes(*after.first_chunk()?));
        let segment = after.get(2..length)?;
        if marker == &[0xff, 0xe1] && segment.starts_with(b"Exif\0\0") {
            return Some(segment);
        }
        rest = &after[length..];
    }
}

/// Finds the chunk `eXIf`.
fn of_png(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE: usize = 8;
    const CHECKSUM: usize = 4;
    let mut rest = bytes.get(SIGNATURE..)?;
    loop {
        let (length, after) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (kind, after) = after.split_first_chunk::<4>()?;
        if kind == b"eXIf" {
            return after.get(..length);
        }
        rest = after.get(length.checked_add(CHECKSUM)?..)?;
    }
}

/// Finds the chunk `EXIF` of the RIFF container.
fn of_webp(bytes: &[u8]) -> Option<&[u8]> {
    const HEADER: usize = 12;
    let mut rest = bytes.get(HEADER..)?;
    loop {
        let (kind, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk()?;
        let length = u32::from_le_bytes(*length) as usize;
        if kind == b"EXIF" {
            return after.get(..length);
        }
        rest = after.get(length.checked_next_multiple_of(2)?..)?;
    }
}
