//! Changes that know the language: after blind ones alone, one input in ten thousand is an experiment.

use std::sync::LazyLock;

use runner_config::{KeyInfo, Kind, LANGUAGE, LAYER_KEYS};

static PATHS: LazyLock<Vec<(String, &'static KeyInfo)>> = LazyLock::new(|| LANGUAGE.walk());

/// A draw of numbers and of what can be made from them.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u32) -> Self {
        Self(seed.into())
    }

    /// SplitMix64.
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// The input with one thing changed.
    pub fn change(&mut self, input: &str) -> String {
        match self.below(8) {
            0..3 => format!("{input}\0{}", self.entry("=")),
            3 => format!("{input}\0{}", self.variable()),
            4 => self.without_a_part(input),
            5 => self.document(),
            6 => {
                let number = self.integer(0, 1 << 20);
                self.with_another(input, |c| c.is_ascii_digit(), &number)
            }
            _ => {
                let word = self.text();
                let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '"');
                self.with_another(input, part, &word)
            }
        }
    }

    /// A file of some values over another one that has all it needs.
    fn document(&mut self) -> String {
        let mut text = "extends = \"base.toml\"\n".to_owned();
        for _ in 0..self.below(4) {
            text += &self.entry(" = ");
            text.push('\n');
        }
        text
    }

    fn variable(&mut self) -> String {
        let (path, value) = self.pair();
        let name = path.replace(['.', '['], "__").replace(']', "");
        format!("RUNNER__{}={value}", name.to_uppercase())
    }

    fn entry(&mut self, equals: &str) -> String {
        let (path, value) = self.pair();
        format!("{path}{equals}{value}")
    }

    /// The path of any key, and a value for it.
    fn pair(&mut self) -> (String, String) {
        let paths = &*PATHS;
        let (path, key) = &paths[self.below(paths.len())];
        let value = match self.below(32) {
            0 => "{ unset = true }".to_owned(),
            _ if key.name == "extends" => "\"base.toml\"".to_owned(),
            _ => self.value(&key.kind),
        };
        if matches!(key.kind, Kind::Layers(_)) && self.below(2) == 0 {
            let layer = self.one(&LAYER_KEYS);
            let path = format!("{path}[{}]", self.below(3));
            return (path, self.layer(&layer));
        }
        (path.clone(), value)
    }

    fn value(&mut self, kind: &Kind) -> String {
        match kind {
            Kind::Text | Kind::Texts => self.text(),
            Kind::Word(words) => format!("\"{}\"", self.one(words)),
            Kind::Pattern { .. } => self.one(&["\"cpu\"", "\"auto\"", "flex"]).to_owned(),
            Kind::Boolean => self.one(&["true", "false"]).to_owned(),
            Kind::Integer { min, max } => self.integer(*min, *max),
            Kind::Float { .. } | Kind::Probability => self.float(),
            Kind::Pair { min, max } => match self.below(2) {
                0 => self.integer(*min, *max),
                _ => format!(
                    "[{}, {}]",
                    self.integer(*min, *max),
                    self.integer(*min, *max)
                ),
            },
            Kind::Array { each, length, .. } => {
                let length = length.unwrap_or_else(|| 1 + 2 * self.below(2));
                let items: Vec<String> = (0..length).map(|_| self.value(each)).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Table(keys) => self.table(keys),
            Kind::Choice(keys) => self.choice(keys),
            Kind::Tables(keys) => {
                let items: Vec<String> = (0..self.below(3)).map(|_| self.table(keys)).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Choices(keys) => {
                let items: Vec<String> = (0..self.below(4)).map(|_| self.choice(keys)).collect();
                format!("[{}]", items.join(", "))
            }
            Kind::Either(kinds) => {
                let kind = self.one(kinds);
                self.value(&kind)
            }
            Kind::Layers(_) => {
                let layers = self.layers();
                format!("[{layers}\"flatten\", {{ linear = {{ out_features = 3 }} }}]")
            }
        }
    }

    fn choice(&mut self, keys: &[KeyInfo]) -> String {
        let key = self.one(keys);
        match self.below(3) {
            0 => format!("\"{}\"", key.name),
            _ => format!("{{ {} = {} }}", key.name, self.value(&key.kind)),
        }
    }

    /// Up to three, those inside of others included.
    fn layers(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(4) {
            let key = self.one(&LAYER_KEYS);
            text += &self.layer(&key);
            text += ", ";
        }
        text
    }

    fn table(&mut self, keys: &[KeyInfo]) -> String {
        let mut entries = Vec::new();
        for key in keys {
            if key.is_required() || self.below(3) == 0 {
                entries.push(format!("{} = {}", key.name, self.value(&key.kind)));
            }
        }
        format!("{{ {} }}", entries.join(", "))
    }

    fn layer(&mut self, key: &KeyInfo) -> String {
        if key.keys().iter().any(KeyInfo::is_required) || self.below(2) == 0 {
            format!("{{ {} = {} }}", key.name, self.table(key.keys()))
        } else {
            format!("\"{}\"", key.name)
        }
    }

    fn integer(&mut self, min: u64, max: u64) -> String {
        let max = max.min(i64::MAX as u64);
        match self.below(16) {
            0 => max.to_string(),
            1 => format!("{:#x}", min + self.bits() % (max - min).max(1)),
            _ => (min + self.below(4) as u64).to_string(),
        }
    }

    fn float(&mut self) -> String {
        match self.below(4) {
            0 => format!("{:?}", f64::from_bits(self.bits() >> 1)),
            1 => format!("{:e}", f64::from_bits(self.bits() >> 1)),
            2 => format!("0.{}", self.bits()),
            _ => self
                .one(&["-0.0", "1_0.0_1", "5e-324", "1", "0", "1e-37"])
                .to_owned(),
        }
    }

    /// A string in one of the ways in which it can be typed, or a bare word.
    fn text(&mut self) -> String {
        let quote = self.one(&["\"", "'", "\"\"\"", "'''", ""]);
        let pieces: &[&str] = match quote {
            "\"" | "\"\"\"" => &[
                "\\n",
                "\\r",
                "\\t",
                "\\\"",
                "\\\\",
                "\\u001b",
                "\\U0001f642",
            ],
            _ => &["\n", "\r\n", "\t", "\\", "\u{1b}[1m", "\u{9b}1m", "\u{7f}"],
        };
        let others = [
            "a", "é", "日", "🙂", "\u{301}", "\u{202e}", " # ", " = ", "[", "]",
        ];
        let mut text = quote.to_owned();
        for _ in 0..self.below(4) {
            text += match self.below(2) {
                0 => self.one(pieces),
                _ => self.one(&others),
            };
        }
        text + quote
    }

    fn without_a_part(&mut self, input: &str) -> String {
        let mut parts: Vec<&str> = input.split('\0').collect();
        if parts.len() > 1 {
            parts.remove(1 + self.below(parts.len() - 1));
        }
        parts.join("\0")
    }

    /// The input with another thing for a run of characters such as these.
    fn with_another(&mut self, input: &str, part: fn(char) -> bool, thing: &str) -> String {
        let starts: Vec<usize> = input.match_indices(part).map(|(start, _)| start).collect();
        if starts.is_empty() {
            return self.document();
        }
        let start = self.one(&starts);
        let before = input[..start].trim_end_matches(part);
        let after = input[start..].trim_start_matches(part);
        format!("{before}{thing}{after}")
    }
}
