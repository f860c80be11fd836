//! A Python program with the network as an `nn.Module`, and its weights beside it.

mod layers;
mod state_dict;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::config::{self, Data, Exif, PadToSquare, Resize};
use crate::trained::json;
use crate::{Error, Trained};

/// The files: the weights, then the program, which has the name that is asked for.
///
/// # Errors
/// [`Error::FileName`] where the name does not end in `.py`.
pub(crate) fn encode(trained: &Trained<'_>, path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Error> {
    if path.extension().is_none_or(|extension| extension != "py") {
        return Err(Error::FileName {
            path: path.to_owned(),
            why: "the name of a Python program ends in .py; its weights come beside it, in a file that ends in .pt",
        });
    }
    let weights = state_dict::encode(trained.arrays);
    let program = program(trained).into_bytes();
    Ok(vec![
        (path.with_extension("pt"), weights),
        (path.to_owned(), program),
    ])
}

/// What does not depend on the network, with places for what does.
const PROGRAM: &str = include_str!("program.py");

fn program(trained: &Trained<'_>) -> String {
    let model = &trained.experiment.model;
    let layers = layers::list(&model.layers, config::image_shape(model.input), 12);
    let geometry = geometry(&trained.experiment.data, model.input);
    let program = PROGRAM.replacen("@LAYERS@", &layers, 1);
    head(trained) + &program.replacen("@GEOMETRY@", &geometry, 1)
}

/// Imports and constants.
fn head(trained: &Trained<'_>) -> String {
    let data = &trained.experiment.data;
    let moments = trained.normalize;
    let list = |values: Option<&Vec<f64>>| values.map_or("None".to_owned(), json);
    let [channels, height, width] = trained.experiment.model.input;
    let mut text = format!(
        "\"\"\"A network trained by runner {}, as a module of PyTorch.\n\n\
         On the command line, `python THIS_FILE image.png` prints the class of an image and its probability. In a program:\n\n\
         \x20   network = load()\n\
         \x20   logits = network(preprocess(read_image(\"image.png\")))\n\
         \"\"\"\n\n\
         import sys\nfrom pathlib import Path\n\nimport torch\nfrom PIL import Image, ImageOps\nfrom torch import nn\n\n",
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in [
        ("RUN", json(trained.run_id)),
        ("CHECKPOINT", json(trained.checkpoint)),
        ("CLASSES", json(trained.class_names)),
        (
            "CHANNELS, HEIGHT, WIDTH",
            format!("{channels}, {height}, {width}"),
        ),
        ("SCALE", format!("{:?}", data.scale)),
        ("MEAN", list(moments.map(|it| &it.mean))),
        ("STD", list(moments.map(|it| &it.std))),
    ] {
        // A string takes any text.
        let _ = writeln!(text, "{name} = {value}");
    }
    text + "\n\n"
}

/// The lines that bring an image file to the size that the network takes.
fn geometry(data: &Data, [channels, ..]: [usize; 3]) -> String {
    let mut lines = Vec::new();
    if data.exif == Exif::Apply {
        lines.push("image = ImageOps.exif_transpose(image)".to_owned());
    }
    lines.push(match channels {
        1 => "image = image.convert(\"L\")".to_owned(),
        3 => "image = image.convert(\"RGB\")".to_owned(),
        _ => "raise SystemExit(f\"the network takes {CHANNELS} channels, not grey or colour\")"
            .to_owned(),
    });
    if let Some(PadToSquare { fill }) = data.pad_to_square {
        lines.push("side = max(image.size)".to_owned());
        lines.push(format!("image = centered(image, side, side, {fill})"));
    }
    if let Some(resize) = data.resize {
        match resize {
            Resize::To([height, width]) => lines.push(format!("size = ({width}, {height})")),
            Resize::Shorter(side) => lines.push(format!(
                "size = tuple({side} * length // min(image.size) for length in image.size)"
            )),
        }
        lines.push("image = image.resize(size, Image.Resampling.BILINEAR)".to_owned());
    }
    if let Some([height, width]) = data.center_crop {
        lines.push(format!("image = centered(image, {height}, {width})"));
    }
    // Then all images have one size, of which the network takes the middle.
    let is_one_size = data.center_crop.is_some()
        || matches!(data.resize, Some(Resize::To(_)))
        || data.resize.is_some() && data.pad_to_square.is_some();
    if is_one_size {
        lines.push("image = centered(image, HEIGHT, WIDTH)".to_owned());
    }
    lines.iter().map(|line| format!("    {line}\n")).collect()
}
