//! Rows of CSV. Where the columns are known, they are the fields of a struct that writes and reads them.

use serde::Serialize;

/// A line of these cells.
pub fn line<T: AsRef<[u8]>>(cells: &[T]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(cells)
        .expect("a vector takes any bytes");
    text(writer)
}

/// The line of the names of a row's fields.
pub fn header<T: Serialize + Default>() -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .serialize(T::default())
        .expect("a vector takes any bytes");
    let mut text = text(writer);
    let end = text.find('\n').map_or(text.len(), |newline| newline + 1);
    text.truncate(end);
    text
}

/// Lines of rows without their header.
pub fn lines<T: Serialize>(rows: impl IntoIterator<Item = T>) -> String {
    let mut writer = csv::WriterBuilder::new()
        .has_headers(false)
        .from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).expect("a vector takes any bytes");
    }
    text(writer)
}

fn text(writer: csv::Writer<Vec<u8>>) -> String {
    let bytes = writer.into_inner().expect("a vector takes any bytes");
    String::from_utf8(bytes).expect("CSV of text is text")
}
