//! `runner export`: the network of a run for other programs.

use std::path::PathBuf;

use crate::cli::{self, ExportFormat, NamesOf, PixelOrder};
use crate::command::exit::Usage;
use crate::command::output::{Output, print_result};
use crate::command::predict::network;
use crate::exit::ExitCode;
use crate::export::onnx::{self, Opset, PixelLayout};
use crate::export::{Target, Trained, write};
use crate::run_dir::{Run, Weights, resolve};
use crate::weights::names::Naming;

pub fn execute(args: cli::Export) -> anyhow::Result<ExitCode> {
    let target = target(&args)?;
    let run = Run::open(&resolve(&args.run, &args.out.out)?)?;
    let weights = Weights::of_run(&run, &args.checkpoint.unwrap_or_default())?;
    let default = || PathBuf::from(format!("{}.{}", run.identity.run_id, target.extension()));
    let path = args.output.unwrap_or_else(default);
    let files = write(&Trained::new(&run, &weights), target, &path, args.force)?;
    let lines = files.iter().map(|file| format!("{}\n", file.display()));
    print_result(&lines.collect::<String>())?;
    Output { quiet: false }.note(&network(&run, &weights));
    Ok(ExitCode::Done)
}

fn target(args: &cli::Export) -> anyhow::Result<Target> {
    let of_onnx = [
        (args.opset.is_some(), "--opset"),
        (args.fold, "--fold"),
        (args.with_preprocessing.is_some(), "--with-preprocessing"),
    ];
    refuse(args.to, ExportFormat::Onnx, &of_onnx)?;
    refuse(
        args.to,
        ExportFormat::Safetensors,
        &[(args.names.is_some(), "--names")],
    )?;
    Ok(match args.to {
        ExportFormat::Onnx => Target::Onnx(onnx::Options {
            opset: args.opset.map_or(Ok(Opset::DEFAULT), Opset::new)?,
            fold: args.fold,
            preprocessing: args.with_preprocessing.map(|order| match order {
                PixelOrder::Nhwc => PixelLayout::ChannelsLast,
                PixelOrder::Nchw => PixelLayout::ChannelsFirst,
            }),
        }),
        ExportFormat::Safetensors => Target::Safetensors(args.names.map(|names| match names {
            NamesOf::Torchvision => Naming::Torchvision,
            NamesOf::Timm => Naming::Timm,
        })),
        ExportFormat::Pytorch => Target::PyTorch,
    })
}

/// Refuses options of one format where another is to be written.
fn refuse(to: ExportFormat, format: ExportFormat, options: &[(bool, &str)]) -> Result<(), Usage> {
    let name = match format {
        ExportFormat::Onnx => "onnx",
        ExportFormat::Safetensors => "safetensors",
        ExportFormat::Pytorch => "pytorch",
    };
    match options
        .iter()
        .find(|(is_given, _)| *is_given && to != format)
    {
        Some((_, option)) => {
            let message =
                format!("{option} is for --to {name}\nleave it out, or write that format");
            Err(Usage(message))
        }
        None => Ok(()),
    }
}
