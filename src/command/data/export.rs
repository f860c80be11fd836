//! `runner data export`: a data set as a folder tree of image files.

use crate::cli::{self, ImageFormat};
use crate::command::output::{Output, print_result};
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
    let count = export(&args.path, args.format, folder, encoding, &|done, all| {
        bar.at(done, all)
    })?;
    print_result(&format!("{}\n", folder.display()))?;
    Output { quiet: false }.note(&format!(
        "{} images; in a config: data.path = {:?}",
        thousands(count as f64),
        folder.display().to_string()
    ));
    Ok(ExitCode::Done)
}
