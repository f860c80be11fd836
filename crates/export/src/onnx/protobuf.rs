//! As much of the protobuf encoding as writing needs: integers, floats, bytes, messages in messages.
//!
//! A message is a tree that borrows its large arrays, so that a network of a gigabyte is copied once, into the file's
//! bytes.

use std::borrow::Cow;

/// A message: numbered fields in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct Message<'a>(Vec<(u32, Value<'a>)>);

#[derive(Debug)]
enum Value<'a> {
    Integer(u64),
    Float(f32),
    Bytes(Vec<u8>),
    /// Little-endian bytes of floats.
    Floats(Cow<'a, [f32]>),
    Message(Message<'a>),
}

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

impl<'a> Message<'a> {
    /// Adds an integer, which must not be negative.
    pub(super) fn integer(mut self, field: u32, value: u64) -> Self {
        self.0.push((field, Value::Integer(value)));
        self
    }

    /// Adds a float.
    pub(super) fn float(mut self, field: u32, value: f32) -> Self {
        self.0.push((field, Value::Float(value)));
        self
    }

    /// Adds a text.
    pub(super) fn text(self, field: u32, text: impl Into<String>) -> Self {
        self.bytes(field, text.into().into_bytes())
    }

    /// Adds bytes.
    pub(super) fn bytes(mut self, field: u32, bytes: Vec<u8>) -> Self {
        self.0.push((field, Value::Bytes(bytes)));
        self
    }

    /// Adds floats as bytes.
    pub(super) fn floats(mut self, field: u32, values: Cow<'a, [f32]>) -> Self {
        self.0.push((field, Value::Floats(values)));
        self
    }

    /// Adds a message.
    pub(super) fn message(mut self, field: u32, message: Message<'a>) -> Self {
        self.0.push((field, Value::Message(message)));
        self
    }

    /// Adds one message for each.
    pub(super) fn messages(
        self,
        field: u32,
        messages: impl IntoIterator<Item = Message<'a>>,
    ) -> Self {
        let add = |all: Self, message| all.message(field, message);
        messages.into_iter().fold(self, add)
    }

    /// The number of its bytes.
    pub(super) fn len(&self) -> usize {
        let fields = self.0.iter().map(|(field, value)| {
            let (wire, content) = value.layout();
            let prefix = match wire {
                LENGTH_DELIMITED => varint_len(content as u64),
                _ => 0,
            };
            varint_len(key(*field, wire)) + prefix + content
        });
        fields.sum()
    }

    /// Its bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len());
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, out: &mut Vec<u8>) {
        for (field, value) in &self.0 {
            let (wire, content) = value.layout();
            put_varint(out, key(*field, wire));
            if wire == LENGTH_DELIMITED {
                put_varint(out, content as u64);
            }
            match value {
                Value::Integer(value) => put_varint(out, *value),
                Value::Float(value) => out.extend(value.to_le_bytes()),
                Value::Bytes(bytes) => out.extend(bytes),
                Value::Floats(values) => out.extend(values.iter().flat_map(|it| it.to_le_bytes())),
                Value::Message(message) => message.write(out),
            }
        }
    }
}

impl Value<'_> {
    /// The wire type, and how many bytes follow the key and the length.
    fn layout(&self) -> (u64, usize) {
        match self {
            Value::Integer(value) => (VARINT, varint_len(*value)),
            Value::Float(_) => (FIXED32, 4),
            Value::Bytes(bytes) => (LENGTH_DELIMITED, bytes.len()),
            Value::Floats(values) => (LENGTH_DELIMITED, 4 * values.len()),
            Value::Message(message) => (LENGTH_DELIMITED, message.len()),
        }
    }
}

fn key(field: u32, wire: u64) -> u64 {
    u64::from(field) << 3 | wire
}

/// Seven bits a byte.
fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding's documentation, protobuf.dev.
    #[test]
    fn messages_are_encoded_as_documented() {
        let inner = Message::default().integer(1, 150);
        assert_eq!(inner.encode(), [0x08, 0x96, 0x01]);
        let text = Message::default().text(2, "testing");
        assert_eq!(text.encode(), b"\x12\x07testing");
        let outer = Message::default().message(3, inner);
        assert_eq!(outer.encode(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let floats = Message::default().float(2, 1.0).floats(9, vec![2.0].into());
        assert_eq!(floats.encode(), b"\x15\0\0\x80\x3f\x4a\x04\0\0\0\x40");
    }

    #[test]
    fn lengths_are_those_of_the_bytes() {
        for value in [0, 1, 127, 128, 1 << 14, (1 << 14) - 1, u64::MAX] {
            let message = Message::default()
                .integer(16, value)
                .message(1, Message::default());
            assert_eq!(message.encode().len(), message.len(), "{value}");
        }
    }
}
