//! Documented responses: a request's saved responses, joined by status.

use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::body;
use crate::content::{self, Content, Field, FieldSchema};
use crate::context::Context;
use crate::name;
use crate::postman::{self, Response};
use crate::prose::{self, ErrorCode};
use crate::schema::{Members, write_text};
use crate::secret::{self, Mask};

/// An HTTP status, or the default response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// 100 to 599.
    Code(u16),
    /// The exporter omits the code of a default response.
    Default,
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Code(code) => write!(out, "{code}"),
            Status::Default => out.write_str("default"),
        }
    }
}

/// A documented response.
#[derive(Debug, Default)]
pub struct Answer {
    /// Markdown, one text per saved response, without repetitions.
    pub descriptions: Vec<String>,
    /// The service's own error codes.
    pub codes: Vec<ErrorCode>,
    /// How long to wait before a retry, in seconds.
    pub retry_after: Option<u64>,
    /// Headers, without their values.
    pub headers: Vec<Field>,
    /// Bodies, by media type.
    pub bodies: Vec<Content>,
    /// Whether it is a success of which a sample has no content.
    pub empty: bool,
}

impl Answer {
    /// Joins another saved response of the same status.
    pub fn join(&mut self, other: Answer) {
        for description in other.descriptions {
            if !self.descriptions.contains(&description) {
                self.descriptions.push(description);
            }
        }
        for code in other.codes {
            match self.codes.iter_mut().find(|known| known.code == code.code) {
                Some(known) => content::longer(&mut known.message, code.message),
                None => self.codes.push(code),
            }
        }
        self.retry_after = self.retry_after.max(other.retry_after);
        self.empty |= other.empty;
        other.headers.into_iter().for_each(|header| self.add_header(header));
        other.bodies.into_iter().for_each(|body| content::join(&mut self.bodies, body));
    }

    /// Adds a header; a response may have several of one name.
    fn add_header(&mut self, header: Field) {
        match self.headers.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&header.name)) {
            Some(known) => known.join(header),
            None => self.headers.push(header),
        }
    }

    /// Hides known credentials, and sorts what came in input order. Returns whether a part of a schema was left open.
    pub fn settle(&mut self, mask: &Mask, merged: bool) -> bool {
        self.descriptions.iter_mut().for_each(|text| mask.in_text(text));
        self.codes.iter_mut().for_each(|code| mask.in_text(&mut code.message));
        // A success that never has content is described without any, so that no client tries to decode it.
        self.bodies.retain(|body| !body.empty);
        if self.empty {
            // A client can then read an empty response as null.
            let json = self.bodies.iter_mut().filter(|body| body::is_json(&body.media_type));
            json.for_each(Content::allow_null);
        }
        let mut is_cut = false;
        for body in &mut self.bodies {
            is_cut |= body.settle(mask, merged);
        }
        self.bodies.sort_by(|a, b| a.media_type.cmp(&b.media_type));
        for header in &mut self.headers {
            mask.in_text(&mut header.description.text);
            header.settle();
        }
        self.headers.sort_by(|a, b| a.name.cmp(&b.name));
        if merged {
            self.descriptions.sort();
            self.codes.sort_by_key(|code| code.code);
        }
        is_cut
    }

    fn description(&self) -> String {
        if self.descriptions.is_empty() { "No description.".to_owned() } else { self.descriptions.join("\n\n") }
    }
}

/// A saved response's status, and what its name documents.
pub fn said(response: &Response<'_>) -> (Option<u16>, prose::ResponseName) {
    let code = postman::text(response.code).and_then(|code| code.trim().parse().ok());
    let code = code.filter(|code| (100..600).contains(code));
    (code, prose::response_name(&postman::description(response.name).unwrap_or_default(), code))
}

/// Reads a saved response.
pub fn read(response: &Response<'_>, context: &mut Context<'_, '_>) -> (Status, Answer) {
    let name = postman::description(response.name).unwrap_or_default();
    let (code, said) = said(response);
    if said.cut {
        context.note(
            "the text of a response is as long as the exporter allows, so error codes may be missing",
            format!(
                "the text of its response {} is as long as the exporter allows ({} characters), so error codes may be missing",
                code.map_or(Status::Default, Status::Code),
                name.encode_utf16().count()
            ),
        );
    }
    let mut answer = Answer { codes: said.codes, ..Answer::default() };
    if code == Some(429) {
        answer.retry_after = prose::retry_after(&name);
    }
    if !said.description.is_empty() {
        answer.descriptions.push(said.description);
    }
    let mut content_type = None;
    for [name, value, description] in &context.headers(response.header) {
        if name.eq_ignore_ascii_case("content-type") {
            content_type = body::media_type(value);
        } else if secret::is_credential(name) {
            context.secrets.learn(value);
        }
        if let Some(header) = documented(name, value, description, context.exported) {
            answer.add_header(header);
        }
    }
    let text = postman::body(response.body);
    let is_empty = text.as_deref().map_or(Some(Empty::Text), empty);
    answer.empty = matches!((code, &is_empty), (Some(200..300), Some(Empty::Text)));
    if let Some(text) = text {
        let language = postman::text(response.language);
        // Plain text is the default label of the exporter and the app, even for JSON.
        let language = language.filter(|language| !matches!(&**language, "text" | "Text" | "auto"));
        let label = content_type.filter(|media| !(media == "text/plain" && body::looks_like_json(&text)));
        match (code, is_empty) {
            (Some(204 | 205), Some(_)) | (Some(200..300), Some(Empty::Text)) => {}
            (Some(code @ (204 | 205)), None) => context.note(
                "a response has a body although its status does not allow one; the body is left out",
                format!(
                    "its response {code} has a body although HTTP does not allow one with this status; the body is left out"
                ),
            ),
            (code, is_empty) => {
                let name = answer.descriptions.first().map_or("Answer", String::as_str);
                // Presence in a single sample proves nothing.
                let mut body =
                    body::text_body(&text, label.as_deref(), language.as_deref(), name, 2, context);
                body.empty = is_empty.is_some() && matches!(code, Some(200..300));
                answer.bodies.push(body);
            }
        }
    }
    (code.map_or(Status::Default, Status::Code), answer)
}

/// The kinds of empty bodies.
enum Empty {
    /// `""`
    Text,
    /// `{}` or `null`
    Json,
}

fn empty(text: &str) -> Option<Empty> {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).take(5).collect();
    match text.as_str() {
        "" | "\"\"" => Some(Empty::Text),
        "{}" | "null" => Some(Empty::Json),
        _ => None,
    }
}

/// A response header, unless it is one that every server or proxy sends.
fn documented(name: &str, value: &str, description: &str, exported: bool) -> Option<Field> {
    const EVERYWHERE: &str = "accept-ranges age allow alt-svc cache-control cf-cache-status cf-ray connection content-encoding \
        content-language content-length content-security-policy content-type date etag expires \
        feature-policy keep-alive last-modified nel p3p permissions-policy pragma referrer-policy report-to \
        server set-cookie strict-transport-security transfer-encoding vary via x-aspnet-version \
        x-content-type-options x-download-options x-frame-options x-permitted-cross-domain-policies \
        x-powered-by x-xss-protection";
    let lower = name.to_ascii_lowercase();
    if name::has(EVERYWHERE, &lower) || lower.starts_with("access-control-") || !postman::is_header_name(name) {
        return None;
    }
    let mut field = Field::described(name.to_owned(), description.into(), exported);
    field.take_value(value);
    field.example = None;
    Some(field)
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        let description = self.description();
        map.serialize_entry("description", &description)?;
        if let Some(seconds) = self.retry_after {
            map.serialize_entry("x-retry-after-seconds", &seconds)?;
        }
        if !self.codes.is_empty() {
            map.serialize_entry("x-error-codes", &self.codes)?;
        }
        if !self.headers.is_empty() {
            let headers = self.headers.iter().map(|field| (&field.name, Header(field)));
            map.serialize_entry("headers", &Members(headers))?;
        }
        if !self.bodies.is_empty() {
            map.serialize_entry("content", &content::contents(&self.bodies, &description))?;
        }
        map.end()
    }
}

struct Header<'a>(&'a Field);

impl Serialize for Header<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        write_text(&mut map, "description", &self.0.description)?;
        map.serialize_entry("schema", &FieldSchema { field: self.0, described: false })?;
        map.end()
    }
}
