//! Pixels against Pillow's, sizes against torchvision's, broken files against what Pillow refuses.

use std::fs;

use runner::config::Resize;
use runner::data::geometry::Geometry;
use runner::data::picture::Picture;

use super::{arrays, fixtures};

/// Red with the lower 8 of 16 bits.
#[test]
fn every_format_decodes_to_pillows_pixels() {
    let folder = fixtures().join("images");
    let expected = arrays(&folder.join("expected.safetensors"));
    let mut count = 0;
    let mut worst = Vec::new();
    for (name, (shape, theirs)) in &expected {
        let Some((file, channels)) = name
            .strip_suffix(".rgb")
            .map(|file| (file, 3))
            .or_else(|| name.strip_suffix(".grey").map(|file| (file, 1)))
        else {
            continue;
        };
        if file.starts_with("broken/") {
            continue;
        }
        let picture = Picture::decode(&fs::read(folder.join(file)).unwrap());
        let picture = picture.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(
            shape[..],
            [channels, picture.height, picture.width],
            "{name}"
        );
        let ours = picture.planes(channels);
        let off = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b)).max();
        // Decoders of lossy WebP round each in their own way.
        let is_lossy = file.contains("lossy") && !file.contains("lossless");
        // Of a value between two bytes Pillow takes the even one, the image crate the upper.
        let is_tied = file == "max100.pgm";
        let most = if is_lossy { 4 } else { u8::from(is_tied) };
        if off > Some(most) {
            worst.push(format!("{name}: {off:?}"));
        }
        count += 1;
    }
    assert!(worst.is_empty(), "{}", worst.join("\n"));
    assert!(count > 60, "{count}");
}

/// Red without antialiasing.
#[test]
fn images_are_resized_as_torchvision_does() {
    let folder = fixtures().join("images");
    let expected = arrays(&folder.join("expected.safetensors"));
    let mut count = 0;
    for (name, (shape, theirs)) in &expected {
        let Some((file, size)) = name
            .strip_prefix("resize.")
            .and_then(|name| name.rsplit_once('.'))
        else {
            continue;
        };
        let picture = Picture::decode(&fs::read(folder.join(file)).unwrap()).unwrap();
        let planes = picture.planes(shape[0]);
        let from = [picture.height, picture.width];
        let geometry = Geometry {
            resize: Some(Resize::To([shape[1], shape[2]])),
            ..Geometry::default()
        };
        let ours = geometry.of_planes(&planes, from).unwrap();
        assert_eq!(ours.len(), theirs.len());
        let off = ours.iter().zip(theirs).map(|(a, b)| a.abs_diff(*b));
        let (worst, others) = (off.clone().max(), off.filter(|off| *off > 0).count());
        assert!(worst <= Some(1), "{name} to {size}: {worst:?}");
        assert!(
            others * 10 <= ours.len() * 3,
            "{name}: {others} of {}",
            ours.len()
        );
        count += 1;
    }
    assert!(count >= 17, "{count}");
}

/// Red without the walk over the markers: the decoder fills up what is missing.
#[test]
fn broken_files_say_why() {
    let folder = fixtures().join("images/broken");
    for (file, reason) in [
        ("half.jpg", "cut off"),
        ("header.jpg", "cut off"),
        ("progressive_90.jpg", "cut off"),
        ("without_end.jpg", "cut off"),
        ("half.png", "cut off"),
        ("header.png", "cut off"),
        ("half.bmp", "cut off"),
        ("half.pgm", ""),
        ("half.webp", ""),
        ("crc_of_header.png", "CRC"),
        ("crc_of_data.png", "CRC"),
        ("empty.jpg", "the file is empty"),
        ("empty.png", "the file is empty"),
        ("text.jpg", "not a JPEG, PNG, BMP, PGM, WebP, GIF or TIFF"),
        (
            "bomb.png",
            "20000x20000 pixels, more than data.max_pixels = 250000000",
        ),
        (
            "promise.bmp",
            "60000x60000 pixels, more than data.max_pixels",
        ),
        (
            "promise.pgm",
            "60000x60000 pixels, more than data.max_pixels",
        ),
        (
            "promise.jpg",
            "65000x65000 pixels, more than data.max_pixels",
        ),
    ] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let error = Picture::decode(&bytes).expect_err(file);
        assert!(error.contains(reason), "{file}: {error}");
    }
}

/// As Pillow does. Red without a chunk that ends it.
#[test]
fn a_png_without_its_last_chunk_is_whole() {
    let bytes = fs::read(fixtures().join("images/rgb8.png")).unwrap();
    let whole = Picture::decode(&bytes).unwrap();
    let end = bytes.len() - 12;
    assert!(Picture::decode(&bytes[..end]) == Ok(whole));
    let error = Picture::decode(&bytes[..end - 1]).unwrap_err();
    assert!(error.contains("cut off"), "{error}");
}

/// The file ends after its palette, so that nothing is decoded with or without the check. Red without it: the
/// file is then said to be cut off.
#[test]
fn a_palette_of_odd_length_is_refused() {
    let chunk = |name: &[u8; 4], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        let length = (data.len() as u32).to_be_bytes();
        [&length[..], name, data, &crc.sum().to_be_bytes()].concat()
    };
    let indexed = chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
    for (palette, message) in [
        (
            &[0; 4][..],
            "damaged image: its palette has 4 bytes, not three",
        ),
        (&[0; 771][..], "damaged image: its palette has 771 bytes"),
        (&[0; 768][..], "the file ends early: it was cut off"),
    ] {
        let file = [b"\x89PNG\r\n\x1a\n", &indexed[..], &chunk(b"PLTE", palette)].concat();
        let error = Picture::decode(&file).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
}

/// A cut through any byte of a file is noticed, whatever the format.
#[test]
fn a_file_cut_anywhere_is_broken() {
    let folder = fixtures().join("images");
    for file in [
        "chroma420.jpg",
        "grey.jpg",
        "progressive.jpg",
        "restarts.jpg",
        "rgb8.png",
        "rgb24.bmp",
        "binary.pgm",
        "lossless.webp",
        "lossy.webp",
    ] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let whole = Picture::decode(&bytes).unwrap();
        for end in 0..bytes.len() {
            match Picture::decode(&bytes[..end]) {
                Err(_) => {}
                // Bytes after the pixels may be missed by nobody.
                Ok(picture) => {
                    assert!(picture == whole && end + 16 >= bytes.len(), "{file}: {end}")
                }
            }
        }
    }
}
