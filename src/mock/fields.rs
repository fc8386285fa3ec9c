//! The fields of a body: read according to its media type and checked against its schema.

use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use hyper::header::{self, HeaderMap};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use super::answer::Answer;
use super::schemas::{Document, items, member, type_of};

pub const FORM: &str = "application/x-www-form-urlencoded";
pub const JSON: &str = "application/json";
pub const MULTIPART: &str = "multipart/form-data";

pub struct BodyRules {
    /// The media types that are accepted: the described ones and JSON, unless others were set.
    pub media_types: Vec<String>,
    pub is_required: bool,
    /// The schema of each described media type.
    pub schemas: Vec<(String, Value)>,
}

impl BodyRules {
    pub fn read(described: &Value) -> Option<BodyRules> {
        let content = described["content"].as_object().filter(|content| !content.is_empty())?;
        let schemas = content.iter().map(|(media_type, body)| (essence(media_type), body["schema"].clone()));
        let schemas: Vec<(String, Value)> = schemas.collect();
        let mut media_types: Vec<String> = schemas.iter().map(|(media_type, _)| media_type.clone()).collect();
        if !media_types.iter().any(|media_type| media_type == JSON) {
            media_types.push(JSON.to_owned());
        }
        Some(BodyRules { media_types, is_required: described["required"] == true, schemas })
    }

    /// The schema for a media type. One that is accepted without being described has the fields of the first.
    fn schema(&self, media_type: &str) -> &Value {
        let described = self.schemas.iter().find(|(described, _)| described == media_type);
        described.or(self.schemas.first()).map_or(&Value::Null, |(_, schema)| schema)
    }

    /// The fields as values of their types, or the refusal.
    pub fn check(
        &self,
        document: &Document,
        headers: &HeaderMap,
        body: &Bytes,
        content: &Result<Content, String>,
    ) -> Result<Map<String, Value>, Answer> {
        let media_type = media_type(headers);
        if media_type.is_none() && body.is_empty() && !self.is_required {
            return Ok(Map::new());
        }
        let Some(media_type) = media_type.filter(|sent| self.media_types.contains(sent)) else {
            let message = match self.media_types.is_empty() {
                true => "Unsupported media type.".to_owned(),
                false => format!("Unsupported media type; send {}.", self.media_types.join(" or ")),
            };
            return Err(Answer::error(415, 415, &message));
        };
        if !is_json(&media_type) && ![FORM, MULTIPART].contains(&media_type.as_str()) {
            // Raw bytes have no fields to check.
            return Ok(Map::new());
        }
        let schema = document.schema(self.schema(&media_type));
        let mut wrong = Vec::new();
        let mut sent: Vec<(&str, Value)> = Vec::new();
        match (content.as_ref().map_err(|message| Answer::error(400, 300, message))?, type_of(&schema)) {
            (Content::Whole(_), Some("object")) => {
                return Err(Answer::error(400, 300, "Request Body should be a valid JSON object."));
            }
            (Content::Whole(value), _) => check(document, &schema, value, "", &mut wrong),
            (Content::Fields(_), Some(other)) if other != "object" => {
                check(document, &schema, &json!({}), "", &mut wrong);
            }
            (Content::Fields(fields), _) if fields.is_empty() => {
                return Err(Answer::error(400, 300, "The request body has no fields."));
            }
            (Content::Fields(fields), _) => {
                for (name, value) in fields {
                    let described = document.schema(member(&schema, name).unwrap_or(&Value::Null));
                    // In a form, a list is one part for each item.
                    let is_list = !is_json(&media_type) && type_of(&described) == Some("array");
                    let of = if is_list { document.schema(&described["items"]) } else { described };
                    let value = match value {
                        // A JSON value has a type already; a text part gets it from the schema.
                        Value::String(text) if !is_json(&media_type) => from_text(&of, text),
                        value => value.clone(),
                    };
                    match sent.iter_mut().find(|(other, _)| is_list && other == name) {
                        Some((_, Value::Array(items))) => items.push(value),
                        _ if is_list => sent.push((name, json!([value]))),
                        _ => sent.push((name, value)),
                    }
                }
                let sent = sent.iter().map(|(name, value)| (*name, value));
                check_members(document, &schema, sent, "", &mut wrong);
            }
        }
        if !wrong.is_empty() {
            let envelope = json!({ "code": 300, "message": "Validation Failed.", "errors": wrong });
            return Err(Answer::status(400).json(&envelope));
        }
        Ok(sent.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

/// What a body holds.
pub enum Content {
    Fields(Fields),
    /// JSON that is not an object.
    Whole(Value),
}

/// The fields of a body in the order sent; those of a form are text.
pub type Fields = Vec<(String, Value)>;

/// Reads a body according to its `Content-Type`; one of an unknown media type has no fields.
pub async fn read_content(headers: &HeaderMap, body: Bytes) -> Result<Content, String> {
    let fields = match media_type(headers).as_deref() {
        Some(MULTIPART) => {
            let boundary = multer::parse_boundary(content_type(headers).unwrap_or_default());
            let boundary = boundary.map_err(|_| "Malformed multipart body: no boundary.")?;
            let stream = BodyDataStream::new(Full::new(body));
            read_multipart(multer::Multipart::new(stream, boundary)).await?
        }
        Some(json) if is_json(json) => match serde_json::from_slice(&body) {
            Ok(JsonFields(fields)) => fields,
            Err(_) => {
                let whole = serde_json::from_slice(&body).map(Content::Whole);
                return whole.map_err(|_| "Request Body should be valid JSON.".to_owned());
            }
        },
        Some(FORM) => {
            let text = std::str::from_utf8(&body).map_err(|_| "Malformed form body: not UTF-8.")?;
            form_fields(text).into_iter().map(|(name, value)| (name, Value::String(value))).collect()
        }
        _ => Vec::new(),
    };
    Ok(Content::Fields(fields))
}

async fn read_multipart(mut parts: multer::Multipart<'_>) -> Result<Fields, String> {
    let malformed = |error: multer::Error| format!("Malformed multipart body: {error}.");
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(malformed)? {
        let name = part.name().ok_or("Malformed multipart body: a part has no name.")?.to_owned();
        let is_file = part.file_name().is_some();
        let value = part.bytes().await.map_err(malformed)?.to_vec();
        let value = match is_file {
            true => String::from_utf8_lossy(&value).into_owned(),
            false => {
                String::from_utf8(value).map_err(|_| "Malformed multipart body: a part is not UTF-8.")?
            }
        };
        fields.push((name, Value::String(value)));
    }
    Ok(fields)
}

/// A JSON object that keeps the order of its members, and both members if a name is sent twice.
struct JsonFields(Fields);

impl<'de> Deserialize<'de> for JsonFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = JsonFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(JsonFields(fields))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// The media type without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    content_type(headers).map(essence)
}

pub fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// `media_type` must not have parameters.
pub fn is_json(media_type: &str) -> bool {
    media_type == JSON || media_type.ends_with("+json")
}

pub fn form_fields(text: &str) -> Vec<(String, String)> {
    let Ok(mut url) = reqwest::Url::parse("http://localhost/") else { return Vec::new() };
    url.set_query(Some(text));
    url.query_pairs().into_owned().collect()
}

pub fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

/// A text part converted to its schema's type. What cannot be converted stays text, which `check` then refuses.
fn from_text(schema: &Value, text: &str) -> Value {
    match type_of(schema) {
        Some("string") | None => Value::from(text),
        Some(_) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

/// Checks a value against its schema. The messages never repeat the value: it may be a stream key.
fn check(document: &Document, schema: &Value, value: &Value, field: &str, wrong: &mut Vec<Value>) {
    let schema = document.schema(schema);
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    let mut refuse = |message: String| wrong.push(json!({ "field": field, "message": message }));
    let limit =
        |name: &str| schema[name].as_u64().unwrap_or(if name.starts_with("min") { 0 } else { u64::MAX });
    match (type_of(&schema), value) {
        (Some("string"), Value::String(text)) => {
            let (length, least, most) = (text.chars().count() as u64, limit("minLength"), limit("maxLength"));
            if length < least {
                refuse(format!("Must have at least {least} characters, has {length}."));
            }
            if length > most {
                refuse(format!("Must have at most {most} characters, has {length}."));
            }
            if schema["format"] == "uri" && reqwest::Url::parse(text).is_err() {
                refuse("Must be an absolute URL.".to_owned());
            }
        }
        (Some("integer"), Value::Number(number)) if !number.is_f64() => {}
        (Some("number"), Value::Number(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => {}
        (Some("array"), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                check(document, &schema["items"], item, &format!("{field}[{index}]"), wrong);
            }
        }
        (Some("object"), Value::Object(object)) => {
            let sent = object.iter().map(|(name, value)| (name.as_str(), value));
            check_members(document, &schema, sent, &format!("{field}."), wrong);
        }
        (Some(name), _) => return refuse(format!("Must be of type {name}.")),
    }
    if let Some(values) = schema["enum"].as_array().filter(|values| !values.contains(value)) {
        let values: Vec<String> = values.iter().cloned().map(as_text).collect();
        wrong.push(json!({ "field": field, "message": format!("Must be one of {}.", values.join(", ")) }));
    }
}

/// Checks that the members of an object are known, valid and sent once, and that none is missing.
fn check_members<'a>(
    document: &Document,
    schema: &Value,
    sent: impl Iterator<Item = (&'a str, &'a Value)>,
    prefix: &str,
    wrong: &mut Vec<Value>,
) {
    let mut seen = Vec::new();
    for (name, value) in sent {
        let field = format!("{prefix}{name}");
        match member(schema, name) {
            _ if seen.contains(&name) => wrong.push(json!({ "field": field, "message": "Sent twice." })),
            Some(schema) => check(document, schema, value, &field, wrong),
            None => wrong.push(json!({ "field": field, "message": "Unknown field." })),
        }
        seen.push(name);
    }
    let required = items(&schema["required"]).filter_map(Value::as_str);
    for name in required.filter(|name| !seen.contains(name)) {
        wrong.push(json!({ "field": format!("{prefix}{name}"), "message": "Required field." }));
    }
}
