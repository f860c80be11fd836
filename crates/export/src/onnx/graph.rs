//! A graph of ONNX's operators, and the file that it is in. Numbers of fields are those of `onnx.proto`.

use std::borrow::Cow;

use super::opset::Opset;
use super::protobuf::Message;

/// Operators in the order in which data flow, with their constants.
pub(super) struct Graph<'a> {
    /// Which versions of the operators are used.
    pub(super) opset: Opset,
    nodes: Vec<Node>,
    constants: Vec<Message<'a>>,
}

struct Node {
    operator: &'static str,
    inputs: Vec<String>,
    output: String,
    attributes: Vec<(&'static str, Attribute)>,
}

/// An attribute of an operator.
pub(super) enum Attribute {
    /// A float.
    Float(f64),
    /// An integer.
    Integer(usize),
    /// Integers.
    Integers(Vec<usize>),
    /// A text.
    Text(&'static str),
}

/// What a graph takes or gives.
pub(super) struct Port<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Of what type its elements are.
    pub(super) element: Element,
    /// The shape of one sample.
    pub(super) sample: Vec<usize>,
}

/// The types of elements, with their numbers in `TensorProto.DataType`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    /// 32-bit floats.
    Float = 1,
    /// Bytes.
    Uint8 = 2,
    /// 64-bit integers.
    Int64 = 7,
}

/// The format of the file: that of opset 17, which readers of later opsets take as well.
const IR_VERSION: u64 = 8;

/// What the graph takes.
pub(super) const INPUT: &str = "images";

/// What the first dimension of input and output is called.
const BATCH: &str = "batch";

impl<'a> Graph<'a> {
    /// A graph without operators.
    pub(super) fn new(opset: Opset) -> Self {
        Self {
            opset,
            nodes: Vec::new(),
            constants: Vec::new(),
        }
    }

    /// Adds an operator; gives the name of its output.
    pub(super) fn node(
        &mut self,
        operator: &'static str,
        inputs: &[&str],
        output: impl Into<String>,
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = output.into();
        self.nodes.push(Node {
            operator,
            inputs: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: output.clone(),
            attributes,
        });
        output
    }

    /// Adds a constant of floats; gives its name.
    pub(super) fn floats(
        &mut self,
        name: impl Into<String>,
        shape: &[usize],
        values: impl Into<Cow<'a, [f32]>>,
    ) -> String {
        let name = name.into();
        let constant = constant(&name, shape, Element::Float);
        self.constants.push(constant.floats(9, values.into()));
        name
    }

    /// Adds a constant of integers in one dimension; gives its name.
    pub(super) fn integers(&mut self, name: impl Into<String>, values: &[i64]) -> String {
        let name = name.into();
        let constant = constant(&name, &[values.len()], Element::Int64);
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        self.constants.push(constant.bytes(9, bytes.collect()));
        name
    }

    /// Gives the output of the last operator another name. No other operator may take it.
    pub(super) fn name_last(&mut self, name: &str) {
        if let Some(last) = self.nodes.last_mut() {
            name.clone_into(&mut last.output);
        }
    }

    /// The file that has this graph, with texts about it.
    pub(super) fn into_model(
        self,
        name: &str,
        input: &Port<'_>,
        output: &Port<'_>,
        metadata: Vec<(&'static str, String)>,
    ) -> Message<'a> {
        let graph = Message::default()
            .messages(1, self.nodes.iter().map(Node::message))
            .text(2, name)
            .messages(5, self.constants)
            .message(11, input.message())
            .message(12, output.message());
        let opset = Message::default()
            .text(1, "")
            .integer(2, self.opset.number());
        let entry = |(key, value): (&str, String)| Message::default().text(1, key).text(2, value);
        Message::default()
            .integer(1, IR_VERSION)
            .text(2, "runner")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, graph)
            .message(8, opset)
            .messages(14, metadata.into_iter().map(entry))
    }
}

fn constant<'a>(name: &str, shape: &[usize], element: Element) -> Message<'a> {
    let sizes = shape.iter();
    let dims = sizes.fold(Message::default(), |all, size| all.integer(1, *size as u64));
    dims.integer(2, element as u64).text(8, name)
}

impl Node {
    /// The node has the name of its output.
    fn message<'a>(&self) -> Message<'a> {
        let inputs = self.inputs.iter();
        inputs
            .fold(Message::default(), |all, name| all.text(1, name))
            .text(2, &self.output)
            .text(3, &self.output)
            .text(4, self.operator)
            .messages(5, self.attributes.iter().map(|(name, it)| it.message(name)))
    }
}

impl Attribute {
    fn message<'a>(&self, name: &str) -> Message<'a> {
        const TYPE: u32 = 20;
        let message = Message::default().text(1, name);
        match self {
            Self::Float(value) => message.float(2, *value as f32).integer(TYPE, 1),
            Self::Integer(value) => message.integer(3, *value as u64).integer(TYPE, 2),
            Self::Text(text) => message.text(4, *text).integer(TYPE, 3),
            Self::Integers(values) => {
                let add = |all: Message<'a>, value: &usize| all.integer(8, *value as u64);
                values.iter().fold(message, add).integer(TYPE, 7)
            }
        }
    }
}

impl Port<'_> {
    fn message<'a>(&self) -> Message<'a> {
        let sizes = self.sample.iter();
        let sizes = sizes.map(|size| Message::default().integer(1, *size as u64));
        let shape = Message::default()
            .message(1, Message::default().text(2, BATCH))
            .messages(1, sizes);
        let tensor = Message::default()
            .integer(1, self.element as u64)
            .message(2, shape);
        Message::default()
            .text(1, self.name)
            .message(2, Message::default().message(1, tensor))
    }
}
