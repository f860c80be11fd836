//! What is wrong with a configuration, rendered as a compiler would: path, line, column, the line itself, a caret, a remedy.

use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use super::source::{Origin, Source};

/// One problem: what is wrong, where, and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub message: String,
    pub origin: Origin,
    /// Stands beside the caret; may be empty.
    pub label: String,
    /// A second place that the problem has to do with.
    pub related: Option<Box<(Origin, String)>>,
    /// What to type instead.
    pub help: Option<String>,
}

impl Diagnostic {
    pub fn new(message: impl Into<String>, origin: Origin, label: impl Into<String>) -> Self {
        Self {
            // A quoted key may span lines.
            message: message.into().replace('\n', "\\n"),
            origin,
            label: label.into(),
            related: None,
            help: None,
        }
    }

    pub fn related(mut self, origin: Origin, label: impl Into<String>) -> Self {
        self.related = Some(Box::new((origin, label.into())));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A file that is no config at all has an error in every line; so many are told.
const MAX_TOLD: usize = 20;

/// Every problem of a configuration, with the texts they point into.
#[derive(Debug, thiserror::Error)]
pub struct Invalid {
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl Invalid {
    /// Diagnostics are told in the order of the text they point at.
    pub fn new(sources: Vec<Source>, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|d| (d.origin.source, d.origin.span.start));
        Self {
            sources,
            diagnostics,
        }
    }

    /// The whole account, with colours for a terminal if asked.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let rendered: Vec<String> = self
            .diagnostics
            .iter()
            .take(MAX_TOLD)
            .map(|diagnostic| self.render_one(&renderer, diagnostic))
            .collect();
        rendered.join("\n\n") + &self.summary()
    }

    fn summary(&self) -> String {
        let (first, last) = match self.diagnostics.as_slice() {
            [first, .., last] => (first.origin.source, last.origin.source),
            _ => return String::new(),
        };
        let count = self.diagnostics.len();
        let mut summary = format!("\n\n{count} errors");
        if first == last {
            summary.push_str(&format!(" in {}", self.sources[first].name));
        }
        if count > MAX_TOLD {
            summary.push_str(&format!(", the first {MAX_TOLD} told here"));
        }
        summary
    }

    fn render_one(&self, renderer: &Renderer, diagnostic: &Diagnostic) -> String {
        let primary = annotation(
            AnnotationKind::Primary,
            &diagnostic.origin,
            &diagnostic.label,
        );
        let mut snippet = self.snippet(&diagnostic.origin).annotation(primary);
        let mut elsewhere = None;
        if let Some((origin, label)) = diagnostic.related.as_deref() {
            let related = annotation(AnnotationKind::Context, origin, label);
            if origin.source == diagnostic.origin.source {
                snippet = snippet.annotation(related);
            } else {
                elsewhere = Some(self.snippet(origin).annotation(related));
            }
        }
        let mut group = Level::ERROR
            .primary_title(&diagnostic.message)
            .element(snippet)
            .elements(elsewhere);
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    fn snippet(&self, origin: &Origin) -> Snippet<'_, Annotation<'_>> {
        let source = &self.sources[origin.source];
        Snippet::source(&source.text).path(&source.name)
    }
}

fn annotation<'a>(kind: AnnotationKind, origin: &Origin, label: &'a str) -> Annotation<'a> {
    let annotation = kind.span(origin.span.clone());
    if label.is_empty() {
        annotation
    } else {
        annotation.label(label)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}
