//! Identifies a file by its first bytes, whatever its name: an image that can be decoded, or something else that people
//! often have among their images.

/// How many bytes from the beginning of a file are enough to identify it.
pub const HEAD: usize = 512;

/// The kinds of images that are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageKind {
    Jpeg,
    Png,
    Bmp,
    /// PBM, PGM, PPM and PAM.
    Pnm,
    WebP,
    Gif,
    Tiff,
}

/// A format that is recognized but not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreign {
    /// Its description, which continues "it is".
    what: &'static str,
    /// What to do about it.
    remedy: &'static str,
    /// Whether it is a picture all the same, so that it must not be passed over among images.
    is_picture: bool,
}

impl ImageKind {
    /// The kind of an image that begins with these bytes.
    pub fn of(head: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| head.starts_with(magic);
        Some(match head {
            [0xff, 0xd8, ..] => Self::Jpeg,
            [b'P', b'1'..=b'7', next, ..] if next.is_ascii_whitespace() || *next == b'#' => {
                Self::Pnm
            }
            _ if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            _ if starts(b"BM") && is_bitmap(head) => Self::Bmp,
            _ if starts(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Self::WebP,
            _ if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            // The raw files of Canon's cameras begin as TIFF does.
            _ if head.get(8..10) == Some(b"CR") => return None,
            _ if TIFF.iter().any(|magic| starts(magic)) => Self::Tiff,
            _ => return None,
        })
    }
}

/// TIFF and BigTIFF, each in both orders of bytes.
const TIFF: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];

/// Many texts begin with `BM`; the header of a bitmap has one of a few lengths.
fn is_bitmap(head: &[u8]) -> bool {
    const LENGTHS: [u8; 8] = [12, 16, 40, 52, 56, 64, 108, 124];
    head.get(14..18)
        .is_none_or(|length| LENGTHS.contains(&length[0]) && length[1..] == [0, 0, 0])
}

/// Whether a file with this beginning is a picture, decoded or not.
pub fn is_picture(head: &[u8]) -> bool {
    ImageKind::of(head).is_some() || Foreign::of(head).is_some_and(|it| it.is_picture)
}

/// Why bytes that are no image of a known [`ImageKind`] are none, and what to do.
pub fn refusal(bytes: &[u8]) -> String {
    const KINDS: &str = "it is not a JPEG, PNG, BMP, PGM, WebP, GIF or TIFF image";
    if bytes.is_empty() {
        return "the file is empty".to_owned();
    }
    match Foreign::of(&bytes[..bytes.len().min(HEAD)]) {
        Some(Foreign { what, remedy, .. }) => format!("it is {what}: {remedy}"),
        None => KINDS.to_owned(),
    }
}

const CONVERT: &str = "convert it, with ImageMagick for example: magick FILE FILE.png";

/// What begins with fixed bytes.
const FIXED: &[(&[u8], &str, &str, bool)] = &[
    (
        b"version https://git-lfs.github.com/spec",
        "a Git LFS pointer, which stands for the image",
        "get the files with `git lfs pull`",
        true,
    ),
    (
        b"PK\x03\x04",
        "a zip archive",
        "unpack it with `unzip`",
        false,
    ),
    (
        b"PAR1",
        "a Parquet file",
        "name it in data.path, in a program built with --features parquet",
        false,
    ),
    (
        b"%PDF-",
        "a PDF document",
        "take its pages out as images: pdftoppm -png FILE FILE",
        false,
    ),
    (
        b"\x1f\x8b",
        "a file packed by gzip",
        "unpack it with `gunzip`",
        false,
    ),
    (
        b"\x93NUMPY",
        "a NumPy array",
        "write it as an NPZ archive or as images",
        false,
    ),
    (
        b"\x89HDF\r\n\x1a\n",
        "an HDF5 file",
        "write its images as files",
        false,
    ),
    (
        b"SIMPLE  =",
        "a FITS file",
        "write its images as 16-bit PNG or TIFF",
        false,
    ),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image", CONVERT, true),
    (b"\xff\x0a", "a JPEG XL image", CONVERT, true),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image", CONVERT, true),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image", CONVERT, true),
    (b"8BPS", "a Photoshop document", CONVERT, false),
    (b"\x00\x00\x01\x00", "an icon", CONVERT, false),
];

impl Foreign {
    fn of(head: &[u8]) -> Option<Self> {
        let mut fixed = FIXED.iter();
        if let Some((_, what, remedy, is_picture)) = fixed.find(|it| head.starts_with(it.0)) {
            return Some(Self {
                what,
                remedy,
                is_picture: *is_picture,
            });
        }
        let picture = |what, remedy| Self {
            what,
            remedy,
            is_picture: true,
        };
        if head.get(4..8) == Some(b"ftyp") {
            return match head.get(8..12)? {
                b"avif" | b"avis" => Some(picture(
                    "an AVIF image",
                    "convert it: magick FILE FILE.png, or avifdec FILE FILE.png",
                )),
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => {
                    Some(picture(
                        "an HEIC image, as phones take them",
                        "convert it: magick FILE FILE.jpg, or heif-convert FILE FILE.jpg",
                    ))
                }
                _ => Some(Self {
                    what: "a video or another file in the container of MP4",
                    remedy: "take its frames out as images: ffmpeg -i FILE %06d.png",
                    is_picture: false,
                }),
            };
        }
        if head.get(128..132) == Some(b"DICM") {
            return Some(picture(
                "a DICOM file",
                "write its image as a 16-bit PNG, and say the range with data.bit_depth",
            ));
        }
        if head.get(8..10) == Some(b"CR") && head.starts_with(b"II*\0") {
            return Some(picture("a camera's raw file", CONVERT));
        }
        of_markup(head)
    }
}

/// What is written in text between angle brackets.
fn of_markup(head: &[u8]) -> Option<Foreign> {
    let text = String::from_utf8_lossy(head);
    let text = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .to_lowercase();
    let is_svg = text.starts_with("<svg") || text.starts_with("<?xml") && text.contains("<svg");
    if is_svg {
        return Some(Foreign {
            what: "an SVG drawing, which has no pixels",
            remedy: "draw it in a size: rsvg-convert FILE -o FILE.png",
            is_picture: true,
        });
    }
    let is_page = ["<!doctype html", "<html", "<head"]
        .iter()
        .any(|start| text.starts_with(start))
        || text.starts_with("<?xml") && text.contains("<html");
    is_page.then_some(Foreign {
        what: "an HTML page, as a server sends it in place of a file that it does not give",
        remedy: "fetch the image again, perhaps after a login",
        is_picture: false,
    })
}
