//! A table of results: aligned for reading, or as CSV, JSON or Markdown for programs and documents.

use comfy_table::presets::{ASCII_MARKDOWN, NOTHING};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table};

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
    /// For reading; may have line breaks.
    pub heading: String,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Text(String),
    Count(u64),
    /// Read with four decimals; in full for programs.
    Number(f64),
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
            heading: name.clone(),
            name,
        }
    }

    pub fn headed(name: &str, heading: &str) -> Self {
        Self {
            name: name.to_owned(),
            heading: heading.to_owned(),
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

    /// An array with an object a row; what is empty or no finite number is null.
    fn json(&self) -> String {
        let rows: Vec<serde_json::Value> = self
            .rows
            .iter()
            .map(|row| {
                let names = self.columns.iter().map(|column| column.name.clone());
                names.zip(row.iter().map(Cell::json)).collect()
            })
            .collect();
        format!("{:#}\n", serde_json::Value::Array(rows))
    }

    fn markdown(&self) -> String {
        let mut table = self.table(|column| column.name.clone());
        table.load_style(ASCII_MARKDOWN);
        format!("{}\n", table.trim_fmt())
    }

    fn reading(&self, width: Option<u16>) -> String {
        let mut table = self.table(|column| column.heading.clone());
        table.load_style(NOTHING);
        if let Some(width) = width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        let last = self.columns.len() - 1;
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, if index == last { 0 } else { 2 }));
            let numbers = self.rows.iter().any(|row| row[index].is_number());
            if numbers {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
        }
        format!("{}\n", table.trim_fmt())
    }

    fn table(&self, heading: impl Fn(&Column) -> String) -> Table {
        let mut table = Table::new();
        table.set_header(self.columns.iter().map(heading));
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| {
                let alignment = if cell.is_number() {
                    CellAlignment::Right
                } else {
                    CellAlignment::Left
                };
                comfy_table::Cell::new(cell.read()).set_alignment(alignment)
            }));
        }
        table
    }
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
            Cell::Empty => String::new(),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Cell::Text(text) => text.as_str().into(),
            Cell::Count(count) => (*count).into(),
            Cell::Number(value) => (*value).into(),
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
