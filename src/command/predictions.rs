//! How predictions look, a line at a time: for reading, as CSV, or as JSON objects.

use std::io::{self, BufWriter, Stdout, Write};

use serde_json::{Map, Value, json};

use crate::lifecycle::Answer;

/// What predictions are printed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// People.
    Reading,
    /// Tables: a row for each class that is told.
    Csv,
    /// Programs: an object a line.
    Json,
}

/// The lines that predictions are printed as.
pub struct Lines<'a> {
    out: BufWriter<Stdout>,
    form: Form,
    class_names: &'a [String],
    /// Classes that are told of an image.
    top: usize,
    /// Whether the probability of every class is told.
    is_all: bool,
    /// Columns of the longest class name that is still aligned.
    width: usize,
}

/// Longer class names are not aligned.
const WIDEST: usize = 30;

impl<'a> Lines<'a> {
    /// On stdout, for the `top` most probable of these classes.
    pub fn new(form: Form, class_names: &'a [String], top: u16, is_all: bool) -> Self {
        let widths = class_names
            .iter()
            .map(|name| console::measure_text_width(name));
        let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        Self {
            out: BufWriter::new(io::stdout()),
            form,
            class_names,
            top: top.into(),
            is_all,
            width: width.max("class".len()),
        }
    }

    /// Prints the header where the form has one.
    pub fn begin(&mut self) -> io::Result<()> {
        match self.form {
            Form::Reading => writeln!(
                self.out,
                "{:width$}  probability  image",
                "class",
                width = self.width
            ),
            Form::Csv => {
                let columns = [
                    "path",
                    "rank",
                    "prediction",
                    "prediction_name",
                    "probability",
                ];
                let mut header = columns.map(str::to_owned).to_vec();
                if self.is_all {
                    let names = self.class_names.iter();
                    header.extend(names.map(|name| format!("probability_{name}")));
                }
                self.row(&header)
            }
            Form::Json => Ok(()),
        }
    }

    /// Prints what a network says of an image.
    pub fn answer(&mut self, path: &str, answer: &Answer) -> io::Result<()> {
        let top = answer.top(self.top);
        match self.form {
            Form::Reading => self.read(path, answer, &top),
            Form::Csv => self.rows(path, answer, &top),
            Form::Json => {
                let object = self.object(path, answer, &top);
                writeln!(self.out, "{object}")
            }
        }
    }

    /// Prints that an image cannot be used, where the form has room for it.
    pub fn broken(&mut self, path: &str, reason: &str) -> io::Result<()> {
        match self.form {
            Form::Json => writeln!(self.out, "{}", json!({ "path": path, "error": reason })),
            Form::Reading | Form::Csv => Ok(()),
        }
    }

    /// Prints what is still in the buffer.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn read(&mut self, path: &str, answer: &Answer, top: &[usize]) -> io::Result<()> {
        for (rank, class) in top.iter().enumerate() {
            let name = &self.class_names[*class];
            let padded = console::pad_str(name, self.width, console::Alignment::Left, None);
            let probability = answer.probabilities[*class];
            match rank {
                0 => writeln!(self.out, "{padded}  {probability:>11.4}  {path}")?,
                _ => writeln!(self.out, "{padded}  {probability:>11.4}")?,
            }
        }
        Ok(())
    }

    fn rows(&mut self, path: &str, answer: &Answer, top: &[usize]) -> io::Result<()> {
        for (rank, class) in top.iter().enumerate() {
            let mut cells = vec![
                path.to_owned(),
                (rank + 1).to_string(),
                class.to_string(),
                self.class_names[*class].clone(),
                answer.probabilities[*class].to_string(),
            ];
            if self.is_all {
                cells.extend(answer.probabilities.iter().map(f32::to_string));
            }
            self.row(&cells)?;
        }
        Ok(())
    }

    fn row(&mut self, cells: &[String]) -> io::Result<()> {
        let mut writer = csv::WriterBuilder::new().from_writer(&mut self.out);
        writer.write_record(cells)?;
        writer.flush()
    }

    fn object(&self, path: &str, answer: &Answer, top: &[usize]) -> Value {
        let said = |class: usize| {
            let mut object = Map::new();
            object.insert("prediction".to_owned(), class.into());
            object.insert(
                "prediction_name".to_owned(),
                self.class_names[class].as_str().into(),
            );
            object.insert(
                "probability".to_owned(),
                number(answer.probabilities[class]),
            );
            object
        };
        let mut object = Map::new();
        object.insert("path".to_owned(), path.into());
        object.extend(said(answer.prediction));
        if self.top > 1 {
            let top = top.iter().map(|class| Value::Object(said(*class)));
            object.insert("top".to_owned(), top.collect());
        }
        if self.is_all {
            let all = answer.probabilities.iter();
            object.insert(
                "probabilities".to_owned(),
                all.map(|p| number(*p)).collect(),
            );
        }
        Value::Object(object)
    }
}

/// The shortest decimal number that is read as this one, as CSV has it.
fn number(value: f32) -> Value {
    let shortest: f64 = value
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(value));
    shortest.into()
}
