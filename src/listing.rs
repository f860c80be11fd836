//! A table of results: aligned for reading, or as CSV, JSON or Markdown for programs and documents.

use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, Table};

/// Rows under named columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    pub columns: Vec<Column>,
    /// As many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// In CSV and JSON.
    pub name: String,
    /// For reading; may have line breaks. `None`: only programs get the column.
    pub heading: Option<String>,
    /// Its texts are numbers, aligned at the right.
    pub is_right: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Count(u64),
    /// Read with four decimals; in full for programs.
    Number(f64),
    /// A value of a config, as TOML text.
    Toml(String),
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Aligned columns, no wider than this many characters if that is known.
    Reading {
        width: Option<u16>,
    },
    Csv,
    Json,
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
        }
    }

    /// A column of numbers with their units or separators, which are texts.
    pub fn numbers(name: &str) -> Self {
        Self {
            is_right: true,
            ..Self::new(name)
        }
    }

    /// A column that only programs get.
    pub fn for_programs(name: impl Into<String>) -> Self {
        Self {
            heading: None,
            ..Self::new(name)
        }
    }

    pub fn headed(name: &str, heading: &str) -> Self {
        Self {
            heading: Some(heading.to_owned()),
            ..Self::new(name)
        }
    }
}

impl Listing {
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
        let rows: Vec<String> = self
            .rows
            .iter()
            .map(|row| {
                let members = self.columns.iter().zip(row).map(|(column, cell)| {
                    format!(
                        "    {}: {}",
                        serde_json::Value::from(&*column.name),
                        cell.json()
                    )
                });
                format!("  {{\n{}\n  }}", members.collect::<Vec<_>>().join(",\n"))
            })
            .collect();
        format!("[\n{}\n]\n", rows.join(",\n"))
    }

    fn markdown(&self) -> String {
        let mut table = self.table(|column| Some(column.name.clone()));
        table.load_style(ASCII_MARKDOWN);
        format!("{}\n", table.trim_fmt())
    }

    /// A row a line where that fits the width; else a block of lines for as many rows as fit
    /// beside each other, a line a column.
    fn reading(&self, width: Option<u16>) -> String {
        let mut table = self.table(|column| column.heading.clone());
        style_for_reading(&mut table);
        let text = format!("{}\n", table.trim_fmt());
        match width {
            Some(width) if text.lines().any(|line| line.chars().count() > width.into()) => {
                self.turned(width.into())
            }
            _ => text,
        }
    }

    fn turned(&self, width: usize) -> String {
        let shown: Vec<(usize, String)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.heading.is_some())
            .map(|(index, column)| (index, column.name.clone()))
            .collect();
        let names = shown.iter().map(|(_, name)| name.chars().count());
        let left = names.max().unwrap_or(0) + 2;
        let mut blocks = Vec::new();
        let mut rows = self.rows.as_slice();
        while !rows.is_empty() {
            let mut used = left;
            let fit = rows
                .iter()
                .take_while(|row| {
                    let cells = shown.iter().map(|(index, _)| narrow(&row[*index].read()));
                    let widest = cells.flat_map(|cell| line_widths(&cell)).max();
                    used += widest.unwrap_or(0) + 2;
                    used <= width + 2
                })
                .count()
                .max(1);
            let (block, rest) = rows.split_at(fit);
            rows = rest;
            let mut table = Table::new();
            for (index, name) in &shown {
                let mut line = vec![name.clone()];
                line.extend(block.iter().map(|row| narrow(&row[*index].read())));
                table.add_row(line);
            }
            style_for_reading(&mut table);
            blocks.push(format!("{}\n", table.trim_fmt()));
        }
        blocks.join("\n")
    }

    /// The columns that have a heading.
    fn table(&self, heading: impl Fn(&Column) -> Option<String>) -> Table {
        let mut table = Table::new();
        let headings: Vec<Option<String>> = self.columns.iter().map(heading).collect();
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

/// Columns two spaces apart, without lines.
fn style_for_reading(table: &mut Table) {
    table.load_style(NOTHING);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
}

/// A long text in several lines, broken after hyphens.
fn narrow(text: &str) -> String {
    const ENOUGH: usize = 18;
    let mut lines = vec![String::new()];
    for part in text.split_inclusive('-') {
        let last = lines.last_mut().expect("there is always one");
        if !last.is_empty() && last.chars().count() + part.chars().count() > ENOUGH {
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
        matches!(self, Cell::Count(_) | Cell::Number(_))
    }

    fn read(&self) -> String {
        match self {
            Cell::Number(value) => format!("{value:.4}"),
            Cell::Empty => "-".to_owned(),
            other => other.exact(),
        }
    }

    fn exact(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(value) => value.to_string(),
            // Strings without their quotes; everything else is the same in TOML and JSON.
            Cell::Toml(text) => match serde_json::from_str(text) {
                Ok(serde_json::Value::String(text)) => text,
                _ => text.clone(),
            },
            Cell::Empty => String::new(),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Cell::Text(text) => text.as_str().into(),
            Cell::Count(count) => (*count).into(),
            Cell::Number(value) => (*value).into(),
            Cell::Toml(text) => serde_json::from_str(text).unwrap_or_else(|_| text.as_str().into()),
            Cell::Empty => serde_json::Value::Null,
        }
    }
}

/// A number that may be absent.
impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Cell::Empty, Cell::Number)
    }
}
