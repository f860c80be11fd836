//! From the bytes of one file to pixels, whatever kind of image its content says it is.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::{ColorType, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::depth::Depth;
use super::exif::Orientation;
use super::geometry::Geometry;
use super::raster::{Admit, Outline, Raster};
use super::rows::Reduction;
use super::samples::{Samples, Wide, grey};
use super::{bmp, gif, jpeg, memory, png, tiff};
use crate::data::sources::kind::{self, ImageKind};

/// A decoded image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Height and width before its decoder reduced it.
    pub full: [usize; 2],
    /// Row-major `[height, width, channels]`.
    pixels: Vec<u8>,
    /// The largest sample, where samples have 16 bits of which the file does not say how many are used.
    pub peak: Option<u16>,
    /// How EXIF says that the camera was held.
    pub orientation: Orientation,
}

/// What is asked of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// An image of more pixels is refused.
    pub max_pixels: u64,
    /// A height and width: an image may come out smaller than it is, if not below these. Then reduced JPEGs are decoded
    /// several times faster.
    pub at_least: Option<[usize; 2]>,
    /// What is done to its height and width afterwards, which takes memory too.
    pub geometry: Geometry,
    /// What the rows of an image may be brought to while it is decoded, of a file whose rows can be read one by one.
    pub reduction: Option<Reduction>,
    /// Of samples of 16 bits so many are used, 8 to 16.
    pub bits: u32,
    /// Whether an image is turned as EXIF says.
    pub is_turned: bool,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            max_pixels: MAX_PIXELS,
            at_least: None,
            geometry: Geometry::default(),
            reduction: None,
            bits: u16::BITS,
            is_turned: false,
        }
    }
}

/// The default of `data.max_pixels`: the largest phone cameras have 200 megapixels.
pub const MAX_PIXELS: u64 = 250_000_000;

/// Bytes of a pixel in memory at most, in all buffers of a decoder.
const MAX_PIXEL_BYTES: u64 = 16;
/// Decoders take some memory for the smallest image.
const SMALL_IMAGE: u64 = 1 << 20;

/// No image file is larger.
const MAX_FILE: u64 = 1 << 28;

/// The bytes of an image file; says why there are none otherwise. What is no regular file, as a pipe, could
/// have no end.
///
/// # Errors
/// Where it is no regular file, is larger than an image may be, or the system refuses.
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
    /// As [`Self::decode_then`], in full size and of up to [`MAX_PIXELS`] pixels.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        Self::decode_then(bytes, Request::default(), |picture| picture)
    }

    /// Decodes a whole file and calls `work` with it; says what is wrong with it otherwise. One that decodes but
    /// was cut off is wrong too. Waits where other threads have too much memory until their work is done; so `work`
    /// must not decode anything.
    ///
    /// Transparency is dropped and of 16 bits the upper 8 that are used are taken, as Pillow's `convert("RGB")` does
    /// for colours; gamma and color profiles are ignored, and so is EXIF's orientation unless it is asked for, as in
    /// torchvision's `read_image`.
    ///
    /// # Errors
    /// What is wrong with the file, or that it has more pixels than are allowed.
    pub fn decode_then<R>(
        bytes: &[u8],
        request: Request,
        work: impl FnOnce(Self) -> R,
    ) -> Result<R, String> {
        let kind = ImageKind::of(bytes).ok_or_else(|| kind::refusal(bytes))?;
        let orientation = Orientation::of_file(bytes, kind);
        let turn = match request.is_turned {
            true => orientation,
            false => Orientation::Upright,
        };
        let at_least = match turn.is_on_its_side() {
            true => request.at_least.map(|[height, width]| [width, height]),
            false => request.at_least,
        };
        // Rows that become columns are not reduced.
        let reduction = request.reduction.filter(|_| turn == Orientation::Upright);
        let mut memory = None;
        let mut full = [0, 0];
        let mut admit = |outline: Outline| -> Result<(), String> {
            request.check(outline.size)?;
            let as_seen = |[height, width]: [usize; 2]| match turn.is_on_its_side() {
                true => [width, height],
                false => [height, width],
            };
            full = as_seen(outline.size);
            let of_turn = match turn {
                Orientation::Upright => 0,
                _ => outline.bytes(),
            };
            let output = as_seen(outline.output);
            let of_geometry = request.geometry.cost(outline.channels, output, full);
            let costs = [of_turn, of_geometry, bytes.len() as u64].into_iter();
            let cost = costs.fold(outline.cost, u64::saturating_add);
            memory = Some(memory::take(cost));
            Ok(())
        };
        let raster = match kind {
            ImageKind::Jpeg => decode_jpeg(bytes, at_least, &mut admit),
            ImageKind::Gif => gif::decode(bytes, &mut admit),
            ImageKind::Tiff => tiff::decode(bytes, request.bits, reduction, &mut admit),
            ImageKind::Png => png::decode(bytes, request.bits, reduction, &mut admit),
            ImageKind::Bmp => match bmp::decode_rows(bytes, reduction, &mut admit)? {
                Some(raster) => Ok(raster),
                None => decode_other(bytes, ImageFormat::Bmp, request, &mut admit),
            },
            ImageKind::Pnm => decode_other(bytes, ImageFormat::Pnm, request, &mut admit),
            ImageKind::WebP => decode_other(bytes, ImageFormat::WebP, request, &mut admit),
        };
        let picture = Self::of(raster?.turned(turn), orientation);
        Ok(work(Self { full, ..picture }))
    }

    /// What a decoder made, of a file that says this of the camera.
    fn of(raster: Raster, orientation: Orientation) -> Self {
        let Raster {
            channels,
            size: [height, width],
            pixels,
            peak,
        } = raster;
        Self {
            channels,
            width,
            height,
            full: [height, width],
            pixels,
            peak,
            orientation,
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
        let raster = Raster::new(channels, [height, width], pixels);
        Some(Self::of(raster, Orientation::Upright))
    }

    /// Row-major `[height, width, channels]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// In grey where one channel is wanted, by Pillow's `L`.
    fn in_channels(mut self, channels: usize) -> Self {
        if channels == 1 && self.channels == 3 {
            self.pixels = self.pixels.chunks_exact(3).map(grey).collect();
            self.channels = 1;
        }
        self
    }

    /// In another size, and in grey (1 channel) or colour (3), row-major `[channels, height, width]`: grey is Pillow's
    /// `L`.
    ///
    /// # Errors
    /// If it cannot be resized.
    pub fn arranged(self, geometry: Geometry, channels: usize) -> Result<Vec<u8>, String> {
        let mut picture = self.in_channels(channels);
        let from = [picture.height, picture.width];
        picture.pixels = geometry.apply(picture.pixels, picture.channels, from, picture.full)?;
        [picture.height, picture.width] = geometry.result(picture.full);
        Ok(picture.planes(channels))
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

impl Request {
    /// Refuses a height and width.
    fn check(self, [height, width]: [usize; 2]) -> Result<(), String> {
        if width == 0 || height == 0 {
            return Err(format!("its header says {width}x{height} pixels"));
        }
        match (width as u64).checked_mul(height as u64) {
            Some(pixels) if pixels <= self.max_pixels => Ok(()),
            _ => Err(format!(
                "its header says {width}x{height} pixels, more than data.max_pixels = {}; raise it if the image \
                 is meant to be so large",
                self.max_pixels
            )),
        }
    }
}

fn decode_jpeg(
    bytes: &[u8],
    at_least: Option<[usize; 2]>,
    admit: Admit<'_>,
) -> Result<Raster, String> {
    let admit = |outline: jpeg::Outline| {
        admit(Outline {
            size: outline.size,
            channels: outline.channels,
            output: outline.output,
            cost: outline.cost,
        })
    };
    let decoded = jpeg::decode(bytes, at_least, admit).map_err(|fault| fault.to_string())?;
    Ok(Raster::new(decoded.channels, decoded.size, decoded.pixels))
}

fn decode_other(
    bytes: &[u8],
    format: ImageFormat,
    request: Request,
    admit: Admit<'_>,
) -> Result<Raster, String> {
    let damaged = |error: image::ImageError| match error {
        image::ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the file ends early: it was cut off".to_owned()
        }
        error => format!("damaged image: {error}"),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_PIXEL_BYTES.saturating_mul(request.max_pixels.max(SMALL_IMAGE)));
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    let color = decoder.color_type();
    // How many samples of a pixel are kept.
    let channels = match color {
        ColorType::L8 | ColorType::La8 | ColorType::L16 | ColorType::La16 => 1,
        ColorType::Rgb8 | ColorType::Rgba8 | ColorType::Rgb16 | ColorType::Rgba16 => 3,
        other => return Err(format!("its pixels are {other:?}, which is not supported")),
    };
    let stored = usize::from(color.channel_count());
    let is_wide = usize::from(color.bytes_per_pixel()) > stored;
    // A PGM that says its largest value was brought to 16 bits by it.
    let states_range = format == ImageFormat::Pnm && !bytes_say_65535(bytes);
    let bits = if states_range {
        u16::BITS
    } else {
        request.bits
    };
    let mut samples = Samples {
        channels,
        stored,
        wide: is_wide.then(|| Wide {
            number: u16::from_ne_bytes,
            depth: Depth::new(bits),
        }),
    };
    // WebP has buffers of its own.
    let copies = if format == ImageFormat::WebP { 3 } else { 1 };
    let of_decoder = decoder.total_bytes().saturating_mul(copies);
    let kept = if samples.is_plain() {
        0
    } else {
        channels.saturating_mul(width).saturating_mul(height)
    };
    let cost = of_decoder.saturating_add(kept as u64);
    admit(Outline::whole(channels, [height, width], cost))?;
    let mut pixels = vec![0; decoder.total_bytes() as usize];
    decoder.read_image(&mut pixels).map_err(damaged)?;
    if !samples.is_plain() {
        let raw = std::mem::replace(&mut pixels, Vec::with_capacity(kept));
        samples.append(&raw, &mut pixels);
    }
    Ok(Raster {
        peak: samples.peak().filter(|_| !states_range),
        ..Raster::new(channels, [height, width], pixels)
    })
}

/// Whether 65535 is the largest value that a PGM, a PPM or a PAM can have, by its header.
fn bytes_say_65535(bytes: &[u8]) -> bool {
    const MOST: usize = 512;
    let header = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]);
    let without_remarks = header
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let words: Vec<&str> = without_remarks.flat_map(str::split_whitespace).collect();
    let place = match words.iter().position(|word| *word == "MAXVAL") {
        Some(place) => place + 1,
        None => 3,
    };
    words.get(place).is_some_and(|word| *word == "65535")
}
