//! Python's pickle, as much of it as PyTorch writes for a state dict. Nothing is executed: a call stays a call, for
//! whoever knows what it means.

use std::collections::HashMap;
use std::rc::Rc;

/// What a pickle stands for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// `None`
    None,
    /// A truth value.
    Bool(bool),
    /// An integer of at most 128 bits.
    Integer(i128),
    /// A float.
    Float(f64),
    /// A text.
    Text(String),
    /// A tuple or a list.
    Sequence(Vec<Item>),
    /// A dict, in its order.
    Dict(Vec<(Item, Item)>),
    /// A name of a module: `torch.FloatStorage`.
    Global(String),
    /// What the pickle refers to and does not have: the argument of `persistent_load`.
    Persistent(Item),
    /// A function with its arguments.
    Call(Item, Item),
}

/// A value that others may share.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    value: Rc<Value>,
    /// How many values are inside of each other.
    depth: usize,
}

/// More than any state dict has; deeper ones would overflow the stack of whoever looks into them.
const MOST_DEPTH: usize = 64;

impl std::ops::Deref for Item {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.value
    }
}

impl From<Value> for Item {
    fn from(value: Value) -> Self {
        let deepest = |items: &mut dyn Iterator<Item = &Item>| items.map(|it| it.depth).max();
        let inside = match &value {
            Value::Sequence(items) => deepest(&mut items.iter()),
            Value::Dict(entries) => deepest(&mut entries.iter().flat_map(|(a, b)| [a, b])),
            Value::Persistent(item) => Some(item.depth),
            Value::Call(function, arguments) => Some(function.depth.max(arguments.depth)),
            _ => None,
        };
        Self {
            value: Rc::new(value),
            depth: 1 + inside.unwrap_or(0),
        }
    }
}

/// Reads a pickle from the beginning of `bytes`, which is moved behind it.
///
/// # Errors
/// What is wrong, for whoever has to know whether the file is damaged.
pub(crate) fn read(bytes: &mut &[u8]) -> Result<Item, String> {
    let mut machine = Machine {
        bytes,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    loop {
        if let Some(result) = machine.step()? {
            return Ok(result);
        }
    }
}

/// The machine that a pickle is a program for.
struct Machine<'a, 'b> {
    bytes: &'a mut &'b [u8],
    stack: Vec<Item>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Item>,
}

impl Machine<'_, '_> {
    /// Carries an opcode out; gives the result at the last one.
    fn step(&mut self) -> Result<Option<Item>, String> {
        let opcode = self.take(1)?[0];
        match opcode {
            // PROTO, FRAME: of no consequence.
            0x80 => {
                self.take(1)?;
            }
            0x95 => {
                self.take(8)?;
            }
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b']' | b')' => self.push(Value::Sequence(Vec::new()))?,
            b'J' | b'K' | b'M' | 0x8a | b'G' => self.number(opcode)?,
            b'X' | 0x8c => self.text(opcode)?,
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember(opcode)?,
            b't' | 0x85 | 0x86 | 0x87 => {
                let items = match opcode {
                    b't' => self.since_mark()?,
                    count => self.last(usize::from(count - 0x84))?,
                };
                self.push(Value::Sequence(items))?;
            }
            b'a' | b'e' => {
                let items = match opcode {
                    b'a' => self.last(1)?,
                    _ => self.since_mark()?,
                };
                let Value::Sequence(mut list) = self.pop_value()? else {
                    return Err("something is appended to what is no list".to_owned());
                };
                list.extend(items);
                self.push(Value::Sequence(list))?;
            }
            b's' | b'u' => {
                let items = match opcode {
                    b's' => self.last(2)?,
                    _ => self.since_mark()?,
                };
                self.set(items)?;
            }
            b'c' | 0x93 => self.global(opcode)?,
            b'Q' => {
                let id = self.pop()?;
                self.push(Value::Persistent(id))?;
            }
            b'R' => self.call()?,
            // BUILD gives attributes to an object. No tensor is among them.
            b'b' => {
                self.pop()?;
            }
            opcode => return Err(format!("opcode {opcode:#04x} is not one of a state dict")),
        }
        Ok(None)
    }

    /// BININT, BININT1, BININT2, LONG1, BINFLOAT.
    fn number(&mut self, opcode: u8) -> Result<(), String> {
        let value = match opcode {
            b'G' => {
                let bytes = self.array()?;
                return self.push(Value::Float(f64::from_be_bytes(bytes)));
            }
            b'J' => i32::from_le_bytes(self.array()?).into(),
            b'K' => self.take(1)?[0].into(),
            b'M' => u16::from_le_bytes(self.array()?).into(),
            _ => {
                let length = usize::from(self.take(1)?[0]);
                let bytes = self.take(length)?;
                let is_negative = bytes.last().is_some_and(|last| *last >= 0x80);
                let mut whole = [if is_negative { 0xff } else { 0 }; 16];
                let target = whole.get_mut(..length);
                let target = target.ok_or("an integer has more than 128 bits")?;
                target.copy_from_slice(bytes);
                i128::from_le_bytes(whole)
            }
        };
        self.push(Value::Integer(value))
    }

    /// BINUNICODE, SHORT_BINUNICODE.
    fn text(&mut self, opcode: u8) -> Result<(), String> {
        let length = match opcode {
            b'X' => u32::from_le_bytes(self.array()?) as usize,
            _ => self.take(1)?[0].into(),
        };
        let text = String::from_utf8(self.take(length)?.to_vec());
        self.push(Value::Text(text.map_err(|_| "a text is not UTF-8")?))
    }

    /// BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET.
    fn remember(&mut self, opcode: u8) -> Result<(), String> {
        let key = match opcode {
            b'q' | b'h' => self.take(1)?[0].into(),
            b'r' | b'j' => u32::from_le_bytes(self.array()?),
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let item = self.memo.get(&key).cloned();
            self.stack.push(item.ok_or("it refers to nothing")?);
            return Ok(());
        }
        let top = self.stack.last().cloned();
        self.memo.insert(key, top.ok_or(EMPTY)?);
        Ok(())
    }

    /// GLOBAL, STACK_GLOBAL.
    fn global(&mut self, opcode: u8) -> Result<(), String> {
        let [module, name] = match opcode {
            b'c' => [self.line()?, self.line()?],
            _ => {
                let items = self.last(2)?;
                let text = |item: &Item| match &**item {
                    Value::Text(text) => Ok(text.clone()),
                    _ => Err("the name of a function is no text"),
                };
                [text(&items[0])?, text(&items[1])?]
            }
        };
        self.push(Value::Global(format!("{module}.{name}")))
    }

    fn call(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let is_dict = matches!(&*function, Value::Global(name) if name == "collections.OrderedDict")
            && matches!(&*arguments, Value::Sequence(items) if items.is_empty());
        match is_dict {
            true => self.push(Value::Dict(Vec::new())),
            false => self.push(Value::Call(function, arguments)),
        }
    }

    /// Puts keys and values, one after the other, into the dict on top of the stack.
    fn set(&mut self, items: Vec<Item>) -> Result<(), String> {
        let Value::Dict(mut entries) = self.pop_value()? else {
            return Err("a key is set in what is no dict".to_owned());
        };
        let mut items = items.into_iter();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        self.push(Value::Dict(entries))
    }

    fn push(&mut self, value: Value) -> Result<(), String> {
        let item = Item::from(value);
        if item.depth > MOST_DEPTH {
            return Err(format!(
                "more than {MOST_DEPTH} values are inside of each other"
            ));
        }
        self.stack.push(item);
        Ok(())
    }

    fn pop(&mut self) -> Result<Item, String> {
        self.stack.pop().ok_or_else(|| EMPTY.to_owned())
    }

    /// The value on top; what the memo has of it stays as it was.
    fn pop_value(&mut self) -> Result<Value, String> {
        let item = self.pop()?;
        Ok(Rc::try_unwrap(item.value).unwrap_or_else(|shared| (*shared).clone()))
    }

    /// What is above the last mark.
    fn since_mark(&mut self) -> Result<Vec<Item>, String> {
        let mark = self.marks.pop().ok_or("a mark is missing")?;
        match mark <= self.stack.len() {
            true => Ok(self.stack.split_off(mark)),
            false => Err(EMPTY.to_owned()),
        }
    }

    fn last(&mut self, count: usize) -> Result<Vec<Item>, String> {
        let rest = self.stack.len().checked_sub(count).ok_or(EMPTY)?;
        Ok(self.stack.split_off(rest))
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let taken = self.bytes.split_off(..count);
        taken.ok_or_else(|| "it ends too early".to_owned())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("as many as were taken"))
    }

    /// A text up to the end of its line.
    fn line(&mut self) -> Result<String, String> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n');
        let line = self.take(end.ok_or("it ends too early")?)?;
        let line = String::from_utf8(line.to_vec()).map_err(|_| "a name is not UTF-8")?;
        self.take(1)?;
        Ok(line)
    }
}

const EMPTY: &str = "its stack is empty";
