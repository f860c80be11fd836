//! `runner tag`: what people say of a run.

use crate::cli::{self, TagChange};
use crate::exit::ExitCode;
use crate::run_dir::{Identity, Tags, resolve};

use super::exit::Usage;
use super::output::print_result;

pub fn execute(args: cli::Tag) -> anyhow::Result<ExitCode> {
    let folder = resolve(&args.run, &args.out.out)?;
    Identity::read(&folder)?;
    let before = Tags::read(&folder)?;
    let mut tags = before.clone();
    for change in args.changes {
        match change {
            TagChange::Add(tag) => {
                tags.tags.insert(tag);
            }
            TagChange::Remove(tag) if !tags.tags.remove(&tag) => {
                let has = match tags.tags.is_empty() {
                    true => "it has none".to_owned(),
                    false => format!("it has {}", tags.line()),
                };
                let folder = folder.display();
                return Err(Usage(format!("{folder} has no tag `{tag}`\n{has}")).into());
            }
            TagChange::Remove(_) => {}
        }
    }
    if let Some(note) = args.note {
        tags.note = Some(note).filter(|note| !note.is_empty());
    }
    if tags != before {
        tags.write(&folder)?;
    }
    let mut text = String::new();
    if !tags.tags.is_empty() {
        text.push_str(&format!("tags  {}\n", tags.line()));
    }
    if let Some(note) = &tags.note {
        text.push_str(&format!("note  {note}\n"));
    }
    if text.is_empty() {
        text = format!("{} has no tags and no note\n", folder.display());
    }
    print_result(&text)?;
    Ok(ExitCode::Done)
}
