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
mod context;
mod document;
mod few;
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
mod request;
mod scalar;
mod schema;
mod secret;
mod shape;
mod source;
mod summary;
mod table;
mod text;
mod variables;
mod walk;

use std::fmt;
use std::io::{self, BufWriter, Write};

use serde::Serialize;
use serde_json::Value;

pub use changes::{Change, changes};
pub use overlay::Overlay;
pub use source::Source;
pub use summary::summary;
pub use table::with_table;
pub use text::printable;

/// Why something was refused: one sentence per fault, each saying what, where, and what to do.
#[derive(Debug)]
pub struct Error(Vec<String>);

impl Error {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self(vec![sentence.into()])
    }

    pub(crate) fn all(sentences: impl Iterator<Item = String>) -> Self {
        Self(sentences.collect())
    }

    /// The sentences, as they are: what came from an input may hold line breaks.
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

/// Something a person should know about the conversion.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// What it means for the document.
    pub effect: Effect,
    /// What all notes of its kind say.
    pub topic: &'static str,
    /// Where in the input or the document; empty where the text says so.
    pub place: String,
    /// What this one says.
    pub text: String,
}

/// What a note means for the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A request is not in the document.
    LeftOut,
    /// A request joined an operation already there.
    Merged,
    /// Anything else.
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

/// How many requests became what.
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
        write!(
            out,
            "{requests} requests: {operations} operations, {merged} merged into them, {left_out} left out"
        )?;
        if *removed > 0 {
            write!(out, ", {removed} removed by the overlay")?;
        }
        Ok(())
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
    /// It holds neither an item nor a collection, or no request at all. A broken item inside it is a note.
    pub fn read(&mut self, source: &Source) -> Result<(), Error> {
        let before = self.builder.requests();
        walk::source(source, &mut self.builder, &mut self.say)?;
        if self.builder.requests() > before {
            return Ok(());
        }
        Err(Error::new(format!(
            "{}: this holds no request; export an item or a collection with items",
            source.name
        )))
    }

    /// Makes the document, with what the overlay knows better.
    ///
    /// # Errors
    ///
    /// The overlay touches what is not there, or makes the document invalid.
    pub fn finish(mut self, overlay: Option<&Overlay>) -> Result<Converted, Error> {
        let (merged, left_out) = (self.builder.merged, self.builder.left_out);
        let servers_are_given = overlay.is_some_and(|overlay| overlay.speaks_of("servers"));
        let mut document = self.builder.finish(servers_are_given, &mut self.say);
        let operations = document.operations().count();
        let counts = Counts { operations, merged, left_out, removed: 0 };
        if !servers_are_given {
            for variable in document.open_variables() {
                (self.say)(Note::hint(
                    "a server's variable has no value in the input and is kept as one; give the servers in the overlay",
                    "",
                    format!(
                        "the server's {{{{{variable}}}}} has no value in the input and is kept as a variable; \
                         give the servers in the overlay"
                    ),
                ));
            }
        }
        let Some(overlay) = overlay else {
            for name in document.drop_unknown_flows() {
                (self.say)(unknown_flow(&name));
            }
            return Ok(Converted { form: Form::Document(Box::new(document)), counts });
        };
        let mut text = Vec::new();
        let written = write_pretty(&document, &mut text);
        let mut patched = written.and_then(|()| Ok(serde_json::from_slice(&text)?)).map_err(|error| {
            Error::new(format!("the document cannot be written as JSON ({error}); report this"))
        })?;
        overlay.apply(&mut patched)?;
        let kept = document.operations().filter(|(path, method, _)| {
            patched.get("paths").and_then(|paths| paths.get(path)?.get(method.name())).is_some()
        });
        let (operations, requests) =
            kept.fold((0, 0), |(count, sum), (.., requests)| (count + 1, sum + requests));
        let removed = counts.operations + counts.merged - requests;
        let counts = Counts { operations, merged: requests - operations, removed, ..counts };
        for name in drop_unknown_flows(&mut patched) {
            (self.say)(unknown_flow(&name));
        }
        Ok(Converted { form: Form::Patched(patched), counts })
    }
}

fn unknown_flow(name: &str) -> Note {
    Note::hint(
        "no input gives the URLs of a security scheme, so its flow is left open; give them in the overlay",
        "",
        format!(
            "no input gives the URLs of the security scheme {name}, so its flow is left open; give them in the overlay"
        ),
    )
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
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match &self.form {
            Form::Document(document) => write_pretty(document, out),
            Form::Patched(value) => write_pretty(value, out),
        }
    }

    /// The document as [`Converted::write`] writes it.
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory does not fail, and serde_json writes nothing but UTF-8.
        let _ = self.write(&mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}

/// Buffers here, so that however many kinds of outputs there are, the code that writes a document exists once.
fn write_pretty(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()
}
