//! Which rows of a table are wanted: `eval_accuracy > 0.95`.

use crate::table::Cell;

/// A condition on a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The name of the column.
    pub column: String,
    operator: Operator,
    value: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
    Different,
}

/// The longer ones first, since they begin with the shorter.
const OPERATORS: [(&str, Operator); 7] = [
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("!=", Operator::Different),
    ("==", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=", Operator::Equal),
];

impl Condition {
    /// Reads a condition, `COLUMN OPERATOR VALUE`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut places = text.char_indices().map(|(place, _)| place);
        let found = places.find_map(|place| {
            let (sign, operator) = OPERATORS
                .into_iter()
                .find(|(sign, _)| text[place..].starts_with(sign))?;
            Some((place, sign, operator))
        });
        let example = "write, for example, \"eval_accuracy > 0.95\"";
        let Some((place, sign, operator)) = found else {
            return Err(format!("it has none of < <= > >= = !=; {example}"));
        };
        let (column, value) = (text[..place].trim(), text[place + sign.len()..].trim());
        if column.is_empty() || value.is_empty() {
            return Err(format!(
                "a column, one of < <= > >= = !=, and a value are needed; {example}"
            ));
        }
        let is_ordered = !matches!(operator, Operator::Equal | Operator::Different);
        if is_ordered && value.parse::<f64>().is_err() {
            return Err(format!("`{value}` is no number; {example}"));
        }
        Ok(Self {
            column: column.to_owned(),
            operator,
            value: value.trim_matches(['"', '\'']).to_owned(),
        })
    }

    /// Whether a cell of the column fulfils it; an empty one and NaN never do. Numbers are compared as numbers, all else
    /// as texts.
    pub fn holds(&self, cell: &Cell) -> bool {
        let Some(text) = cell.text() else {
            return false;
        };
        match (text.parse::<f64>(), self.value.parse::<f64>()) {
            (Ok(number), _) if number.is_nan() => false,
            (Ok(number), Ok(value)) => match self.operator {
                Operator::Less => number < value,
                Operator::AtMost => number <= value,
                Operator::Greater => number > value,
                Operator::AtLeast => number >= value,
                Operator::Equal => number == value,
                Operator::Different => number != value,
            },
            _ => match self.operator {
                Operator::Equal => text == self.value,
                Operator::Different => text != self.value,
                _ => false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_as_texts() {
        let number = Cell::Number(0.95);
        let text = Cell::Text("finished".to_owned());
        for (condition, cell, expected) in [
            ("it > 0.9", &number, true),
            ("it>=0.95", &number, true),
            ("it > 0.95", &number, false),
            ("it < 1e0", &number, true),
            ("it <= 0.94", &number, false),
            ("it = 0.950", &number, true),
            ("it != 0.95", &number, false),
            ("it == finished", &text, true),
            ("it != failed", &text, true),
            ("it = 'finished'", &text, true),
            ("it > 3", &text, false),
            ("it != 3", &Cell::Empty, false),
            ("it != 3", &Cell::Number(f64::NAN), false),
            ("it < 10", &Cell::Count(9), true),
        ] {
            let parsed = Condition::parse(condition).unwrap();
            assert_eq!(parsed.column, "it");
            assert_eq!(parsed.holds(cell), expected, "{condition} {cell:?}");
        }
        for wrong in ["", "accuracy", "> 3", "accuracy >", "accuracy > high"] {
            assert!(Condition::parse(wrong).is_err(), "{wrong}");
        }
    }
}
