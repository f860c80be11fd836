//! From the bytes of one file to pixels: JPEG, PNG, BMP, PGM and WebP, told apart by their content.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Row-major `[height, width, channels]`.
    pixels: Vec<u8>,
}

/// The header of an image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    width: usize,
    height: usize,
    /// Bytes of a pixel as it is decoded.
    pixel_bytes: usize,
    /// How often the decoded image is in memory at once, in whatever form.
    copies: usize,
}

/// Memory that the image of a file may take, for each byte of the file.
const COST_OF_A_BYTE: u64 = 64;
/// A file smaller than this may take as much as one of this size.
const SMALL_FILE: u64 = 1 << 20;
/// What no image may take, whatever the size of its file.
const MAX_COST: u64 = 4 << 30;

/// No image file is larger.
const MAX_FILE: u64 = 1 << 28;

/// The bytes of an image file; says why there are none otherwise. What is no regular file, as a pipe, could
/// have no end.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    if metadata.len() > MAX_FILE {
        return Err(format!(
            "it has {} MiB, more than the {} allowed for an image",
            metadata.len() >> 20,
            MAX_FILE >> 20
        ));
    }
    fs::read(path).map_err(unreadable)
}

impl Picture {
    /// Decodes a whole file; says what is wrong with it otherwise. One that decodes but was cut off is
    /// wrong too. Never takes more than 64 MiB for a file of up to 1 MiB, and so on in proportion.
    ///
    /// Transparency is dropped and 16 bits are cut to their upper 8, as Pillow's `convert("RGB")` does
    /// for colours; gamma, color profiles and EXIF orientation are ignored, as in torchvision's
    /// `read_image`.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            return Err("the file is empty".to_owned());
        }
        if bytes.starts_with(&[0xff, 0xd8]) {
            return decode_jpeg(bytes);
        }
        use ImageFormat::{Bmp, Png, Pnm, WebP};
        match image::guess_format(bytes) {
            Ok(format @ (Bmp | Png | Pnm | WebP)) => decode_other(bytes, format),
            _ => Err("it is not a JPEG, PNG, BMP, PGM or WebP image".to_owned()),
        }
    }

    /// From row-major planes of a shape (channels, height, width) of 1 or 3 channels.
    pub fn from_planes(planes: &[u8], [channels, height, width]: [usize; 3]) -> Option<Self> {
        let area = height * width;
        let pixels = match channels {
            1 => planes.to_vec(),
            3 => (0..area)
                .flat_map(|index| [0, 1, 2].map(|channel| planes[channel * area + index]))
                .collect(),
            _ => return None,
        };
        Some(Self {
            channels,
            width,
            height,
            pixels,
        })
    }

    /// Row-major `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Row-major `[channels, height, width]` for 1 or 3 channels. Grey is Pillow's `L`.
    pub fn planes(&self, channels: usize) -> Vec<u8> {
        let area = self.width * self.height;
        match (self.channels, channels) {
            (1, _) => self.pixels.repeat(channels),
            (_, 1) => self.pixels.chunks_exact(3).map(grey).collect(),
            _ => {
                let mut planes = vec![0; 3 * area];
                let (red, others) = planes.split_at_mut(area);
                let (green, blue) = others.split_at_mut(area);
                for (index, pixel) in self.pixels.chunks_exact(3).enumerate() {
                    red[index] = pixel[0];
                    green[index] = pixel[1];
                    blue[index] = pixel[2];
                }
                planes
            }
        }
    }
}

/// The lightness of a colour as Pillow's `convert("L")` rounds it: ITU-R 601-2, in 16 bits.
pub fn grey(pixel: &[u8]) -> u8 {
    let [red, green, blue] = [0, 1, 2].map(|channel| u32::from(pixel[channel]));
    ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16) as u8
}

/// Brings row-major `[channels, height, width]` to another height and width: bilinear, with
/// antialiasing where it gets smaller, as torchvision's `resize`.
pub fn resize(planes: &[u8], from: [usize; 2], to: [usize; 2]) -> Result<Vec<u8>, String> {
    if from == to {
        return Ok(planes.to_vec());
    }
    let failed = |error: &dyn std::fmt::Display| format!("it cannot be resized: {error}");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let [height, width] = from;
    let mut resized = vec![0; planes.len() / (height * width) * to[0] * to[1]];
    let targets = resized.chunks_exact_mut(to[0] * to[1]);
    for (plane, target) in planes.chunks_exact(height * width).zip(targets) {
        let source = ImageRef::new(width as u32, height as u32, plane, PixelType::U8)
            .map_err(|error| failed(&error))?;
        let mut image = Image::from_slice_u8(to[1] as u32, to[0] as u32, target, PixelType::U8)
            .map_err(|error| failed(&error))?;
        Resizer::new()
            .resize(&source, &mut image, &options)
            .map_err(|error| failed(&error))?;
    }
    Ok(resized)
}

impl Header {
    /// Refuses an image that is out of proportion to its file.
    fn check(self, file_bytes: usize) -> Result<Self, String> {
        let Self {
            width,
            height,
            pixel_bytes,
            copies,
        } = self;
        if width == 0 || height == 0 {
            return Err(format!("its header says {width}x{height} pixels"));
        }
        let cost = [width, height, pixel_bytes, copies]
            .into_iter()
            .try_fold(1u64, |product, size| product.checked_mul(size as u64));
        let most = (COST_OF_A_BYTE * SMALL_FILE.max(file_bytes as u64)).min(MAX_COST);
        match cost.and_then(|cost| cost.checked_add(file_bytes as u64)) {
            Some(cost) if cost <= most => Ok(self),
            _ => Err(format!(
                "its header says {width}x{height} pixels, too many for a file of {file_bytes} bytes: \
                 decoding it would take more than {} MiB",
                most >> 20
            )),
        }
    }
}

fn decode_jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let damaged = |error: zune_jpeg::errors::DecodeErrors| format!("damaged JPEG: {error:?}");
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX));
    let outline = outline(bytes);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder
        .decode_headers()
        .map_err(|error| match outline.end {
            None => CUT_OFF.to_owned(),
            Some(_) => damaged(error),
        })?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    let (channels, colorspace) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (1, ColorSpace::Luma),
        _ => (3, ColorSpace::RGB),
    };
    Header {
        width,
        height,
        pixel_bytes: channels,
        // The decoded image and its planes; a progressive JPEG also has 16-bit coefficients.
        copies: if outline.is_progressive { 4 } else { 2 },
    }
    .check(bytes.len())?;
    if outline.end.is_none() {
        return Err(CUT_OFF.to_owned());
    }
    decoder.set_options(options.jpeg_set_out_colorspace(colorspace));
    let pixels = decoder.decode().map_err(damaged)?;
    if pixels.len() != width * height * channels {
        return Err("damaged JPEG: its number of pixels differs from its header".to_owned());
    }
    Ok(Picture {
        channels,
        width,
        height,
        pixels,
    })
}

const CUT_OFF: &str = "the JPEG ends early: it was cut off";

/// What the markers of a JPEG say.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outline {
    /// The byte after the marker that ends the image, if there is one. A decoder that fills up what is
    /// missing with grey does not tell.
    end: Option<usize>,
    is_progressive: bool,
}

/// Walks from marker to marker (ITU-T T.81, annex B).
fn outline(bytes: &[u8]) -> Outline {
    let mut outline = Outline::default();
    let mut at = 2;
    while let Some(&[0xff, marker]) = bytes.get(at..at + 2) {
        at += 2;
        match marker {
            // Fill bytes may come before a marker.
            0xff => at -= 1,
            0xd9 => {
                outline.end = Some(at);
                return outline;
            }
            // Restart markers and the like stand alone.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                outline.is_progressive |= marker == 0xc2;
                let Some(&[high, low]) = bytes.get(at..at + 2) else {
                    return outline;
                };
                at += usize::from(u16::from_be_bytes([high, low]));
            }
        }
        // Entropy-coded data runs to the next marker; `ff 00` is a stuffed byte and no marker.
        if marker == 0xda || matches!(marker, 0xd0..=0xd7) {
            let is_marker = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
            let rest = bytes.get(at..).unwrap_or_default();
            match rest.windows(2).position(is_marker) {
                Some(length) => at += length,
                None => return outline,
            }
        }
    }
    outline
}

/// Refuses a PNG whose palette is not made of up to 256 colours of three bytes (PNG specification, 11.2.2), which
/// the decoder takes for granted.
fn check_palette(bytes: &[u8]) -> Result<(), String> {
    const SIGNATURE_BYTES: usize = 8;
    /// Where the header says of which kind the pixels are, and what it says where they have a palette.
    const COLOR_TYPE: usize = 25;
    const INDEXED: u8 = 3;
    if bytes.get(COLOR_TYPE) != Some(&INDEXED) {
        return Ok(());
    }
    let mut at = SIGNATURE_BYTES;
    while let Some((length, rest)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk) {
        let length = u32::from_be_bytes(*length) as usize;
        match rest.get(..4) {
            Some(b"PLTE") if length == 0 || !length.is_multiple_of(3) || length > 3 * 256 => {
                return Err(format!(
                    "damaged image: its palette has {length} bytes, not three for each of 1 to 256 colours"
                ));
            }
            // The palette comes before the pixels.
            Some(b"IDAT") | None => break,
            // Length, type and checksum of a chunk are four bytes each.
            Some(_) => at = at.saturating_add(length).saturating_add(12),
        }
    }
    Ok(())
}

fn decode_other(bytes: &[u8], format: ImageFormat) -> Result<Picture, String> {
    let damaged = |error: image::ImageError| match error {
        image::ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends early: it was cut off".to_owned()
        }
        error => format!("damaged image: {error}"),
    };
    if format == ImageFormat::Png {
        check_palette(bytes)?;
    }
    let most = (COST_OF_A_BYTE * SMALL_FILE.max(bytes.len() as u64)).min(MAX_COST);
    let mut limits = Limits::default();
    limits.max_alloc = Some(most / 2);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let color = decoder.color_type();
    Header {
        width,
        height,
        pixel_bytes: usize::from(color.bytes_per_pixel()),
        // The decoded image and its planes; WebP has buffers of its own.
        copies: if format == ImageFormat::WebP { 4 } else { 2 },
    }
    .check(bytes.len())?;
    let mut raw = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut raw).map_err(damaged)?;
    // The offsets within a pixel of the bytes that are kept.
    let upper = usize::from(cfg!(target_endian = "little"));
    let (channels, taken): (usize, &[usize]) = match color {
        ColorType::L8 => (1, &[0]),
        ColorType::La8 => (1, &[0]),
        ColorType::Rgb8 | ColorType::Rgba8 => (3, &[0, 1, 2]),
        ColorType::L16 | ColorType::La16 => (1, &[upper]),
        ColorType::Rgb16 | ColorType::Rgba16 => (3, &[upper, upper + 2, upper + 4]),
        other => return Err(format!("its pixels are {other:?}, which is not supported")),
    };
    let pixel_bytes = usize::from(color.bytes_per_pixel());
    let pixels = match pixel_bytes == channels {
        true => raw,
        false => {
            let pixels = raw.chunks_exact(pixel_bytes);
            pixels
                .flat_map(|pixel| taken.iter().map(|place| pixel[*place]))
                .collect()
        }
    };
    Ok(Picture {
        channels,
        width,
        height,
        pixels,
    })
}
