//! A generated body on its way into a request: checked against the description, then encoded as it says.

use std::fmt;

use bytes::Bytes;
use progenitor_client::RequestBuilderExt;
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;

use crate::fields::{Field, Fields};
use crate::file::FilePart;
pub(crate) use crate::inspect::Inspected;
use crate::multipart;
use crate::operation::Operation;

/// How a body whose description says `multipart/form-data` is sent.
///
/// The Postman items say multipart, so that is the default. Every other public client of these operations sends
/// JSON, which Zoom's own earlier description lists beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyEncoding {
    /// As the description says: `multipart/form-data`, one text part per field.
    #[default]
    Described,
    /// `application/json` in place of `multipart/form-data`.
    Json,
}

/// A body or an answer that the description has no schema for: bytes as they are.
///
/// Its `Debug` prints the length alone: nobody knows whether the bytes hold a secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RawBody(Bytes);

impl fmt::Debug for RawBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawBody({} bytes)", self.0.len())
    }
}

impl RawBody {
    /// The bytes; cheap to clone.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl AsRef<[u8]> for RawBody {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

macro_rules! raw_body_from {
    ($($type:ty),*) => {$(
        impl From<$type> for RawBody {
            fn from(body: $type) -> Self {
                Self(body.into())
            }
        }
    )*};
}
raw_body_from!(Bytes, Vec<u8>, String, &'static str, &'static [u8]);

/// What a request is built for.
pub(crate) enum Purpose<'i> {
    /// To be sent: its body is encoded for the wire.
    Send,
    /// To learn what its body holds, without encoding it.
    Inspect(&'i mut Inspected),
}

/// A field that is a file, or several.
pub(crate) type Parts<'f> = (&'f str, &'f [FilePart]);

/// What the generated code calls in place of `RequestBuilder::json`; an error is the sentence that refuses the body.
pub(crate) trait Attach: Sized {
    fn attach(
        self,
        operation: &Operation,
        encoding: BodyEncoding,
        body: &impl Serialize,
        files: &[Parts<'_>],
        purpose: &mut Purpose<'_>,
    ) -> Result<Self, String>;

    #[allow(dead_code)] // the description says whether there is such a body
    fn attach_raw(self, operation: &Operation, body: &RawBody, purpose: &Purpose<'_>) -> Self;
}

impl Attach for RequestBuilder {
    fn attach(
        self,
        operation: &Operation,
        encoding: BodyEncoding,
        body: &impl Serialize,
        files: &[Parts<'_>],
        purpose: &mut Purpose<'_>,
    ) -> Result<Self, String> {
        if let Purpose::Inspect(inspected) = purpose {
            **inspected = Inspected::of(body);
            return Ok(self);
        }
        let media_type = operation.media_type.unwrap_or("application/json");
        let is_multipart = media_type.starts_with("multipart/form-data");
        let is_form = is_multipart || media_type.starts_with("application/x-www-form-urlencoded");
        let fields = match is_form || !operation.lengths.is_empty() {
            true => Fields::of(body, operation.lengths)?,
            false => None,
        };
        let has_file = files.iter().any(|(_, files)| !files.is_empty());
        if has_file && encoding == BodyEncoding::Json {
            return Err("a file cannot be sent as JSON: leave `body_encoding` as it is".to_owned());
        }
        match fields {
            Some(fields) if is_form && !has_file && fields.iter().next().is_none() => {
                match operation.body_required {
                    true => Err("the body has no field: set at least one".to_owned()),
                    false => Ok(self),
                }
            }
            Some(fields) if is_multipart && encoding == BodyEncoding::Described => {
                // A list of files is a list of nothing among the texts.
                let is_text = |(name, _): &Field<'_>| !files.iter().any(|(file, _)| file == name);
                let form = multipart::encode(fields.iter().filter(is_text), files)?;
                let content_type = format!("multipart/form-data; boundary={}", form.boundary);
                Ok(self.header(CONTENT_TYPE, content_type).body(form.body))
            }
            Some(fields) if is_form && !is_multipart => {
                RequestBuilderExt::<()>::form_urlencoded(self, &fields.iter().collect::<Vec<_>>())
                    .map_err(|_| "the body cannot be sent as a form".to_owned())
            }
            _ => {
                let json =
                    serde_json::to_vec(body).map_err(|error| format!("the body is no JSON: {error}"))?;
                let content_type = if is_form { "application/json" } else { media_type };
                Ok(self.header(CONTENT_TYPE, content_type).body(json))
            }
        }
    }

    fn attach_raw(self, operation: &Operation, body: &RawBody, purpose: &Purpose<'_>) -> Self {
        if let Purpose::Inspect(_) = purpose {
            return self;
        }
        let media_type = operation.media_type.unwrap_or("application/octet-stream");
        self.header(CONTENT_TYPE, media_type).body(body.0.clone())
    }
}
