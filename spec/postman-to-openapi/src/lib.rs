//! Turns Postman items and collections into one OpenAPI 3.0.3 document.
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
mod document;
mod few;
mod format;
mod layout;
mod markdown;
mod marker;
mod name;
mod operation;
mod overlay;
mod placeholder;
mod postman;
mod prose;
mod request;
mod scalar;
mod schema;
mod secret;
mod shape;
mod source;
mod table;
mod variables;
mod walk;

use std::fmt;
use std::io::{self, Write};

use serde_json::Value;

pub use changes::{Change, changes};
pub use overlay::Overlay;
pub use source::Source;
pub use table::with_table;

/// Why something was refused: one sentence per fault, each saying what, where, and what to do.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// Something a person should know about the conversion.
#[derive(Clone, Debug, PartialEq)]
pub enum Note {
    /// A request that is not in the document, and why.
    LeftOut(String),
    /// A request that joined an operation already there.
    Merged(String),
    /// Anything else.
    Hint(String),
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::LeftOut(text) => write!(out, "left out: {text}"),
            Note::Merged(text) => write!(out, "merged: {text}"),
            Note::Hint(text) => write!(out, "note: {text}"),
        }
    }
}

/// How many requests became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Operations in the document.
    pub operations: usize,
    /// Requests that joined one of those operations.
    pub merged: usize,
    /// Requests and other items that are not in the document.
    pub left_out: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { operations, merged, left_out } = self;
        let requests = operations + merged + left_out;
        write!(
            out,
            "{requests} requests: {operations} operations, {merged} merged into them, {left_out} left out"
        )
    }
}

/// Reads any number of sources and makes one document of them.
pub struct Converter<F> {
    builder: document::Builder,
    say: F,
}

impl<F: FnMut(Note)> Converter<F> {
    /// A converter that tells its notes as they come.
    pub fn new(say: F) -> Self {
        Self { builder: document::Builder::default(), say }
    }

    /// Reads one source.
    ///
    /// # Errors
    ///
    /// It holds neither an item nor a collection. A broken item inside it is a note, no error.
    pub fn read(&mut self, source: &Source) -> Result<(), Error> {
        walk::source(source, &mut self.builder, &mut self.say)
    }

    /// Makes the document, with what the overlay knows better.
    ///
    /// # Errors
    ///
    /// The overlay touches what is not there.
    pub fn finish(mut self, overlay: Option<&Overlay>) -> Result<Converted, Error> {
        let (merged, left_out) = (self.builder.merged, self.builder.left_out);
        let mut document = self.builder.finish(&mut self.say);
        let counts = Counts { operations: document.operations(), merged, left_out };
        if !overlay.is_some_and(|overlay| overlay.speaks_of("servers")) {
            for variable in document.open_variables() {
                (self.say)(Note::Hint(format!(
                    "the server's {{{{{variable}}}}} has no value in the input and is kept as a variable; \
                     give the servers in the overlay"
                )));
            }
        }
        let Some(overlay) = overlay else {
            for name in document.drop_unknown_flows() {
                (self.say)(unknown_flow(&name));
            }
            return Ok(Converted { form: Form::Document(Box::new(document)), counts });
        };
        let mut patched = serde_json::to_value(&document).map_err(|error| {
            Error::new(format!("the document cannot be written as JSON ({error}); report this"))
        })?;
        drop(document);
        overlay.apply(&mut patched)?;
        for name in drop_unknown_flows(&mut patched) {
            (self.say)(unknown_flow(&name));
        }
        Ok(Converted { form: Form::Patched(patched), counts })
    }
}

fn unknown_flow(name: &str) -> Note {
    Note::Hint(format!(
        "no input tells the URLs of the security scheme {name}, so its flow is left open; give them in the overlay"
    ))
}

/// OpenAPI allows a flow only with all its URLs.
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

/// A finished document.
pub struct Converted {
    form: Form,
    /// How many requests became what.
    pub counts: Counts,
}

enum Form {
    Document(Box<document::Document>),
    Patched(Value),
}

impl Converted {
    /// Writes the document, pretty-printed and ending in a line break.
    ///
    /// # Errors
    ///
    /// Whatever writing fails with.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        match &self.form {
            Form::Document(document) => serde_json::to_writer_pretty(&mut out, document)?,
            Form::Patched(value) => serde_json::to_writer_pretty(&mut out, value)?,
        }
        out.write_all(b"\n")
    }

    /// The document as [`Converted::write`] writes it.
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory does not fail, and serde_json writes nothing but UTF-8.
        let _ = self.write(&mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}
