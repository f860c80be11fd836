//! Whether the layers of a network fit each other, said at the places where they were typed.

use super::keys::UNREAD;
use super::read::{Stated, Typed};
use super::shape::{Shape, channels_of};
use super::trace::{self, Misfit, Traced};
use crate::language::section::Diagnostics;
use crate::text::diagnostic::Diagnostic;
use crate::text::source::Origin;
use crate::text::tree::Node;

/// Reports the first layer that does not fit what it is given, and all that say they are given
/// something else. Gives the number of classes, where it can be told. `is_whole`: all of the model was
/// read without error.
pub fn check(
    root: &Node,
    typed: &Typed,
    is_whole: bool,
    diagnostics: &Diagnostics,
) -> Option<usize> {
    let model = &typed.model;
    if model.input == UNREAD {
        return None;
    }
    let (traced, misfit) = trace::trace(model.input, &model.layers[..typed.good]);
    let network = Network {
        root,
        typed,
        traced: &traced,
    };
    for stated in &typed.stated {
        // What takes no such input at all is a misfit.
        let is_misfit = misfit.as_ref().is_some_and(|m| m.layer == stated.layer);
        if !is_misfit {
            network.check_stated(stated, diagnostics);
        }
    }
    let end = is_whole.then(|| trace::check_end(model, &traced)).flatten();
    let is_good = is_whole && misfit.is_none() && end.is_none();
    if let Some(misfit) = misfit.or(end) {
        diagnostics.push(network.describe(misfit));
    }
    match trace::after_last(model, &traced) {
        Shape::Flat { features } if is_good => Some(features),
        _ => None,
    }
}

/// The layers of a network, as typed and as far as they fit.
struct Network<'a> {
    root: &'a Node,
    typed: &'a Typed,
    traced: &'a [Traced<'a>],
}

impl Network<'_> {
    /// Where what a layer takes comes from, and in words what it is.
    fn giver(&self, layer: &Traced<'_>) -> (Origin, String) {
        let shape = layer.input;
        match layer.giver {
            Some(giver) => {
                let Traced { layer, path, .. } = &self.traced[giver];
                let label = format!("layer {path} `{}` gives {shape}", layer.name());
                (self.typed.places[giver].clone(), label)
            }
            None => (input_origin(self.root), format!("the input is {shape}")),
        }
    }

    /// Reports a layer that says it takes something else than it is given.
    fn check_stated(&self, stated: &Stated, diagnostics: &Diagnostics) {
        let Some(layer) = self.traced.get(stated.layer) else {
            return;
        };
        let taken = channels_of(layer.input);
        if taken == stated.value {
            return;
        }
        let (place, label) = self.giver(layer);
        let message = format!(
            "layer {} `{}`: `{}` is {}, and it is given {taken}",
            layer.path,
            layer.layer.name(),
            stated.key.name,
            stated.value
        );
        let follows_from = match layer.giver {
            None => "`model.input`",
            Some(_) => "the layer before",
        };
        let help = format!(
            "write {taken}, or leave `{}` out: it follows from {follows_from}",
            stated.key.name
        );
        let diagnostic = Diagnostic::new(message, stated.origin.clone(), "");
        diagnostics.push(diagnostic.related(place, label).help(help));
    }

    fn describe(&self, misfit: Misfit) -> Diagnostic {
        let origin = self.typed.places.get(misfit.layer).cloned();
        let origin = origin.unwrap_or_else(Origin::start);
        let diagnostic = Diagnostic::new(misfit.message, origin, "").help(misfit.help);
        if !misfit.is_of_input {
            return diagnostic;
        }
        let (place, label) = self.giver(&self.traced[misfit.layer]);
        diagnostic.related(place, label)
    }
}

fn input_origin(root: &Node) -> Origin {
    root.at("model.input")
        .map_or_else(Origin::start, |node| node.origin.clone())
}
