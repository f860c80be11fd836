//! Options that the command line does not have, but that mean a key of the config: `--epochs 3`.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::config::{OptionMeaning, option_meaning};

/// The commands that take values in place of the config's.
const WITH_OVERRIDES: [&str; 5] = ["run", "check", "prove", "resume", "config"];

/// An error of the command line; one of an unknown option says what to type instead, if that can be told.
/// `arguments` are all of the command line.
pub fn with_remedy(mut error: clap::Error, arguments: &[String]) -> clap::Error {
    let takes_values = arguments
        .get(1)
        .is_some_and(|command| WITH_OVERRIDES.contains(&command.as_str()));
    if let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && takes_values
        && let Some(remedy) = remedy(option, arguments)
    {
        let tips = vec![StyledStr::from(remedy)];
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        // What is near in spelling is not what was meant.
        error.remove(ContextKind::SuggestedArg);
    }
    error
}

fn remedy(option: &str, arguments: &[String]) -> Option<String> {
    let name = option.strip_prefix("--")?;
    let keys = match option_meaning(name)? {
        OptionMeaning::Keys(keys) => keys,
        OptionMeaning::Note(note) => return Some(note.to_owned()),
    };
    let value = value_of(option, arguments).unwrap_or("...");
    let overrides: Vec<String> = keys.iter().map(|key| format!("'{key}={value}'")).collect();
    Some(format!(
        "set values of the config with {}",
        overrides.join(" or ")
    ))
}

/// What stands after an option: `--epochs 3`, `--epochs=3`.
fn value_of<'a>(option: &str, arguments: &'a [String]) -> Option<&'a str> {
    let is_option = |argument: &&String| argument.split('=').next() == Some(option);
    let place = arguments.iter().position(|it| is_option(&it))?;
    match arguments[place].split_once('=') {
        Some((_, value)) => Some(value),
        None => {
            let next = arguments.get(place + 1)?;
            (!next.starts_with("--")).then_some(next)
        }
    }
}
