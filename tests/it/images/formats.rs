//! GIF and TIFF against Pillow's pixels, files that are something else, samples of 16 bits, and images that EXIF turns.

use std::fs;

use runner::data::picture::{Picture, Request};

use super::{arrays, digits, fixtures, load, write_pgm};
use crate::support::Sandbox;

/// Red with the frame at the corner of its screen, without the planes or the prediction, and with the orientation left
/// out.
#[test]
fn gifs_and_tiffs_decode_to_pillows_pixels() {
    let folder = fixtures().join("formats");
    let mut count = 0;
    for (name, (shape, theirs)) in &arrays(&folder.join("expected.safetensors")) {
        let (file, kind) = name.rsplit_once('.').unwrap();
        let request = Request {
            is_turned: kind == "upright",
            ..Request::default()
        };
        let bytes = fs::read(folder.join(file)).unwrap();
        let picture = Picture::decode_then(&bytes, request, |picture| picture);
        let picture = picture.unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(shape[1..], [picture.height, picture.width], "{name}");
        assert!(picture.planes(3) == *theirs, "{name}");
        count += 1;
    }
    assert!(count > 60, "{count}");
}

/// Red with the number of the tag read in one order of bytes only.
#[test]
fn an_orientation_in_exif_is_seen() {
    let folder = fixtures().join("formats");
    for (file, is_turned) in [
        ("exif1.jpg", false),
        ("exif6.jpg", true),
        ("exif.png", true),
        ("exif.webp", true),
        ("turned6.tif", false),
    ] {
        let picture = Picture::decode(&fs::read(folder.join(file)).unwrap()).unwrap();
        assert_eq!(
            picture.orientation != Default::default(),
            is_turned,
            "{file}"
        );
    }
}

/// Red if it is reduced to a height and width that are those of the image as it is stored, or turned the other way.
#[test]
fn a_photograph_on_its_side_is_reduced_and_then_turned() {
    let photo = fs::read(fixtures().join("photos/phone.jpg")).unwrap();
    // Right after the marker that begins the file: EXIF with one field, the orientation.
    let exif =
        b"\xff\xe1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&photo[..2], exif, &photo[2..]].concat();
    let decode = |file: &[u8], is_turned, at_least| {
        let request = Request {
            is_turned,
            at_least: Some(at_least),
            ..Request::default()
        };
        Picture::decode_then(file, request, |picture| picture).unwrap()
    };
    // As it is seen 4000 pixels high and 3000 wide.
    let seen = decode(&turned, true, [1900, 700]);
    let stored = decode(&photo, false, [700, 1900]);
    assert_eq!(seen.full, [4000, 3000]);
    assert_eq!([seen.height, seen.width], [2000, 1500]);
    assert_eq!([stored.height, stored.width], [1500, 2000]);
    let pixel = |picture: &Picture, y: usize, x: usize| {
        let start = (y * picture.width + x) * 3;
        picture.pixels()[start..start + 3].to_vec()
    };
    for (y, x) in [(0, 0), (3, 1400), (1999, 0), (700, 500), (1999, 1499)] {
        assert_eq!(pixel(&seen, y, x), pixel(&stored, stored.height - 1 - x, y));
    }
}

/// A file that is cut off anywhere is refused or whole, and one with a changed byte brings nothing down.
#[test]
fn damaged_gifs_and_tiffs_are_refused() {
    let folder = fixtures().join("formats");
    for file in [
        "offset.gif",
        "interlaced.gif",
        "lzw.tif",
        "predicted_tiles.tif",
        "jpeg.tif",
        "bit1.tif",
    ] {
        let bytes = fs::read(folder.join(file)).unwrap();
        let whole = Picture::decode(&bytes).unwrap();
        for end in 0..bytes.len() {
            if let Ok(picture) = Picture::decode(&bytes[..end]) {
                assert!(picture == whole, "{file}: {end}");
            }
            let mut changed = bytes.clone();
            changed[end] ^= 0x55;
            let _ = Picture::decode(&changed);
        }
    }
}

/// Red without the names.
#[test]
fn what_is_no_image_is_named() {
    let zeros = |text: &[u8]| [text, &[0; 200]].concat();
    for (bytes, what, remedy) in [
        (zeros(b"\0\0\0\x20ftypavif"), "an AVIF image", "avifdec"),
        (
            zeros(b"\0\0\0\x18ftypheic"),
            "an HEIC image",
            "heif-convert",
        ),
        (
            b"<?xml version='1.0'?>\n<svg/>".to_vec(),
            "an SVG drawing",
            "rsvg-convert",
        ),
        (
            b"\n<!DOCTYPE HTML><p>404".to_vec(),
            "an HTML page",
            "fetch the image again",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n".to_vec(),
            "a Git LFS pointer",
            "git lfs pull",
        ),
        (zeros(b"PK\x03\x04"), "a zip archive", "unzip"),
        (zeros(b"PAR1"), "a Parquet file", "data.path"),
        (b"%PDF-1.7\n".to_vec(), "a PDF document", "pdftoppm"),
        (zeros(b"\0\0\0\x0cJXL "), "a JPEG XL image", "magick"),
        (zeros(b"II*\0\x10\0\0\0CR"), "a camera's raw file", "magick"),
        (Vec::new(), "the file is empty", ""),
        (
            b"hello".to_vec(),
            "not a JPEG, PNG, BMP, PGM, WebP, GIF or TIFF image",
            "",
        ),
    ] {
        let error = Picture::decode(&bytes).unwrap_err();
        assert!(error.contains(what) && error.contains(remedy), "{error}");
    }
}

/// What a TIFF has that is not decoded is told by its name. Red without the check of the sample format.
#[test]
fn tiffs_of_other_kinds_say_why() {
    let grey = fs::read(fixtures().join("formats/grey.tif")).unwrap();
    let color = fs::read(fixtures().join("formats/color.tif")).unwrap();
    // The field of one tag becomes that of another, with this value.
    let with = |file: &[u8], from: u16, tag: u16, value: u16| {
        let mut file = file.to_vec();
        let head = [from.to_le_bytes(), 3u16.to_le_bytes()].concat();
        let at = file.windows(4).position(|window| window == head).unwrap();
        file[at..at + 2].copy_from_slice(&tag.to_le_bytes());
        file[at + 8..at + 10].copy_from_slice(&value.to_le_bytes());
        file
    };
    for (file, reason) in [
        (with(&grey, 259, 259, 4), "a fax machine's"),
        (with(&grey, 259, 259, 50000), "Zstandard"),
        (with(&color, 262, 262, 8), "CIE L*a*b*"),
        (with(&color, 262, 262, 6), "YCbCr without JPEG"),
        (with(&grey, 296, 339, 3), "floating-point"),
        (with(&grey, 258, 258, 32), "32 bits a sample"),
    ] {
        let error = Picture::decode(&file).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

/// A class of files without endings, of another's and of several kinds, in a folder of images. Red by endings alone.
#[test]
fn files_are_taken_by_their_content() {
    let sandbox = Sandbox::new();
    let formats = fixtures().join("formats");
    for (class, shift) in [("cat", 0), ("dog", 1)] {
        for (index, file) in ["color.tif", "palette.gif", "lzw.tif", "grey16.tif"]
            .iter()
            .enumerate()
        {
            let name = ["a", "b.picture", "c.jfif", "d.txt.old"][(index + shift) % 4];
            sandbox.write(
                &format!("set/{class}/{name}"),
                fs::read(formats.join(file)).unwrap(),
            );
        }
        sandbox.write(&format!("set/{class}/notes"), "BMW and P5 are no images");
    }
    let report = sandbox.runner(&["data", "inspect", "set"]).success().stdout;
    assert!(report.contains("8 images in 2 classes"), "{report}");
    assert!(report.contains("29x37 (8)"), "{report}");
    assert!(
        report.contains("2 files skipped") && report.contains("notes"),
        "{report}"
    );
}

fn pgm16(pixels: &[u16]) -> Vec<u8> {
    let bytes = pixels.iter().flat_map(|pixel| pixel.to_be_bytes());
    [
        format!("P5\n{} 1\n65535\n", pixels.len()).into_bytes(),
        bytes.collect(),
    ]
    .concat()
}

/// Red with the upper 8 of 16 bits.
#[test]
fn samples_of_fewer_bits_keep_their_range() {
    let decode = |bytes: &[u8], bits| {
        let request = Request {
            bits,
            ..Request::default()
        };
        Picture::decode_then(bytes, request, |picture| (picture.planes(1), picture.peak)).unwrap()
    };
    let samples = pgm16(&[0, 15, 16, 4095, 4096, 65535]);
    assert_eq!(
        decode(&samples, 16),
        (vec![0, 0, 0, 15, 16, 255], Some(65535))
    );
    assert_eq!(
        decode(&samples, 12),
        (vec![0, 0, 1, 255, 255, 255], Some(65535))
    );
    assert_eq!(decode(&samples, 8).0, [0, 15, 16, 255, 255, 255]);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, 6, 1);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&samples[samples.len() - 12..])
        .unwrap();
    writer.finish().unwrap();
    for bits in [8, 12, 16] {
        assert_eq!(decode(&png, bits), decode(&samples, bits));
    }
    // A file that says its range needs no key.
    let stated = b"P5\n2 1\n4095\n\x0f\xff\x00\x10".as_slice();
    for bits in [8, 12, 16] {
        assert_eq!(decode(stated, bits), (vec![255, 1], None));
    }
    let dark = fs::read(fixtures().join("formats/dark16.tif")).unwrap();
    let [all, used] = [16, 12].map(|bits| decode(&dark, bits).0);
    assert!(all.iter().all(|pixel| *pixel < 16));
    assert!(used.iter().any(|pixel| *pixel > 200));
}

/// Two classes of a sensor with fewer bits: one dark, one bright.
fn write_sensor(sandbox: &Sandbox, largest: u16) {
    for (split, shift) in [("train", 0), ("test", 6)] {
        for index in 0..6u16 {
            let index = index + shift;
            for (class, level) in [("bright", largest - index), ("dark", 10 + index)] {
                sandbox.write(&format!("set/{split}/{class}/{index}.pgm"), {
                    let header = b"P5\n28 28\n65535\n".to_vec();
                    [header, level.to_be_bytes().repeat(28 * 28)].concat()
                });
            }
        }
    }
}

const SET: [&str; 3] = [
    "data.path=set",
    "data.cache=off",
    "model.layers=[\"flatten\", { linear = { out_features = 2 } }]",
];

/// Red without the warning, and with a number of bits that is fixed before the images are read.
#[test]
fn dark_images_of_16_bits_are_told_and_auto_finds_their_bits() {
    let sandbox = Sandbox::new();
    write_sensor(&sandbox, 4000);
    let splits = load(&sandbox, &SET).unwrap();
    let warning = &splits.warnings[0];
    assert!(
        warning.contains("the largest sample is 4000 of 65535"),
        "{warning}"
    );
    assert!(warning.contains("data.bit_depth = 12"), "{warning}");
    for depth in ["data.bit_depth=12", "data.bit_depth=auto"] {
        let splits = load(&sandbox, &[&SET[..], &[depth]].concat()).unwrap();
        let is_of_depth = |warning: &String| warning.contains("16-bit");
        assert!(
            !splits.warnings.iter().any(is_of_depth),
            "{:?}",
            splits.warnings
        );
        assert_eq!(splits.notes.len(), usize::from(depth.ends_with("auto")));
        let normalized = load(
            &sandbox,
            &[&SET[..], &[depth, "data.normalize=auto"]].concat(),
        )
        .unwrap();
        let mean = normalized.normalize.unwrap().mean[0];
        assert!((0.48..0.50).contains(&mean), "{depth}: {mean}");
    }
    let splits = load(&sandbox, &[&SET[..], &["data.bit_depth=11"]].concat()).unwrap();
    assert!(
        splits.warnings[0].contains("more than 11 bits hold"),
        "{:?}",
        splits.warnings
    );
    let report = sandbox.runner(&["data", "inspect", "set"]).success().stdout;
    assert!(report.contains("16-bit peak     4000 of 65535"), "{report}");
    assert!(
        report.contains("warning: the 16-bit images are dark"),
        "{report}"
    );
}

/// Red if only a run heeds the keys of reading, and without the warning.
#[test]
fn exported_images_are_as_bright_as_a_run_sees_them() {
    let sandbox = Sandbox::new();
    write_sensor(&sandbox, 4000);
    let export = |keys: &[&str]| {
        let export = ["data", "export", "set", "out"];
        let outcome = sandbox.runner(&[&export[..], keys].concat()).success();
        let of = |name: &str| {
            let file = fs::read(sandbox.path(&format!("out/train/{name}.png")));
            Picture::decode(&file.unwrap()).unwrap().pixels()[0]
        };
        let pixels = [of("bright/000000"), of("dark/000006")];
        fs::remove_dir_all(sandbox.path("out")).unwrap();
        (
            pixels,
            outcome
                .stderr
                .contains("warning: the 16-bit images are dark"),
        )
    };
    assert_eq!(export(&[]), ([15, 0], true));
    assert_eq!(export(&["data.bit_depth=12"]), ([250, 0], false));
    assert_eq!(export(&["data.bit_depth=auto"]), ([250, 0], false));
    let inspect = |key: &str| {
        sandbox
            .runner(&["data", "inspect", "set", key])
            .success()
            .stdout
    };
    assert!(inspect("data.bit_depth=16").contains("warning: the 16-bit images are dark"));
    assert!(!inspect("data.bit_depth=auto").contains("are dark"));
    // A photograph that lies on its side is written upright, and refused where it is too large.
    let photo = fs::read(fixtures().join("formats/exif6.jpg")).unwrap();
    sandbox.write("photos/train/a/1.jpg", &photo);
    let size = |keys: &[&str]| {
        let export = ["data", "export", "photos", "photos-png"];
        sandbox.runner(&[&export[..], keys].concat()).success();
        let file = fs::read(sandbox.path("photos-png/train/a/000000.png")).unwrap();
        fs::remove_dir_all(sandbox.path("photos-png")).unwrap();
        let picture = Picture::decode(&file).unwrap();
        [picture.height, picture.width]
    };
    let [height, width] = size(&[]);
    assert_ne!(height, width);
    assert_eq!(size(&["data.exif=apply"]), [width, height]);
    sandbox
        .runner(&["data", "export", "photos", "out", "data.max_pixels=100"])
        .code(4)
        .stderr_has(&["more than data.max_pixels = 100"]);
}

/// The peak comes from the cache at the second start. Red if the cache forgets it.
#[test]
fn a_cache_remembers_what_files_say_beside_their_pixels() {
    let sandbox = Sandbox::new();
    write_sensor(&sandbox, 4000);
    let age = std::time::SystemTime::now() - std::time::Duration::from_secs(60);
    for split in ["train", "test"] {
        for class in ["bright", "dark"] {
            for entry in fs::read_dir(sandbox.path(&format!("set/{split}/{class}"))).unwrap() {
                let file = fs::File::options().write(true).open(entry.unwrap().path());
                file.unwrap().set_modified(age).unwrap();
            }
        }
    }
    let check = |arguments: &[&str]| {
        let all = [&["check", "tiny.toml", SET[0], SET[2]], arguments].concat();
        sandbox.runner(&all).success().stdout
    };
    for _ in 0..2 {
        let text = check(&[]);
        assert!(
            text.contains("warning: the 16-bit images are dark"),
            "{text}"
        );
        let text = check(&["data.bit_depth=auto"]);
        assert!(text.contains("data.bit_depth = \"auto\" is 12"), "{text}");
    }
}

/// Red without the count.
#[test]
fn images_that_exif_turns_are_counted_and_turned_if_asked() {
    let sandbox = Sandbox::new();
    let formats = fixtures().join("formats");
    for split in ["train", "test"] {
        for (class, file) in [("a", "exif6.jpg"), ("b", "exif1.jpg"), ("b", "exif8.jpg")] {
            sandbox.write(
                &format!("set/{split}/{class}/{file}"),
                fs::read(formats.join(file)).unwrap(),
            );
        }
    }
    let check = |arguments: &[&str]| {
        let all = [
            "data.resize=[28, 28]",
            "training.batch_size=2",
            SET[0],
            SET[1],
            SET[2],
        ];
        let all = [&["check", "tiny.toml"], &all[..], arguments].concat();
        sandbox.runner(&all).success().stdout
    };
    let text = check(&[]);
    assert!(
        text.contains("note: 4 images have an orientation in EXIF, which is ignored"),
        "{text}"
    );
    let text = check(&["data.exif=apply"]);
    assert!(
        text.contains("note: 4 images have an orientation in EXIF, by which they are turned"),
        "{text}"
    );
    let report = sandbox.runner(&["data", "inspect", "set"]).success().stdout;
    assert!(
        report.contains("note: 2 images have an orientation in EXIF"),
        "{report}"
    );
    assert!(report.contains("9x13 (3)"), "{report}");
}

/// Red without the count of what was skipped.
#[test]
fn a_list_whose_files_are_all_missing_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write("list.csv", "path,label\na.png,cat\nb.png,dog\n");
    let overrides = [
        "data.path=list.csv",
        "data.validation=0.5",
        "data.on_bad_image=skip",
        SET[2],
    ];
    let error = load(&sandbox, &overrides).unwrap_err().to_string();
    assert!(
        error.contains("no training images are left, since 2 image files were skipped"),
        "{error}"
    );
    assert!(error.contains("a.png: cannot be read"), "{error}");
    assert!(error.contains("correct the paths"), "{error}");
}

/// Red with the names compared as they are.
#[test]
fn class_names_in_two_forms_of_unicode_are_told() {
    let sandbox = Sandbox::new();
    let digits = digits("train", 6);
    for (split, name) in [("train", "caf\u{e9}"), ("test", "cafe\u{301}")] {
        for (index, (pixels, _)) in digits.iter().enumerate() {
            for class in ["tea", name] {
                write_pgm(
                    &sandbox,
                    &format!("set/{split}/{class}/{index}.pgm"),
                    pixels,
                    [28, 28],
                );
            }
        }
    }
    let error = load(&sandbox, &SET).unwrap_err().to_string();
    assert!(
        error.contains("look the same") && error.contains("(NFC and NFD)"),
        "{error}"
    );
    let report = sandbox
        .runner(&["data", "inspect", "set/test"])
        .success()
        .stdout;
    assert!(!report.contains("look the same"), "{report}");
    write_pgm(&sandbox, "set/test/caf\u{e9}/0.pgm", &digits[0].0, [28, 28]);
    let report = sandbox
        .runner(&["data", "inspect", "set/test"])
        .success()
        .stdout;
    assert!(report.contains("warning: the names"), "{report}");
}
