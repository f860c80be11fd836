//! PNG: row by row, if its rows come in order and the image is to be smaller.

use std::borrow::Cow;
use std::io::{Cursor, ErrorKind};

use png::{
    BitDepth, ColorType, DecodeOptions, Decoder, DecodingError, Info, Limits, Transformations,
};

use super::depth::Depth;
use super::raster::{Admit, Outline, Raster};
use super::rows::{Reducer, Reduction};
use super::samples::{Samples, Wide};

type Reader<'a> = png::Reader<Cursor<&'a [u8]>>;

/// Decodes a file; of samples of 16 bits so many are used. It is refused where `admit` does.
pub fn decode(
    bytes: &[u8],
    bits: u32,
    reduction: Option<Reduction>,
    admit: Admit<'_>,
) -> Result<Raster, String> {
    check_palette(bytes)?;
    let mut ended = Cow::Borrowed(bytes);
    if lacks_end(bytes) {
        ended.to_mut().extend_from_slice(END);
    }
    let mut options = DecodeOptions::default();
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = Decoder::new_with_options(Cursor::new(ended.as_ref()), options);
    decoder.set_limits(Limits { bytes: usize::MAX });
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(damaged)?;
    let size = [header.height as usize, header.width as usize];
    let channels = channels(header.color_type);
    let reduction = reduction.filter(|_| !header.interlaced);
    let mut reducer = reduction.and_then(|it| it.of(channels, size));
    let cost = cost(header, reducer.as_ref());
    admit(match &reducer {
        Some(reducer) => reducer.outline(size, cost),
        None => Outline::whole(channels, size, cost),
    })?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (color, depth) = reader.output_color_type();
    let mut samples = Samples {
        channels,
        stored: color.samples(),
        wide: (depth == BitDepth::Sixteen).then(|| Wide {
            number: u16::from_be_bytes,
            depth: Depth::new(bits),
        }),
    };
    let (channels, size, pixels) = match &mut reducer {
        Some(reducer) => {
            let mut kept = Vec::new();
            each_row(&mut reader, |row| {
                kept.clear();
                samples.append(row, &mut kept);
                reducer.push(&kept);
            })?;
            (reducer.channels(), reducer.size(), reducer.finish())
        }
        None => (channels, size, whole(&mut reader, size, &mut samples)?),
    };
    Ok(Raster {
        peak: samples.peak(),
        ..Raster::new(channels, size, pixels)
    })
}

/// How many samples of a pixel are kept.
fn channels(color: ColorType) -> usize {
    match color {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => 1,
        ColorType::Rgb | ColorType::Rgba | ColorType::Indexed => 3,
    }
}

/// Bytes that decoding takes.
fn cost(header: &Info<'_>, reducer: Option<&Reducer>) -> u64 {
    let [height, width] = [header.height, header.width].map(u64::from);
    let channels = channels(header.color_type) as u64;
    // Opacity may come out beside them.
    let sample_bytes = if header.bit_depth == BitDepth::Sixteen {
        2
    } else {
        1
    };
    let row = width * (channels + 1) * sample_bytes;
    // The decoder holds some rows, and what it unpacks at a time.
    let of_decoder = 16 * row + (1 << 19);
    let pixels = match reducer {
        Some(reducer) => reducer.cost(),
        None if header.interlaced => height.saturating_mul(row + channels * width),
        None => height.saturating_mul(channels * width),
    };
    pixels.saturating_add(of_decoder)
}

fn each_row(reader: &mut Reader<'_>, mut work: impl FnMut(&[u8])) -> Result<(), String> {
    while let Some(row) = reader.next_row().map_err(damaged)? {
        work(row.data());
    }
    Ok(())
}

fn whole(
    reader: &mut Reader<'_>,
    [height, width]: [usize; 2],
    samples: &mut Samples,
) -> Result<Vec<u8>, String> {
    let room = || Vec::with_capacity(height * width * samples.channels);
    if !reader.info().interlaced {
        let mut pixels = room();
        each_row(reader, |row| samples.append(row, &mut pixels))?;
        return Ok(pixels);
    }
    let mut raw = vec![0; height * width * samples.pixel_bytes()];
    reader.next_frame(&mut raw).map_err(damaged)?;
    if samples.is_plain() {
        return Ok(raw);
    }
    let mut pixels = room();
    samples.append(&raw, &mut pixels);
    Ok(pixels)
}

fn damaged(error: DecodingError) -> String {
    match error {
        DecodingError::IoError(error) if error.kind() == ErrorKind::UnexpectedEof => {
            "the file ends early: it was cut off".to_owned()
        }
        error => format!("damaged image: {error}"),
    }
}

/// The chunks of a PNG: their types, what they hold and where they end. The last one may be cut off.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8], usize)> {
    const SIGNATURE_BYTES: usize = 8;
    const CHECKSUM_BYTES: usize = 4;
    let mut at = SIGNATURE_BYTES;
    std::iter::from_fn(move || {
        let (length, rest) = bytes.get(at..)?.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length) as usize;
        at = at.saturating_add(8 + CHECKSUM_BYTES).saturating_add(length);
        Some((*kind, &rest[..length.min(rest.len())], at))
    })
}

/// The chunk that ends a PNG.
const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";

/// Whether a PNG is whole but for the chunk that ends it, which is no part of the image.
fn lacks_end(bytes: &[u8]) -> bool {
    let has_pixels = chunks(bytes).any(|(kind, ..)| kind == *b"IDAT");
    let last = chunks(bytes).last().filter(|_| has_pixels);
    last.is_some_and(|(kind, _, end)| kind != *b"IEND" && end == bytes.len())
}

/// Refuses a PNG whose palette is not made of up to 256 colours of three bytes (PNG specification, 11.2.2), which
/// the decoder takes for granted.
fn check_palette(bytes: &[u8]) -> Result<(), String> {
    /// Where the header says of which kind the pixels are, and what it says where they have a palette.
    const COLOR_TYPE: usize = 25;
    const INDEXED: u8 = 3;
    if bytes.get(COLOR_TYPE) != Some(&INDEXED) {
        return Ok(());
    }
    // The palette comes before the pixels.
    let before = chunks(bytes).take_while(|(kind, ..)| kind != b"IDAT");
    for (kind, palette, _) in before {
        let length = palette.len();
        if &kind == b"PLTE" && (length == 0 || !length.is_multiple_of(3) || length > 3 * 256) {
            return Err(format!(
                "damaged image: its palette has {length} bytes, not three for each of 1 to 256 colours"
            ));
        }
    }
    Ok(())
}
