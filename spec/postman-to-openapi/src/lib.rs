//! Converts Postman items and collections into one OpenAPI 3.0.3 document.
//!
//! ```
//! use postman_to_openapi::{Converter, Source};
//!
//! let item = br#"{"name": "Get a pet", "request": {"method": "GET", "url": "https://a.example/pets/:petId"}}"#;
//! let mut converter = Converter::new(|note| eprintln!("{note}"));
//! converter.read(&Source::new("pet.json", item.to_vec())?)?;
//! let converted = converter.finish(None)?;
//! assert!(converted.to_text().contains("\"operationId\": \"getPet\""));
//! # Ok::<(), postman_to_openapi::Error>(())
//! ```

mod address;
mod answer;
mod auth;
mod body;
mod changes;
mod content;
mod context;
mod document;
mod format;
mod grammar;
mod json;
mod markdown;
mod marker;
mod method;
mod name;
mod operation;
mod overlay;
mod placeholder;
mod postman;
mod prose;
mod references;
mod request;
mod scalar;
mod schema;
mod secret;
mod shape;
mod source;
mod summary;
mod table;
mod template;
mod text;
mod variables;
mod walk;

use std::fmt;
use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Value;

use variables::Variables;

pub use changes::{Change, changes};
pub use overlay::Overlay;
pub use source::Source;
pub use summary::summary;
pub use table::with_table;
pub use text::printable;

/// Why an input or overlay was refused: one sentence per problem, saying what is wrong, where, and what to do.
#[derive(Debug)]
pub struct Error(Vec<String>);

impl Error {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(vec![sentence.into()])
    }

    pub(crate) fn all(sentences: impl Iterator<Item = String>) -> Self {
        Self(sentences.collect())
    }

    /// The sentences, unescaped: parts that come from an input may contain line breaks.
    pub fn sentences(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(|sentence| printable(sentence)).collect();
        out.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Error {}

/// Something the user should know about the conversion.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// How the document is affected.
    pub effect: Effect,
    /// What all notes of this kind have in common.
    pub topic: &'static str,
    /// The place in the input or the document; empty if the text names it.
    pub place: String,
    /// The note itself.
    pub text: String,
}

/// How a note affects the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A request was left out of the document.
    LeftOut,
    /// A request was merged into an existing operation.
    Merged,
    /// Anything else worth knowing.
    Hint,
}

impl Note {
    fn hint(topic: &'static str, place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { effect: Effect::Hint, topic, place: place.into(), text: text.into() }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Effect::LeftOut => "left out",
            Effect::Merged => "merged",
            Effect::Hint => "note",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.place.is_empty() { "" } else { ": " };
        write!(out, "{}: {}{between}{}", self.effect, printable(&self.place), printable(&self.text))
    }
}

/// What became of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations in the document.
    pub operations: usize,
    /// Requests that joined one of those operations.
    pub merged: usize,
    /// Requests and other items that are not in the document.
    pub left_out: usize,
    /// Requests whose operation the overlay removed.
    pub removed: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { operations, merged, left_out, removed } = self;
        let requests = operations + merged + left_out + removed;
        write!(out, "requests: {requests}; operations: {operations}, merged: {merged}, left out: {left_out}")?;
        if *removed > 0 {
            write!(out, ", removed by the overlay: {removed}")?;
        }
        Ok(())
    }
}

/// Reads any number of sources and converts them into one document.
pub struct Converter<F> {
    builder: document::Builder,
    environment: Variables<'static>,
    say: F,
}

impl<F: FnMut(Note)> Converter<F> {
    /// Creates a converter that passes each note to `say` as it arises.
    pub fn new(say: F) -> Self {
        Self { builder: document::Builder::default(), environment: Variables::default(), say }
    }

    /// Reads an environment, whose values the variables have that have none in the sources read after it. A source that
    /// is not an environment has none.
    pub fn read_environment(&mut self, source: &Source) {
        self.environment = Variables::read(source.environment(), None, &mut self.builder.secrets);
    }

    /// Reads one source.
    ///
    /// # Errors
    ///
    /// The source is neither an item nor a collection, or contains no requests. A broken item inside it is a note.
    pub fn read(&mut self, source: &Source) -> Result<(), Error> {
        let before = self.builder.requests();
        walk::source(source, &self.environment, &mut self.builder, &mut self.say)?;
        if self.builder.requests() > before {
            return Ok(());
        }
        Err(Error::new(format!(
            "{}: the file contains no requests; export an item, or a collection with items",
            source.name
        )))
    }

    /// Finishes the document and applies the overlay.
    ///
    /// # Errors
    ///
    /// The overlay changes something that does not exist, or makes the document invalid.
    pub fn finish(mut self, overlay: Option<&Overlay>) -> Result<Converted, Error> {
        let (merged, left_out) = (self.builder.merged, self.builder.left_out);
        let servers_are_given = overlay.is_some_and(|overlay| overlay.changes("servers"));
        let (mut document, mask) = self.builder.finish(servers_are_given, &mut self.say);
        let operations = document.operations().count();
        let counts = Counts { operations, merged, left_out, removed: 0 };
        if !servers_are_given {
            for variable in document.open_variables() {
                (self.say)(Note::hint(
                    "a server variable has no value in the input and stays a variable; define the servers in the overlay",
                    "",
                    format!(
                        "the server variable {{{{{variable}}}}} has no value in the input and stays a variable; \
                         define the servers in the overlay"
                    ),
                ));
            }
        }
        let Some(overlay) = overlay else {
            for name in document.drop_unknown_flows() {
                (self.say)(unknown_flow(&name));
            }
            let hidden = mask.remaining(&document).map_err(unwritable)?;
            let form = hidden.map_or_else(|| Form::Document(Box::new(document)), Form::Value);
            return Ok(Converted { form, counts });
        };
        let hidden = mask.remaining(&document).map_err(unwritable)?;
        let mut patched = hidden.map_or_else(|| serde_json::to_value(&document), Ok).map_err(unwritable)?;
        overlay.apply(&mut patched)?;
        let kept = document.operations().filter(|(path, method, _)| {
            patched.get("paths").and_then(|paths| paths.get(path)?.get(method.name())).is_some()
        });
        let (operations, requests) = kept.fold((0, 0), |(count, sum), (.., requests)| (count + 1, sum + requests));
        let removed = counts.operations + counts.merged - requests;
        let counts = Counts { operations, merged: requests - operations, removed, ..counts };
        for name in drop_unknown_flows(&mut patched) {
            (self.say)(unknown_flow(&name));
        }
        Ok(Converted { form: Form::Value(patched), counts })
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::new(format!("the document cannot be written as JSON ({error}); please report this bug"))
}

fn unknown_flow(name: &str) -> Note {
    Note::hint(
        "no input has the URLs of a security scheme, so its flow is left out; add them in the overlay",
        "",
        format!(
            "no input has the URLs of the security scheme {name}, so its flow is left out; add them in the overlay"
        ),
    )
}

/// Drops OAuth flows with missing URLs, which OpenAPI does not allow. Returns the names of their schemes.
fn drop_unknown_flows(document: &mut Value) -> Vec<String> {
    let mut named = Vec::new();
    let schemes = document.pointer_mut("/components/securitySchemes").and_then(Value::as_object_mut);
    for (name, scheme) in schemes.into_iter().flatten() {
        let Some(flows) = scheme.get_mut("flows").and_then(Value::as_object_mut) else { continue };
        let before = flows.len();
        flows.retain(|flow, known| {
            auth::urls(flow)
                .iter()
                .all(|url| known.get(*url).and_then(Value::as_str).is_some_and(|url| !url.is_empty()))
        });
        if flows.len() < before {
            named.push(name.clone());
        }
    }
    named
}

/// The finished document.
pub struct Converted {
    form: Form,
    /// What became of the requests.
    pub counts: Counts,
}

enum Form {
    Document(Box<document::Document>),
    Value(Value),
}

impl Converted {
    /// Writes the document, pretty-printed and ending in a line break.
    ///
    /// # Errors
    ///
    /// The errors of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.form {
            Form::Document(document) => write_pretty(document, out),
            Form::Value(value) => write_pretty(value, out),
        }
    }

    /// The document as [`Converted::write`] writes it.
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory does not fail, and serde_json writes only UTF-8.
        let _ = self.write(&mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// Takes any output behind one type, so that the code that writes a document is compiled only once.
fn write_pretty(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()
}
