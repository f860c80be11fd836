//! The first directory (IFD) of a TIFF or BigTIFF file, in either byte order; EXIF has the same format.

use std::collections::BTreeMap;

const CUT_OFF: &str = "the file ends early: it was cut off";

/// The fields of a directory by their tags.
pub struct Directory<'a> {
    bytes: &'a [u8],
    /// Whether numbers are little-endian.
    pub is_little: bool,
    fields: BTreeMap<u16, Field>,
}

/// Where the values of a field are.
struct Field {
    /// Bytes per value; 0 if the values are not whole numbers.
    width: usize,
    count: usize,
    at: usize,
}

impl<'a> Directory<'a> {
    /// Reads the directory to which the header points.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let is_little = bytes.starts_with(b"II");
        let mut directory = Self {
            bytes,
            is_little,
            fields: BTreeMap::new(),
        };
        let is_big = directory.at(2, 2)? == 43;
        let (pointer, start) = if is_big { (8, 8) } else { (4, 4) };
        let at = directory.at(start, pointer)? as usize;
        let count_bytes = if is_big { 8 } else { 2 };
        let count = directory.at(at, count_bytes)?;
        let entry = 4 + 2 * pointer;
        for index in 0..count.min(u64::from(u16::MAX)) as usize {
            let at = at + count_bytes + index * entry;
            let tag = directory.at(at, 2)? as u16;
            let field = directory.field(at, pointer)?;
            directory.fields.entry(tag).or_insert(field);
        }
        Ok(directory)
    }

    fn field(&self, at: usize, pointer: usize) -> Result<Field, String> {
        // The size of each type, and whether it is a whole number.
        let (width, is_number) = match self.at(at + 2, 2)? {
            1 => (1, true),
            3 => (2, true),
            4 | 13 => (4, true),
            16 | 18 => (8, true),
            2 | 6 | 7 => (1, false),
            8 => (2, false),
            9 | 11 => (4, false),
            _ => (8, false),
        };
        let count = self.at(at + 4, pointer)? as usize;
        let is_inside = width * count.min(pointer + 1) <= pointer;
        let value = at + 4 + pointer;
        let at = match is_inside {
            true => value,
            false => self.at(value, pointer)? as usize,
        };
        let width = if is_number { width } else { 0 };
        Ok(Field { width, count, at })
    }

    /// The unsigned number in the `width` bytes at offset `at`.
    fn at(&self, at: usize, width: usize) -> Result<u64, String> {
        let end = at.checked_add(width).ok_or(CUT_OFF)?;
        let bytes = self.bytes.get(at..end).ok_or(CUT_OFF)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Ok(match self.is_little {
            true => bytes.iter().rev().fold(0, add),
            false => bytes.iter().fold(0, add),
        })
    }

    /// Whether a field is there.
    pub fn has(&self, tag: u16) -> bool {
        self.fields.contains_key(&tag)
    }

    /// All values of a field that has whole numbers; none where it is not there.
    pub fn numbers(&self, tag: u16) -> Result<Vec<u64>, String> {
        let Some(Field { width, count, at }) = self.fields.get(&tag).filter(|it| it.width > 0)
        else {
            return Ok(Vec::new());
        };
        let length = count.checked_mul(*width).ok_or(CUT_OFF)?;
        let end = at.checked_add(length).ok_or(CUT_OFF)?;
        self.bytes.get(*at..end).ok_or(CUT_OFF)?;
        (0..*count)
            .map(|index| self.at(at + index * width, *width))
            .collect()
    }

    /// The first of them.
    pub fn number(&self, tag: u16) -> Option<u64> {
        let field = self
            .fields
            .get(&tag)
            .filter(|it| it.width > 0 && it.count > 0)?;
        self.at(field.at, field.width).ok()
    }

    /// The bytes of a field, whatever they mean.
    pub fn raw(&self, tag: u16) -> Option<&'a [u8]> {
        let field = self.fields.get(&tag)?;
        self.bytes.get(field.at..)?.get(..field.count)
    }
}
