//! As much of protobuf as reading an ONNX file needs.

/// A field of a message: its number, and its integer or its bytes.
pub enum Field<'a> {
    Integer(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order.
pub fn fields(mut bytes: &[u8]) -> Vec<(u64, Field<'_>)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let field = match key & 7 {
            0 => Field::Integer(varint(&mut bytes)),
            2 => {
                let length = varint(&mut bytes) as usize;
                Field::Bytes(bytes.split_off(..length).unwrap())
            }
            5 => Field::Bytes(bytes.split_off(..4).unwrap()),
            wire => panic!("wire type {wire}"),
        };
        fields.push((key >> 3, field));
    }
    fields
}

/// The fields of this number that have bytes.
pub fn all(message: &[u8], number: u64) -> Vec<&[u8]> {
    let fields = fields(message).into_iter();
    let bytes = fields.filter_map(|(field, value)| match value {
        Field::Bytes(bytes) if field == number => Some(bytes),
        _ => None,
    });
    bytes.collect()
}

/// The only field of this number, as a text.
pub fn text(message: &[u8], number: u64) -> String {
    let [bytes] = all(message, number)[..] else {
        panic!("field {number} is not there once")
    };
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The integers of the fields of this number.
pub fn integers(message: &[u8], number: u64) -> Vec<u64> {
    let fields = fields(message).into_iter();
    let integers = fields.filter_map(|(field, value)| match value {
        Field::Integer(value) if field == number => Some(value),
        _ => None,
    });
    integers.collect()
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.split_off_first().unwrap();
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return value;
        }
    }
    panic!("a varint of more than 64 bits")
}
