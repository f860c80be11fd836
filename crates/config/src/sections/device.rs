//! `device`: what computes.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::language::familiar::{self, Equivalent};
use crate::language::info::OnResume;
use crate::language::key::Key;
use crate::language::section::Section;
use crate::language::values::pattern;

/// The device that computes. `Display` writes the word of the language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// CUDA where it can be used, else the CPU.
    Auto,
    /// The CPU, by whichever backend is best there.
    Cpu,
    /// The CPU, by Burn's flex backend.
    Flex,
    /// The CPU, by Burn's ndarray backend.
    Ndarray,
    /// The CUDA device of this number, the first where there is none.
    Cuda(Option<u16>),
}

pub(crate) const DEVICE: Key<String> = Key::with_default(
    "device",
    pattern(
        "^(auto|cpu|flex|ndarray|cuda(:[0-9]{1,5})?)$",
        "\"auto\", \"cpu\", \"flex\", \"ndarray\", \"cuda\" or \"cuda:1\"",
    ),
    "\"auto\"",
    "compute backend; auto: CUDA if it is usable, else cpu; cpu: the flex backend",
)
.on_resume(OnResume::Free);

/// The words that need no number.
const WORDS: [(&str, Device); 5] = [
    ("auto", Device::Auto),
    ("cpu", Device::Cpu),
    ("flex", Device::Flex),
    ("ndarray", Device::Ndarray),
    ("cuda", Device::Cuda(None)),
];

impl Device {
    /// The device of a word, `cuda:1` for one.
    pub fn from_word(word: &str) -> Option<Self> {
        if let Some(index) = word.strip_prefix("cuda:") {
            let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
            return index
                .parse()
                .ok()
                .filter(|_| is_number)
                .map(|it| Self::Cuda(Some(it)));
        }
        let known = WORDS.iter().find(|(known, _)| *known == word)?;
        Some(known.1)
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let word = section.read(&DEVICE);
        let device = Self::from_word(&word);
        // A value that is no string has been reported by the read.
        if device.is_none() && section.has_text(&DEVICE) {
            let message = format!("unknown device \"{word}\"");
            let lower = word.to_lowercase();
            let help = match familiar::find(familiar::WORDS, &word) {
                Some(Equivalent::Word(word)) => format!("here it is called \"{word}\""),
                Some(Equivalent::Note(note)) => note.to_owned(),
                _ if WORDS.iter().any(|(known, _)| *known == lower) => {
                    format!("write \"{lower}\"")
                }
                _ => format!("`device` is {}", DEVICE.kind),
            };
            section.report(&DEVICE, message, "", &help);
        }
        device.unwrap_or(Self::Auto)
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cuda(Some(index)) => write!(f, "cuda:{index}"),
            Device::Auto => f.write_str("auto"),
            Device::Cpu => f.write_str("cpu"),
            Device::Flex => f.write_str("flex"),
            Device::Ndarray => f.write_str("ndarray"),
            Device::Cuda(None) => f.write_str("cuda"),
        }
    }
}

impl Serialize for Device {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
