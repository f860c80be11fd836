//! `runner data export`: a data set as a folder tree of image files.

use crate::cli::{self, ImageFormat};
use crate::command::data::reading::reading_of;
use crate::command::output::{note, print_result};
use crate::command::progress::scan_bar;
use crate::command::units::thousands;
use crate::data::{Encoding, export};
use crate::exit::ExitCode;

pub fn execute(args: cli::DataExport) -> anyhow::Result<ExitCode> {
    let encoding = match args.r#as {
        ImageFormat::Jpeg => Encoding::Jpeg(args.quality),
        ImageFormat::Png => Encoding::Png,
    };
    let bar = scan_bar("writing images");
    let folder = &args.folder;
    let reading = reading_of(&args.path, &args.overrides.all().collect::<Vec<_>>())?;
    let watch = |done, all| bar.at(done, all);
    let exported = export(&args.path, args.format, &reading, folder, encoding, &watch)?;
    drop(bar);
    print_result(&format!("{}\n", folder.display()))?;
    if let Some(warning) = exported.of_depth {
        note(&format!("warning: {warning}"));
    }
    note(&format!(
        "{} images; in a config: data.path = {:?}",
        thousands(exported.images as f64),
        folder.display().to_string()
    ));
    Ok(ExitCode::Done)
}
