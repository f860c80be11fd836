//! Problems of a configuration, rendered as a compiler would: path, line, column, the line itself, a
//! caret, a remedy.

use std::borrow::Cow;
use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};
use textwrap::WordSplitter::NoHyphenation;

use crate::text::source::{Origin, Source, SourceKind, escape_controls, inclusion_chain};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The experiment cannot run.
    Error,
    /// It can run, but probably not as it was meant.
    Warning,
}

/// One problem: what is wrong, where, and what to do about it.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub severity: Severity,
    pub message: String,
    pub origin: Origin,
    /// Stands beside the caret; may be empty.
    pub label: String,
    /// A second place that the problem has to do with.
    pub related: Option<Box<(Origin, String)>>,
    /// What to type instead.
    pub help: Option<String>,
    pub concern: Option<Box<Concern>>,
}

/// What a problem is about, for problems that make others redundant. Keys are named by their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// This key is missing.
    Missing(String),
    /// A wrong name was meant for this key.
    Misnamed(String),
    /// Both of these are set, of which one may be; the second is where the problem is.
    Conflict([String; 2]),
    /// A value of the text is not closed: what follows is read as part of it.
    Unclosed,
}

impl Diagnostic {
    pub fn new(message: impl Into<String>, origin: Origin, label: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: escape_controls(&message.into()),
            origin,
            label: escape_controls(&label.into()),
            related: None,
            help: None,
            concern: None,
        }
    }

    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    pub fn related(mut self, origin: Origin, label: impl Into<String>) -> Self {
        self.related = Some(Box::new((origin, escape_controls(&label.into()))));
        self
    }

    pub fn concern(mut self, concern: Concern) -> Self {
        self.concern = Some(Box::new(concern));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(escape_controls(&help.into()));
        self
    }
}

/// The largest number of problems in a report: a file that is no config has an error in every line.
const MAX_RENDERED: usize = 100;

/// How a report of problems is rendered.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenderOptions {
    /// Whether it has colours, for a terminal.
    pub colour: bool,
    /// The width of the terminal in columns, if it is known; long texts are wrapped.
    pub width: Option<usize>,
}

/// Problems of a configuration, with the texts they point into.
#[derive(Debug, thiserror::Error)]
pub struct Problems {
    sources: Vec<Source>,
    diagnostics: Vec<Diagnostic>,
}

impl Problems {
    /// Sorts errors before warnings, each in the order of the text they point at.
    pub fn new(sources: Vec<Source>, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|d| (d.severity, d.origin.source, d.origin.span.start));
        Self {
            sources,
            diagnostics,
        }
    }

    /// These problems and others of the same document.
    pub(crate) fn and(self, others: Self) -> Self {
        // The longer list begins with the shorter one: it has what the document is written out to.
        let sources = match self.sources.len() < others.sources.len() {
            true => others.sources,
            false => self.sources,
        };
        Self::new(sources, [self.diagnostics, others.diagnostics].concat())
    }

    /// Whether there is no problem.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// The problems, errors before warnings.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter()
    }

    /// Whether a problem matches the predicate.
    pub fn any(&self, predicate: impl Fn(&Diagnostic) -> bool) -> bool {
        self.diagnostics.iter().any(predicate)
    }

    /// The whole report, as a compiler would print it.
    pub fn render(&self, options: RenderOptions) -> String {
        let renderer = if options.colour {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let renderer = match options.width {
            Some(width) => renderer.term_width(width),
            None => renderer,
        };
        let rendered: Vec<String> = self
            .diagnostics
            .iter()
            .take(MAX_RENDERED)
            .map(|diagnostic| self.render_one(&renderer, options.width, diagnostic))
            .collect();
        rendered.join("\n\n") + &self.summary()
    }

    fn summary(&self) -> String {
        let (first, last) = match self.diagnostics.as_slice() {
            [first, .., last] => (first, last),
            _ => return String::new(),
        };
        let count = self.diagnostics.len();
        let is_error = |it: &&Diagnostic| it.severity == Severity::Error;
        let errors = self.diagnostics.iter().filter(is_error).count();
        let plural = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            count => format!("{count} {what}s"),
        };
        let counted = match (errors, count - errors) {
            (0, warnings) => plural(warnings, "warning"),
            (errors, 0) => plural(errors, "error"),
            (errors, warnings) => plural(errors, "error") + " and " + &plural(warnings, "warning"),
        };
        let mut summary = format!("\n\n{counted}");
        if first.origin.source == last.origin.source {
            let source = &self.sources[first.origin.source];
            summary.push_str(match source.kind {
                SourceKind::File | SourceKind::Preset => " in ",
                SourceKind::Environment => " in the ",
                SourceKind::CommandLine => " on the ",
            });
            summary.push_str(&source.name);
        }
        if count > MAX_RENDERED {
            summary.push_str(&format!(", of which the first {MAX_RENDERED} are shown"));
        }
        summary
    }

    fn render_one(
        &self,
        renderer: &Renderer,
        width: Option<usize>,
        diagnostic: &Diagnostic,
    ) -> String {
        let message = wrap(&diagnostic.message, width, "warning: ".len());
        let help = diagnostic
            .help
            .as_deref()
            .map(|help| wrap(help, width, "    = help: ".len()));
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let primary = annotation(
            AnnotationKind::Primary,
            &diagnostic.origin,
            &diagnostic.label,
        );
        if diagnostic.origin == Origin::start() {
            // The problem is of the file as a whole.
            let place = annotate_snippets::Origin::path(&self.sources[0].name);
            let group = level.primary_title(&message).element(place);
            let help = help.iter().map(|help| Level::HELP.message(help));
            return renderer.render(&[group.elements(help)]);
        }
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
        let mut group = level
            .primary_title(&message)
            .element(snippet)
            .elements(elsewhere);
        let chain = inclusion_chain(&self.sources, &diagnostic.origin);
        if !chain.is_empty() {
            let chain = chain.join(", ");
            let chain = wrap(&chain, width, "    = note: ".len());
            group = group.element(Level::NOTE.message(chain));
        }
        if let Some(help) = &help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }

    fn snippet(&self, origin: &Origin) -> Snippet<'_, Annotation<'_>> {
        let source = &self.sources[origin.source];
        // The replacement has the same byte length, so spans stay valid.
        let is_control = |c: char| matches!(c, '\u{80}'..='\u{9f}');
        let text = match source.text.contains(is_control) {
            true => Cow::Owned(source.text.replace(is_control, "\u{b7}")),
            false => Cow::Borrowed(source.text.as_str()),
        };
        Snippet::source(text).path(&source.name)
    }
}

/// Breaks a text into lines of `width` columns, if that is known; continuation lines are indented by
/// at most `indent`.
fn wrap(text: &str, width: Option<usize>, indent: usize) -> String {
    match width {
        Some(width) => {
            let width = width.saturating_sub(indent).max(20);
            let options = textwrap::Options::new(width).word_splitter(NoHyphenation);
            textwrap::fill(text, options)
        }
        None => text.to_owned(),
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

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(RenderOptions::default()))
    }
}
