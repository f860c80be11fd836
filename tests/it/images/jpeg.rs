//! JPEGs of every kind against Pillow's pixels, which are libjpeg-turbo's; what is wrong with those that are refused.

use std::collections::BTreeMap;
use std::fs;

use runner::data::jpeg::{Decoded, Fault, Outline, decode};
use runner::data::picture::Picture;

use super::{arrays, fixtures};

type Arrays = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn jpegs() -> Arrays {
    arrays(&fixtures().join("jpegs.safetensors"))
}

/// The bytes of the one whose name begins like this.
fn jpeg<'a>(jpegs: &'a Arrays, name: &str) -> &'a Vec<u8> {
    let is_this = |(key, (shape, _)): &(&String, &(Vec<usize>, Vec<u8>))| {
        key.starts_with(name) && shape.len() == 1
    };
    &jpegs.iter().find(is_this).unwrap().1.1
}

fn admit(_: Outline) -> Result<(), String> {
    Ok(())
}

fn in_colour(decoded: Decoded) -> Vec<u8> {
    match decoded.channels {
        1 => decoded.pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        _ => decoded.pixels,
    }
}

/// Red with one constant of a transform changed, with samples repeated where they are interpolated, with another
/// rounding of a colour.
#[test]
fn every_kind_of_jpeg_decodes_to_pillows_pixels() {
    let arrays = jpegs();
    let mut counts = [0; 4];
    for (name, (shape, pixels)) in &arrays {
        let Some((file, reduction)) = name.rsplit_once('.').filter(|_| shape.len() == 3) else {
            continue;
        };
        let reduction: usize = reduction.parse().unwrap();
        let bytes = &arrays[file].1;
        let full = decode(bytes, None, admit).unwrap_or_else(|fault| panic!("{file}: {fault}"));
        let at_least = full.size.map(|side| side / reduction);
        let decoded = decode(bytes, Some(at_least), admit).unwrap();
        assert_eq!(decoded.size[..], shape[..2], "{name}");
        assert!(in_colour(decoded) == *pixels, "{name}");
        counts[reduction.ilog2() as usize] += 1;
    }
    let [full, reduced @ ..] = counts;
    assert!(
        full > 150 && reduced.iter().all(|count| *count > 15),
        "{counts:?}"
    );
}

/// Red if it is reduced below what is asked on one side.
#[test]
fn a_reduced_jpeg_is_as_large_as_it_has_to_be() {
    let jpegs = jpegs();
    let bytes = jpeg(&jpegs, "420.plain.40x18");
    for (at_least, size) in [
        ([1, 1], [3, 5]),
        ([2, 5], [3, 5]),
        ([2, 6], [5, 10]),
        ([3, 5], [5, 10]),
        ([4, 11], [9, 20]),
        ([10, 1], [18, 40]),
        ([18, 40], [18, 40]),
        ([100, 100], [18, 40]),
    ] {
        let decoded = decode(bytes, Some(at_least), admit).unwrap();
        assert_eq!(decoded.size, size, "{at_least:?}");
    }
}

/// Where the first marker of a kind begins.
fn place(bytes: &[u8], marker: u8) -> usize {
    bytes
        .windows(2)
        .position(|pair| pair == [0xff, marker])
        .unwrap()
}

fn with(bytes: &[u8], at: usize, more: &[u8]) -> Vec<u8> {
    [&bytes[..at], more, &bytes[at..]].concat()
}

/// As libjpeg does; red without passing over what stands before a marker.
#[test]
fn bytes_that_do_not_belong_are_passed_over() {
    const HEADER: u8 = 0xc0;
    const SCAN: u8 = 0xda;
    let jpegs = jpegs();
    let bytes = jpeg(&jpegs, "420.plain.17x13");
    let whole = Picture::decode(bytes).unwrap();
    let end = bytes.len() - 2;
    let trailer: Vec<u8> = (0..200).collect();
    for (what, file) in [
        (
            "zeros before the header",
            with(bytes, place(bytes, HEADER), &[0, 0]),
        ),
        (
            "text before a scan",
            with(bytes, place(bytes, SCAN), b"camera"),
        ),
        ("fill bytes", with(bytes, place(bytes, SCAN), &[0xff; 5])),
        ("fill bytes before the end", with(bytes, end, &[0xff; 5])),
        ("zeros after the data", with(bytes, end, &[0; 5])),
        ("text after the end", [bytes, &trailer[..]].concat()),
        (
            "something else in place of the end",
            [&bytes[..end], &trailer[..]].concat(),
        ),
    ] {
        assert!(Picture::decode(&file).as_ref() == Ok(&whole), "{what}");
    }
}

/// The frames of Motion JPEG. Red without the tables of the standard.
#[test]
fn tables_that_a_file_does_not_bring_are_those_of_the_standard() {
    let jpegs = jpegs();
    let bytes = jpeg(&jpegs, "420.plain.40x18");
    let mut bare = bytes.clone();
    while let Some(at) = bare.windows(2).position(|pair| pair == [0xff, 0xc4]) {
        let length = usize::from(u16::from_be_bytes([bare[at + 2], bare[at + 3]]));
        bare.drain(at..at + 2 + length);
    }
    assert!(bare.len() + 400 < bytes.len());
    assert!(Picture::decode(&bare) == Picture::decode(bytes));
}

/// Red if a scan is read on after a marker that is not the one that has to come.
#[test]
fn a_lost_restart_marker_is_told() {
    let jpegs = jpegs();
    let bytes = jpeg(&jpegs, "444.restarts.40x18");
    assert!(Picture::decode(bytes).is_ok());
    for number in 0..3u8 {
        let at = place(bytes, 0xd0 + number);
        let lost = [&bytes[..at], &bytes[at + 2..]].concat();
        let error = Picture::decode(&lost).unwrap_err();
        let reason = format!("damaged JPEG: its restart marker {number} is missing");
        assert!(error.starts_with(&reason), "{error}");
        let mut swapped = bytes.clone();
        swapped[at + 1] = 0xd7;
        let error = Picture::decode(&swapped).unwrap_err();
        assert!(error.starts_with(&reason), "{error}");
    }
}

/// Decoders make a coarse image of it without a word.
#[test]
fn a_progressive_jpeg_without_its_last_scans_is_told() {
    let jpegs = jpegs();
    let bytes = jpeg(&jpegs, "420.progressive.40x18");
    let scans: Vec<usize> = (0..bytes.len() - 1)
        .filter(|at| bytes[*at..*at + 2] == [0xff, 0xda])
        .collect();
    assert!(scans.len() > 5);
    for scan in &scans[1..] {
        // A scan begins with the table before it.
        let table = (0..*scan).rfind(|at| bytes[*at..*at + 2] == [0xff, 0xc4]);
        let file = [&bytes[..table.unwrap().min(*scan)], &[0xff, 0xd9]].concat();
        let error = Picture::decode(&file).unwrap_err();
        assert!(error.contains("before its last scans"), "{error}");
    }
}

#[test]
fn kinds_that_are_not_decoded_are_named() {
    let jpegs = jpegs();
    let bytes = jpeg(&jpegs, "420.plain.17x13");
    let header = place(bytes, 0xc0);
    let changed = |changes: &[(usize, u8)]| {
        let mut file = bytes.clone();
        for (at, byte) in changes {
            file[*at] = *byte;
        }
        decode(&file, None, admit).unwrap_err()
    };
    for (changes, what) in [
        (vec![(header + 1, 0xc9)], "it is coded arithmetically"),
        (vec![(header + 1, 0xc3)], "it is lossless"),
        (vec![(header + 1, 0xc5)], "it is hierarchical"),
        (vec![(header + 4, 12)], "it has 12 bits a sample, not 8"),
        (vec![(header + 9, 2)], "it has 2 components, not 1, 3 or 4"),
        // Three samples of light and two of colour.
        (
            vec![(header + 11, 0x31), (header + 14, 0x21)],
            "its colours are sampled between its pixels",
        ),
    ] {
        assert_eq!(changed(&changes), Fault::Unsupported(what.to_owned()));
    }
    for (changes, what) in [
        (
            vec![(header + 5, 0), (header + 6, 0)],
            "its header says 17x0 pixels",
        ),
        (
            vec![(header + 11, 0x50)],
            "its header has a component with impossible numbers",
        ),
        (vec![(header + 12, 3)], "it has no quantization table"),
    ] {
        assert_eq!(changed(&changes), Fault::Damaged(what.to_owned()));
    }
}

/// Any byte changed: an image or a reason, without a panic and without an endless loop.
#[test]
fn damage_is_told_or_decoded() {
    let mut told = 0;
    for (name, (shape, bytes)) in jpegs() {
        if shape.len() != 1 || !name.contains("17x13") {
            continue;
        }
        for at in (0..bytes.len()).step_by(3) {
            let mut file = bytes.clone();
            file[at] ^= 1 << (at % 8);
            told += usize::from(decode(&file, Some([1, 1]), admit).is_err());
        }
    }
    assert!(told > 1000, "{told}");
}

/// Red without the check at every unit: the memory of what is refused must not be taken.
#[test]
fn what_is_not_admitted_is_not_decoded() {
    let bytes = fs::read(fixtures().join("images/broken/promise.jpg")).unwrap();
    let refuse = |outline: Outline| {
        assert_eq!(outline.size, [65000, 65000]);
        assert!(outline.cost > 65000 * 65000);
        Err("too large".to_owned())
    };
    assert_eq!(
        decode(&bytes, None, refuse),
        Err(Fault::Refused("too large".to_owned()))
    );
}
