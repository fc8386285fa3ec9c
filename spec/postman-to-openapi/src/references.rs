//! What a document refers to: security schemes, `$ref`s, and the variables of paths and servers.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::method::Method;
use crate::template::{members, names};

/// Calls `fault` with the place of everything that refers to something that does not exist, or is declared twice.
pub fn check(document: &Value, fault_at: &mut dyn FnMut(&[String], String)) {
    if let Some(version) = document["openapi"].as_str().filter(|version| !version.starts_with("3.0.")) {
        let fault = format!("must be a version of OpenAPI 3.0, not {version}; correct the overlay");
        fault_at(&["openapi".to_owned()], fault);
    }
    let mut search = Search { document, fault: fault_at };
    search.references(document, &mut Vec::new());
    search.servers(document, &[]);
    search.security(document, &[]);
    for (path, item) in members(&document["paths"]) {
        search.servers(item, &["paths", path]);
        search.parameters(item, path, &["paths", path]);
        for method in Method::ALL.map(Method::name) {
            let Some(operation) = item.get(method) else { continue };
            let place = ["paths", path, method];
            search.servers(operation, &place);
            search.security(operation, &place);
            search.parameters(operation, path, &place);
            for name in names(path) {
                if ![operation, item].iter().any(|holder| search.declares(holder, name)) {
                    search.say(
                        &place,
                        &["parameters"],
                        format!(
                            "does not declare `{name}` as a required path parameter; a patch replaces the whole list, \
                             so repeat the parameter in the overlay"
                        ),
                    );
                }
            }
        }
    }
}

/// Whether a pointer leads into data, which contains neither schemas nor references.
pub fn is_data<S: AsRef<str>>(path: &[S]) -> bool {
    // A response may be named `default`, and a property or header anything.
    let named = |at: usize| {
        at.checked_sub(1).and_then(|before| path.get(before)).is_some_and(|holder| {
            matches!(holder.as_ref(), "properties" | "schemas" | "headers" | "responses" | "content")
        })
    };
    let is_data = |part: &str| part.starts_with("x-") || matches!(part, "example" | "examples" | "default" | "enum");
    path.iter().enumerate().any(|(at, part)| is_data(part.as_ref()) && !named(at))
}

struct Search<'d, 'f> {
    document: &'d Value,
    fault: &'f mut dyn FnMut(&[String], String),
}

impl<'d> Search<'d, '_> {
    fn say(&mut self, place: &[&str], inside: &[&str], fault: String) {
        let path: Vec<String> = place.iter().chain(inside).map(|part| (*part).to_owned()).collect();
        (self.fault)(&path, fault);
    }

    fn references(&mut self, value: &Value, path: &mut Vec<String>) {
        if is_data(path) {
            return;
        }
        if let Some(target) = value.get("$ref").and_then(Value::as_str)
            && target.starts_with('#')
            && self.target(target).is_none()
        {
            path.push("$ref".to_owned());
            (self.fault)(path, format!("refers to `{target}`, which does not exist; correct the overlay"));
            path.pop();
        }
        let elements = value.as_array().into_iter().flatten().enumerate();
        let elements = elements.map(|(at, element)| (at.to_string(), element));
        for (name, inner) in members(value).map(|(name, member)| (name.to_owned(), member)).chain(elements) {
            path.push(name);
            self.references(inner, path);
            path.pop();
        }
    }

    /// What `#/components/…` refers to.
    fn target(&self, reference: &str) -> Option<&'d Value> {
        let pointer = percent_decode_str(reference.strip_prefix('#')?).decode_utf8().ok()?;
        self.document.pointer(&pointer)
    }

    fn security(&mut self, holder: &Value, place: &[&str]) {
        let schemes = &self.document["components"]["securitySchemes"];
        let alternatives = holder["security"].as_array().into_iter().flatten().enumerate();
        let unknown = alternatives.flat_map(|(at, alternative)| {
            let names = members(alternative).map(|(name, _)| name);
            names.filter(|name| schemes.get(name).is_none()).map(move |name| (at, name))
        });
        for (at, name) in unknown {
            let fault = "is not one of the document's security schemes; correct the name or add the scheme";
            self.say(place, &["security", &at.to_string(), name], fault.to_owned());
        }
    }

    fn servers(&mut self, holder: &Value, place: &[&str]) {
        for (at, server) in holder["servers"].as_array().into_iter().flatten().enumerate() {
            let named = names(server["url"].as_str().unwrap_or_default());
            for name in named.filter(|name| server["variables"].get(name).is_none()) {
                let fault = format!("does not declare `{name}`, which is in its url; add it in the overlay");
                self.say(place, &["servers", &at.to_string(), "variables"], fault);
            }
        }
    }

    /// The parameters that a path or operation declares.
    fn declared<'v>(&self, holder: &'v Value) -> Vec<&'v Value>
    where
        'd: 'v,
    {
        let resolved = |one: &'v Value| one["$ref"].as_str().and_then(|target| self.target(target)).unwrap_or(one);
        holder["parameters"].as_array().into_iter().flatten().map(resolved).collect()
    }

    fn declares(&self, holder: &Value, name: &str) -> bool {
        self.declared(holder).iter().any(|one| one["name"] == name && one["in"] == "path" && one["required"] == true)
    }

    fn parameters(&mut self, holder: &Value, path: &str, place: &[&str]) {
        let mut known = BTreeSet::new();
        for (at, one) in self.declared(holder).into_iter().enumerate() {
            let (Some(name), Some(kind)) = (one["name"].as_str(), one["in"].as_str()) else { continue };
            // The names of headers are the same in any case.
            let key = if kind == "header" { name.to_ascii_lowercase() } else { name.to_owned() };
            let fault = if !known.insert((kind, key)) {
                format!("declares the {kind} parameter `{name}` a second time; remove one of the two")
            } else if kind == "path" && !names(path).any(|known| known == name) {
                format!("is the path parameter `{name}`, which is not in the path; correct its name")
            } else {
                continue;
            };
            self.say(place, &["parameters", &at.to_string()], fault);
        }
    }
}
