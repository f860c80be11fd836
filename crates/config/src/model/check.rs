//! Whether the layers of a network fit each other, said at the places where they were typed.

use super::keys::UNREAD;
use super::read::{ParsedModel, StatedInputSize};
use super::shape::{Shape, channels_of};
use super::trace::{self, LayerError, Traced};
use crate::language::diagnostics::Diagnostics;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::Origin;
use crate::text::tree::Node;

/// Reports the first layer that cannot take its input, and every stated input size that is wrong.
/// Returns the number of classes, if the network is valid. `is_whole`: all of the model was read
/// without error.
pub(crate) fn check(
    root: &Node,
    parsed: &ParsedModel,
    is_whole: bool,
    diagnostics: &Diagnostics,
) -> Option<usize> {
    let model = &parsed.model;
    if model.input == UNREAD {
        return None;
    }
    let (traced, error) = trace::trace(model.input, &model.layers[..parsed.valid]);
    let network = Network {
        root,
        parsed,
        traced: &traced,
    };
    for stated in &parsed.input_sizes {
        // A layer that refuses its input is reported as a layer error already.
        let is_refused = error.as_ref().is_some_and(|m| m.layer == stated.layer);
        if !is_refused {
            network.check_input_size(stated, diagnostics);
        }
    }
    let end = is_whole.then(|| trace::check_end(model, &traced)).flatten();
    let is_good = is_whole && error.is_none() && end.is_none();
    if let Some(error) = error.or(end) {
        diagnostics.push(network.describe(error));
    }
    match trace::after_last(model, &traced) {
        Shape::Flat { features } if is_good => Some(features),
        _ => None,
    }
}

/// The layers of a network, as read and as far as they fit.
struct Network<'a> {
    root: &'a Node,
    parsed: &'a ParsedModel,
    traced: &'a [Traced<'a>],
}

impl Network<'_> {
    /// Where the input of a layer comes from, and what it is in words.
    fn producer(&self, layer: &Traced<'_>) -> (Origin, String) {
        let shape = layer.input;
        match layer.producer {
            Some(producer) => {
                let Traced { layer, path, .. } = &self.traced[producer];
                let label = format!("layer {path} `{}` outputs {shape}", layer.name());
                (self.parsed.places[producer].clone(), label)
            }
            None => (input_origin(self.root), format!("the input is {shape}")),
        }
    }

    /// Reports a stated input size that is not the size of the input.
    fn check_input_size(&self, stated: &StatedInputSize, diagnostics: &Diagnostics) {
        let Some(layer) = self.traced.get(stated.layer) else {
            return;
        };
        let taken = channels_of(layer.input);
        if taken == stated.value {
            return;
        }
        let (place, label) = self.producer(layer);
        let message = format!(
            "layer {} `{}`: `{}` is {}, but its input has {taken}",
            layer.path,
            layer.layer.name(),
            stated.key.name,
            stated.value
        );
        let follows_from = match layer.producer {
            None => "`model.input`",
            Some(_) => "the layer before",
        };
        let help = format!(
            "write {taken}, or leave `{}` out: it is derived from {follows_from}",
            stated.key.name
        );
        let diagnostic = Diagnostic::new(message, stated.origin.clone(), "");
        diagnostics.push(diagnostic.related(place, label).help(help));
    }

    fn describe(&self, error: LayerError) -> Diagnostic {
        let origin = self.parsed.places.get(error.layer).cloned();
        let origin = origin.unwrap_or_else(Origin::start);
        let diagnostic = Diagnostic::new(error.message, origin, "").help(error.help);
        if !error.concerns_input {
            return diagnostic;
        }
        let (place, label) = self.producer(&self.traced[error.layer]);
        diagnostic.related(place, label)
    }
}

fn input_origin(root: &Node) -> Origin {
    root.at("model.input")
        .map_or_else(Origin::start, |node| node.origin.clone())
}
