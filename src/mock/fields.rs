//! The fields of a body: read according to its media type and checked against its schema.

use bytes::Bytes;
use http_body_util::{BodyDataStream, Full};
use hyper::{header, header::HeaderMap};
use serde_json::{Map, Value, json};

use super::description::{items, members};

pub const JSON: &str = "application/json";
pub const MULTIPART: &str = "multipart/form-data";

/// The fields of a body; those of a form are texts in the order sent.
pub type Fields = Vec<(String, Value)>;

pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// The media type without its parameters, in lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let essence = content_type(headers)?.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Reads a body according to its `Content-Type`; one of an unknown media type has no fields.
pub async fn read(headers: &HeaderMap, body: Bytes) -> Result<Fields, String> {
    match media_type(headers).as_deref() {
        Some(MULTIPART) => {
            read_multipart(headers, body).await.map_err(|why| format!("Malformed multipart form: {why}."))
        }
        Some(JSON) => match serde_json::from_slice::<Map<String, Value>>(&body) {
            Ok(fields) => Ok(fields.into_iter().collect()),
            Err(_) => Err("Request Body should be a valid JSON object.".to_owned()),
        },
        _ => Ok(Vec::new()),
    }
}

async fn read_multipart(headers: &HeaderMap, body: Bytes) -> Result<Fields, String> {
    let said = |error: multer::Error| error.to_string();
    let boundary = multer::parse_boundary(content_type(headers).unwrap_or_default()).map_err(said)?;
    let mut parts = multer::Multipart::new(BodyDataStream::new(Full::new(body)), boundary);
    let mut fields = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(said)? {
        let name = part.name().ok_or("a part has no name")?.to_owned();
        let is_file = part.file_name().is_some();
        let bytes = part.bytes().await.map_err(said)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !is_file && text.as_bytes() != bytes {
            return Err("a part is not UTF-8".to_owned());
        }
        fields.push((name, Value::String(text)));
    }
    Ok(fields)
}

/// The fields as values of the types that the schema gives them, or what is wrong with them.
pub fn checked(schema: &Value, fields: &Fields, is_form: bool) -> Result<Map<String, Value>, Vec<Value>> {
    let (mut sent, mut wrong) = (Map::new(), Vec::new());
    for (name, value) in fields {
        let described = &schema["properties"][name];
        // A form has one part per item of a list.
        let is_list = is_form && described["type"] == "array";
        let value = match value {
            Value::String(text) if is_list => from_text(&described["items"], text),
            Value::String(text) if is_form => from_text(described, text),
            value => value.clone(),
        };
        match sent.get_mut(name) {
            Some(Value::Array(items)) if is_list => items.push(value),
            Some(_) => wrong.push(refusal(name, "Sent twice.")),
            None => {
                sent.insert(name.clone(), if is_list { json!([value]) } else { value });
            }
        }
    }
    check_members(schema, &sent, "", &mut wrong);
    if wrong.is_empty() { Ok(sent) } else { Err(wrong) }
}

pub fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

/// A text part converted to its schema's type. What cannot be converted stays text, which `check` then refuses.
fn from_text(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("string") | None => Value::from(text),
        Some(_) => serde_json::from_str(text).unwrap_or_else(|_| Value::from(text)),
    }
}

fn check(schema: &Value, value: &Value, field: &str, wrong: &mut Vec<Value>) {
    match (schema["type"].as_str(), value) {
        (Some("object"), Value::Object(object)) => check_members(schema, object, &format!("{field}."), wrong),
        (Some("array"), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                check(&schema["items"], value, &format!("{field}[{index}]"), wrong);
            }
        }
        _ => wrong.extend(fault(schema, value).map(|message| refusal(field, &message))),
    }
}

/// What is wrong with a value; never the value itself, because it may be a stream key.
fn fault(schema: &Value, value: &Value) -> Option<String> {
    match (schema["type"].as_str(), value) {
        (_, Value::Null) if schema["nullable"] == true => return None,
        (Some("string"), Value::String(text)) => {
            let length = text.chars().count() as u64;
            if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
                return Some(format!("Must have at least {least} characters, has {length}."));
            }
            if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
                return Some(format!("Must have at most {most} characters, has {length}."));
            }
            if schema["format"] == "uri" && reqwest::Url::parse(text).is_err() {
                return Some("Must be an absolute URL.".to_owned());
            }
        }
        (Some("integer"), Value::Number(number)) if !number.is_f64() => {}
        (Some("number"), Value::Number(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => {}
        (Some(name), _) => return Some(format!("Must be of type {name}.")),
    }
    let values = schema["enum"].as_array().filter(|values| !values.contains(value))?;
    let values: Vec<String> = values.iter().cloned().map(as_text).collect();
    Some(format!("Must be one of {}.", values.join(", ")))
}

fn refusal(field: &str, message: &str) -> Value {
    json!({ "field": field, "message": message })
}

fn check_members(schema: &Value, object: &Map<String, Value>, prefix: &str, wrong: &mut Vec<Value>) {
    let required = items(&schema["required"]).filter_map(Value::as_str);
    for name in required.filter(|name| !object.contains_key(*name)) {
        wrong.push(refusal(&format!("{prefix}{name}"), "Required field."));
    }
    let is_free = members(&schema["properties"]).next().is_none();
    for (name, value) in object {
        let field = format!("{prefix}{name}");
        match schema["properties"].get(name).or(schema.get("additionalProperties")) {
            Some(schema) => check(schema, value, &field, wrong),
            None if is_free => {}
            None => wrong.push(refusal(&field, "Unknown field.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_as(media_type: &str, body: impl Into<Bytes>) -> Result<Fields, String> {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media_type.parse().expect("a header"))]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(read(&headers, body.into()))
    }

    fn form(parts: &[(String, String)]) -> String {
        let part = |(attributes, value): &(String, String)| {
            format!("--b\r\ncontent-disposition: form-data; {attributes}\r\n\r\n{value}\r\n")
        };
        parts.iter().map(part).collect::<String>() + "--b--\r\n"
    }

    fn wrong_fields(schema: &Value, fields: &Fields, is_form: bool) -> Vec<Value> {
        let wrong = checked(schema, fields, is_form).err().unwrap_or_default();
        wrong.into_iter().map(|mut wrong| wrong["field"].take()).collect()
    }

    #[test]
    fn a_list_in_a_form_is_one_part_per_item_and_a_file_has_a_name() {
        let integers = json!({ "type": "array", "items": { "type": "integer" } });
        let files = json!({ "type": "array", "items": { "type": "string", "format": "binary" } });
        let schema = json!({
            "type": "object",
            "required": ["file"],
            "properties": { "ids": integers, "file": { "type": "string", "format": "binary" }, "files": files },
        });
        let part = |attributes: &str, value: &str| (attributes.to_owned(), value.to_owned());
        let file = part("name=\"file\"; filename=\"a.png\"", "bytes");
        let more = part("name=\"files\"; filename=\"b.png\"", "bytes");
        for (parts, wrong) in [
            (vec![file.clone(), part("name=\"ids\"", "1"), part("name=\"ids\"", "2")], vec![]),
            (vec![file.clone(), part("name=\"ids\"", "1")], vec![]),
            (vec![file.clone(), more.clone(), more], vec![]),
            (vec![file.clone(), part("name=\"ids\"", "[1,2]")], vec!["ids[0]"]),
            (vec![file.clone(), file], vec!["file"]),
            (vec![part("name=\"ids\"", "one")], vec!["file", "ids[0]"]),
        ] {
            let fields = read_as("multipart/form-data; boundary=b", form(&parts)).expect("a form");
            assert_eq!(wrong_fields(&schema, &fields, true), wrong, "{parts:?}");
        }
    }

    #[test]
    fn each_kind_of_schema_takes_its_own_values_only() {
        let free = json!({ "type": "object" });
        let map = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
        for (schema, value, is_valid) in [
            (json!({ "type": "integer" }), json!(1), true),
            (json!({ "type": "integer" }), json!(1.5), false),
            (json!({ "type": "number" }), json!(1.5), true),
            (json!({ "type": "boolean" }), json!("true"), false),
            (json!({ "type": "string" }), Value::Null, false),
            (json!({ "type": "string", "nullable": true }), Value::Null, true),
            (json!({ "type": "string", "enum": ["a"] }), json!("A"), false),
            (json!({ "type": "array", "items": { "type": "string" } }), json!(["a", 1]), false),
            (free.clone(), json!({ "a": 1 }), true),
            (free, json!([]), false),
            (map.clone(), json!({ "a": 1 }), true),
            (map, json!({ "a": "1" }), false),
            (json!({}), json!([1]), true),
        ] {
            let fields = [("x".to_owned(), value)].into();
            let schema = json!({ "type": "object", "properties": { "x": schema } });
            let wrong = wrong_fields(&schema, &fields, false);
            assert_eq!(wrong.is_empty(), is_valid, "{schema} {fields:?}");
        }
    }

    proptest! {
        #[test]
        fn a_form_is_read_back(values in prop::collection::vec(("[a-z]{1,5}", "[^-\u{fffd}]{0,20}"), 0..5)) {
            let parts = values.iter().map(|(name, value)| (format!("name=\"{name}\""), value.clone()));
            let fields = read_as("multipart/form-data; boundary=b", form(&parts.collect::<Vec<_>>()));
            let expected = values.into_iter().map(|(name, value)| (name, Value::String(value)));
            prop_assert_eq!(fields, Ok(expected.collect()));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), open in any::<bool>()) {
            let start = if open { b"--b\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n".as_slice() } else { b"" };
            for media_type in ["multipart/form-data; boundary=b", "multipart/form-data", JSON, "text/plain"] {
                let _ = read_as(media_type, [start, &bytes].concat());
            }
        }
    }
}
