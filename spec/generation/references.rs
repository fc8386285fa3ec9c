//! Resolves each `$ref` to a parameter, body or answer in place, and refuses missing and circular ones.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{DOCUMENT, METHODS};

const SCHEMAS: &str = "#/components/schemas/";

/// Copies everything under `components` except schemas to where it is used.
pub fn inline(document: &mut Value) -> Result<(), String> {
    let components = document["components"].clone();
    let schemas = components["schemas"].as_object().cloned().unwrap_or_default();
    check_schemas(&schemas)?;
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        if item.get("$ref").is_some() {
            return Err(format!(
                "{DOCUMENT}: {path} is a `$ref`, which is not supported here: write the path item in full"
            ));
        }
        let place = |what: &str| format!("{DOCUMENT}: {path}: {what}");
        let mut replace = |value: &mut Value| inline_one(value, &components).map_err(|what| place(&what));
        each(item.get_mut("parameters"), &mut replace)?;
        for method in METHODS {
            let Some(operation) = item.get_mut(method) else { continue };
            each(operation.get_mut("parameters"), &mut replace)?;
            operation.get_mut("requestBody").map_or(Ok(()), &mut replace)?;
            each(operation.get_mut("responses"), &mut replace)?;
            leave_out(operation, &["callbacks"]);
            let answers = operation.get_mut("responses").and_then(Value::as_object_mut);
            let answers = answers.into_iter().flat_map(Map::values_mut);
            answers.for_each(|answer| leave_out(answer, &["headers", "links"]));
            check_targets(operation, &schemas).map_err(|what| place(&what))?;
        }
        if let Some(shared) = item.get("parameters") {
            check_targets(shared, &schemas).map_err(|what| place(&what))?;
        }
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.retain(|key, _| key == "schemas");
    }
    Ok(())
}

fn each(
    members: Option<&mut Value>,
    replace: &mut impl FnMut(&mut Value) -> Result<(), String>,
) -> Result<(), String> {
    match members {
        Some(Value::Array(members)) => members.iter_mut().try_for_each(replace),
        Some(Value::Object(members)) => members.values_mut().try_for_each(replace),
        _ => Ok(()),
    }
}

fn inline_one(value: &mut Value, components: &Value) -> Result<(), String> {
    let mut followed = Vec::new();
    while let Some(reference) = value.get("$ref").and_then(Value::as_str).map(str::to_owned) {
        if followed.contains(&reference) {
            return Err(format!("the `$ref` `{reference}` is circular"));
        }
        let pointer = reference.strip_prefix("#/components");
        let target = pointer.and_then(|pointer| components.pointer(pointer));
        *value = target.cloned().ok_or_else(|| nowhere(&reference))?;
        followed.push(reference);
    }
    Ok(())
}

/// Removes what nothing is generated from, because its `$ref`s have targets other than schemas.
fn leave_out(value: &mut Value, keys: &[&str]) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|key, _| !keys.contains(&key.as_str()));
    }
}

fn nowhere(reference: &str) -> String {
    format!("the `$ref` `{reference}` has no target")
}

/// Refuses a schema that only refers to itself, directly or through `allOf` and the like: it has no content.
fn check_schemas(schemas: &Map<String, Value>) -> Result<(), String> {
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, schema) in schemas {
        check_targets(schema, schemas).map_err(|what| format!("{DOCUMENT}: schema `{name}`: {what}"))?;
        let mut found = Vec::new();
        parts_of(schema, &mut found);
        parts.insert(name, found);
    }
    for start in parts.keys() {
        let mut seen = Vec::new();
        let mut next: Vec<&str> = parts[start].clone();
        while let Some(name) = next.pop() {
            if name == *start {
                return Err(format!("{DOCUMENT}: schema `{start}`: its `$ref` is circular"));
            }
            if !seen.contains(&name) {
                seen.push(name);
                next.extend(parts.get(name).into_iter().flatten());
            }
        }
    }
    Ok(())
}

/// The names of the schemas that this one consists of, not counting its properties and items.
fn parts_of<'s>(schema: &'s Value, found: &mut Vec<&'s str>) {
    found.extend(schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS)));
    for key in ["allOf", "oneOf", "anyOf"] {
        schema[key].as_array().into_iter().flatten().for_each(|part| parts_of(part, found));
    }
}

/// Checks that each `$ref` under `value` has a schema as its target.
fn check_targets(value: &Value, schemas: &Map<String, Value>) -> Result<(), String> {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let name = reference.strip_prefix(SCHEMAS);
                return match name.and_then(|name| schemas.get(name)) {
                    Some(_) => Ok(()),
                    None => Err(nowhere(reference)),
                };
            }
            // An example may contain anything, `$ref` included.
            let is_example = |key: &str| ["example", "examples", "default"].contains(&key);
            members.iter().filter(|(key, _)| !is_example(key)).try_for_each(|(key, member)| match member {
                // A field may have the name of a keyword.
                Value::Object(fields) if key == "properties" => {
                    fields.values().try_for_each(|field| check_targets(field, schemas))
                }
                _ => check_targets(member, schemas),
            })
        }
        Value::Array(members) => members.iter().try_for_each(|member| check_targets(member, schemas)),
        _ => Ok(()),
    }
}
