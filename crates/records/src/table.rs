//! A table of results: aligned for reading, or as CSV, JSON or Markdown for programs and documents.

use comfy_table::CellAlignment;
use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Rows under named columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// From left to right.
    pub columns: Vec<Column>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// The name of a column and how it looks.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name in CSV, JSON and Markdown.
    pub name: String,
    /// Above it for reading; may have line breaks. `None` if only programs get the column.
    pub heading: Option<String>,
    /// Whether its texts are numbers, aligned at the right.
    pub is_right: bool,
    /// Whether readers get it only where some row has a value in it.
    pub is_optional: bool,
    /// Whether its texts are remarks, which stand below their rows where lines get too long.
    pub is_note: bool,
}

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text as it is.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number of bytes: with a unit for reading, in full for programs.
    Bytes(u64),
    /// A float: four decimals for reading, in full for programs.
    Number(f64),
    /// A value of a config, as TOML text.
    Toml(String),
    /// Nothing: `-` for reading, empty in CSV, null in JSON.
    Empty,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Aligned columns, for people.
    Reading {
        /// Characters that a line may have, if that is known.
        width: Option<u16>,
    },
    /// With the names of the columns in the first line.
    Csv,
    /// An array with an object a row.
    Json,
    /// A table of GitHub's Markdown.
    Markdown,
}

impl Column {
    /// A column that is read under its own name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            heading: Some(name.clone()),
            name,
            is_right: false,
            is_optional: false,
            is_note: false,
        }
    }

    /// A column of numbers with their units or separators, which are texts.
    pub fn numbers(name: &str) -> Self {
        Self {
            is_right: true,
            ..Self::new(name)
        }
    }

    /// A column of remarks.
    pub fn notes(name: &str) -> Self {
        Self {
            is_optional: true,
            is_note: true,
            ..Self::new(name)
        }
    }

    /// The same column, which readers get only where some row has a value in it.
    pub fn if_any(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    /// A column that only programs get.
    pub fn for_programs(name: impl Into<String>) -> Self {
        Self {
            heading: None,
            ..Self::new(name)
        }
    }

    /// A column that is read under a heading, which may have line breaks.
    pub fn headed(name: &str, heading: &str) -> Self {
        Self {
            heading: Some(heading.to_owned()),
            ..Self::new(name)
        }
    }
}

impl Table {
    /// The text, its last line ended.
    pub fn render(&self, style: Style) -> String {
        match style {
            Style::Csv => self.csv(),
            Style::Json => self.json(),
            Style::Markdown => self.markdown(),
            Style::Reading { width } => self.reading(width),
        }
    }

    fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let names = self.columns.iter().map(|column| column.name.as_str());
        writer
            .write_record(names)
            .expect("a vector takes any bytes");
        for row in &self.rows {
            let cells = row.iter().map(Cell::exact);
            writer
                .write_record(cells)
                .expect("a vector takes any bytes");
        }
        let bytes = writer.into_inner().expect("a vector takes any bytes");
        String::from_utf8(bytes).expect("CSV of text is text")
    }

    /// An array with an object a row, its keys in the order of the columns; what is empty or no
    /// finite number is null.
    fn json(&self) -> String {
        let rows = self.rows.iter();
        let rows: Vec<Row<'_>> = rows.map(|cells| Row(&self.columns, cells)).collect();
        let text = match rows.as_slice() {
            // As every version has written it.
            [] => "[\n\n]".to_owned(),
            rows => serde_json::to_string_pretty(rows).expect("cells are plain data"),
        };
        text + "\n"
    }

    fn markdown(&self) -> String {
        let mut table = self.laid_out(|index| Some(self.columns[index].name.clone()));
        table.load_style(ASCII_MARKDOWN);
        format!("{}\n", table.trim_fmt())
    }

    /// One line for each row where that fits the width, with its remarks below it if need be. Otherwise the
    /// table is transposed: as many rows as fit stand beside each other, with one line for each column, and the
    /// others in blocks below.
    fn reading(&self, width: Option<u16>) -> String {
        let text = self.lines(|_| true);
        let Some(width) = width.map(usize::from) else {
            return text;
        };
        let fits = |text: &str| text.lines().all(|line| line.chars().count() <= width);
        if fits(&text) {
            return text;
        }
        // First the remarks go below their rows, then the first column above them: only a whole name can be copied.
        let text = self.lines(|column| !column.is_note);
        if fits(&text) {
            return self.in_blocks(&text, width, &[]);
        }
        let (names, rest) = self.without_names();
        let text = textwrap::indent(&rest.lines(|column| !column.is_note), "  ");
        if fits(&text) && names.iter().all(|name| fits(name)) {
            return rest.in_blocks(&text, width, &names);
        }
        self.transposed(width)
    }

    /// The heading and the texts of the first column, and the table without it.
    fn without_names(&self) -> (Vec<String>, Self) {
        let mut rest = self.clone();
        let heading = rest.columns.remove(0).name;
        let rows = rest.rows.iter_mut().map(|row| row.remove(0).read());
        let names = [heading].into_iter().chain(rows).collect();
        (names, rest)
    }

    /// Whether readers get a column.
    fn has(&self, index: usize) -> bool {
        !self.columns[index].is_optional || self.rows.iter().any(|row| row[index] != Cell::Empty)
    }

    /// The columns that are read and chosen, aligned.
    fn lines(&self, is_chosen: impl Fn(&Column) -> bool) -> String {
        let heading = |index: usize| {
            let column = &self.columns[index];
            let is_shown = is_chosen(column) && self.has(index);
            column.heading.clone().filter(|_| is_shown)
        };
        let mut table = self.laid_out(heading);
        style_for_reading(&mut table);
        format!("{}\n", table.trim_fmt())
    }

    /// `text` has the lines of the headings, then those of each row. Before each of these comes the name that it has in
    /// `names`, if there are some; the remarks of a row come after it.
    fn in_blocks(&self, text: &str, width: usize, names: &[String]) -> String {
        let (first, other) = match names {
            [] => ("  ", "    "),
            _ => ("    ", "      "),
        };
        let options = textwrap::Options::new(width)
            .initial_indent(first)
            .subsequent_indent(other)
            .word_splitter(textwrap::WordSplitter::NoHyphenation);
        let height = |row: &Vec<Cell>| row.iter().map(|cell| cell.read().lines().count()).max();
        let heights: Vec<usize> = self.rows.iter().filter_map(height).collect();
        let headings = text.lines().count() - heights.iter().sum::<usize>();
        let mut names = names.iter().cloned();
        let mut text = text.lines().map(str::to_owned);
        let mut lines: Vec<String> = names.next().into_iter().collect();
        lines.extend(text.by_ref().take(headings));
        for (row, height) in self.rows.iter().zip(heights) {
            lines.extend(names.next());
            lines.extend(text.by_ref().take(height));
            let notes = row.iter().zip(&self.columns);
            for (note, _) in notes.filter(|(cell, column)| column.is_note && **cell != Cell::Empty)
            {
                let note = note.read();
                let wrapped = textwrap::wrap(&note, &options).into_iter();
                lines.extend(wrapped.map(String::from));
            }
        }
        lines.join("\n") + "\n"
    }

    /// Sorts the rows by a column: numbers from the highest, texts from the first; rows without a value come last.
    /// Equals stay in their order.
    pub fn sort_by(&mut self, column: usize) {
        use std::cmp::Ordering;

        self.rows.sort_by(|one, other| {
            let (one, other) = (&one[column], &other[column]);
            match (one.number(), other.number()) {
                (Some(a), Some(b)) => b.total_cmp(&a),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => {
                    (*one == Cell::Empty, one.exact()).cmp(&(*other == Cell::Empty, other.exact()))
                }
            }
        });
    }

    fn transposed(&self, width: usize) -> String {
        let shown: Vec<(usize, String)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(index, column)| column.heading.is_some() && self.has(*index))
            .map(|(index, column)| (index, broken(&column.name, '.', 20)))
            .collect();
        let names = shown.iter().flat_map(|(_, name)| line_widths(name));
        let left = names.max().unwrap_or(0) + 2;
        let mut blocks = Vec::new();
        let mut rows = self.rows.as_slice();
        while !rows.is_empty() {
            let mut used = left;
            let fit = rows
                .iter()
                .take_while(|row| {
                    let cells = shown.iter().map(|(index, _)| self.narrow(row, *index));
                    let widest = cells.flat_map(|cell| line_widths(&cell)).max();
                    used += widest.unwrap_or(0) + 2;
                    used <= width + 2
                })
                .count()
                .max(1);
            let (block, rest) = rows.split_at(fit);
            rows = rest;
            let mut table = comfy_table::Table::new();
            for (index, name) in &shown {
                let mut line = vec![name.clone()];
                line.extend(block.iter().map(|row| self.narrow(row, *index)));
                table.add_row(line);
            }
            style_for_reading(&mut table);
            blocks.push(format!("{}\n", table.trim_fmt()));
        }
        blocks.join("\n")
    }

    /// A cell in several lines if it is long: broken after hyphens, a remark between words.
    fn narrow(&self, row: &[Cell], index: usize) -> String {
        let text = row[index].read();
        match self.columns[index].is_note {
            true => textwrap::fill(&text, 18),
            false => broken(&text, '-', 10),
        }
    }

    /// The columns for which `heading` gives one, in the layout of comfy-table.
    fn laid_out(&self, heading: impl Fn(usize) -> Option<String>) -> comfy_table::Table {
        let mut table = comfy_table::Table::new();
        let headings: Vec<Option<String>> = (0..self.columns.len()).map(heading).collect();
        let align = |is_right| match is_right {
            true => CellAlignment::Right,
            false => CellAlignment::Left,
        };
        table.set_header(
            self.columns
                .iter()
                .zip(&headings)
                .filter_map(|(column, heading)| {
                    let cell = comfy_table::Cell::new(heading.as_ref()?);
                    Some(cell.set_alignment(align(column.is_right)))
                }),
        );
        for row in &self.rows {
            let cells = row.iter().zip(&self.columns).zip(&headings);
            let cells = cells.filter(|(_, heading)| heading.is_some());
            table.add_row(cells.map(|((cell, column), _)| {
                let is_right = column.is_right || cell.is_number();
                comfy_table::Cell::new(cell.read()).set_alignment(align(is_right))
            }));
        }
        table
    }
}

/// A row as an object: the name of a column, then its cell on the same line, whatever is inside of it.
struct Row<'a>(&'a [Column], &'a [Cell]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row(columns, cells) = self;
        let mut members = serializer.serialize_map(Some(columns.len()))?;
        for (column, cell) in columns.iter().zip(*cells) {
            let cell = serde_json::value::to_raw_value(cell).map_err(S::Error::custom)?;
            members.serialize_entry(&column.name, &cell)?;
        }
        members.end()
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Text(text) => text.serialize(serializer),
            Cell::Count(count) | Cell::Bytes(count) => count.serialize(serializer),
            Cell::Number(value) => value.serialize(serializer),
            // TOML that is not JSON too stays text.
            Cell::Toml(text) => match serde_json::from_str::<Value>(text) {
                Ok(value) => value.serialize(serializer),
                Err(_) => text.serialize(serializer),
            },
            Cell::Empty => serializer.serialize_none(),
        }
    }
}

/// Columns two spaces apart, without lines.
fn style_for_reading(table: &mut comfy_table::Table) {
    table.load_style(NOTHING);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
}

/// Breaks a text into lines of at most `most` characters, each ending with `end`; a single part may be longer.
fn broken(text: &str, end: char, most: usize) -> String {
    let mut lines = vec![String::new()];
    for part in text.split_inclusive(end) {
        let last = lines.last_mut().expect("there is always one");
        if !last.is_empty() && last.chars().count() + part.chars().count() > most {
            lines.push(part.to_owned());
        } else {
            last.push_str(part);
        }
    }
    lines.join("\n")
}

fn line_widths(text: &str) -> Vec<usize> {
    text.lines().map(|line| line.chars().count()).collect()
}

impl Cell {
    fn is_number(&self) -> bool {
        matches!(self, Cell::Count(_) | Cell::Bytes(_) | Cell::Number(_))
    }

    /// Its number, if it has one; NaN is none.
    fn number(&self) -> Option<f64> {
        match self {
            Cell::Count(count) | Cell::Bytes(count) => Some(*count as f64),
            Cell::Number(value) if !value.is_nan() => Some(*value),
            _ => None,
        }
    }

    /// What programs get; `None` where there is nothing.
    pub fn text(&self) -> Option<String> {
        (*self != Cell::Empty).then(|| self.exact())
    }

    fn read(&self) -> String {
        match self {
            Cell::Bytes(bytes) => human_bytes(*bytes),
            Cell::Number(value) => format!("{value:.4}"),
            Cell::Toml(text) => match serde_json::from_str(text) {
                Ok(value) => short(&value),
                Err(_) => text.clone(),
            },
            Cell::Empty => "-".to_owned(),
            other => other.exact(),
        }
    }

    fn exact(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) | Cell::Bytes(count) => count.to_string(),
            Cell::Number(value) => value.to_string(),
            // Strings without their quotes; everything else is the same in TOML and JSON.
            Cell::Toml(text) => match serde_json::from_str(text) {
                Ok(Value::String(text)) => text,
                _ => text.clone(),
            },
            Cell::Empty => String::new(),
        }
    }
}

/// `1.50 MiB`
fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in UNITS {
        if size < 1024.0 {
            break;
        }
        size /= 1024.0;
        unit = larger;
    }
    match unit {
        "B" => format!("{bytes} B"),
        unit => format!("{size:.2} {unit}"),
    }
}

/// A value with its floats to six significant digits, which are enough to read.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            let exact = number.as_f64().unwrap_or(f64::NAN);
            let rounded: f64 = format!("{exact:.5e}").parse().unwrap_or(exact);
            format!("{rounded:?}")
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(short_element).collect();
            format!("[{}]", values.join(", "))
        }
        other => other.to_string(),
    }
}

/// As [`short`], a text in quotes.
fn short_element(value: &Value) -> String {
    match value {
        Value::String(_) => value.to_string(),
        other => short(other),
    }
}

/// A number that may be absent.
impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Cell::Empty, Cell::Number)
    }
}
