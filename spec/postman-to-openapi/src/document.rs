//! The document: operations by path and method, and what they share.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::Note;
use crate::address::{Address, Server};
use crate::auth::Schemes;
use crate::markdown;
use crate::method::Method;
use crate::name;
use crate::operation::Operation;
use crate::postman;
use crate::schema::Members;
use crate::secret::{Mask, Secrets};
use crate::shape::{Kind, Shape};
use crate::template;
use crate::variables::Variables;

/// Tags and their descriptions; of two folders with the same name, the longer description wins.
type Tags = BTreeMap<String, String>;

/// Collects the operations.
#[derive(Default)]
pub struct Builder {
    /// The credentials found in any input.
    pub secrets: Secrets,
    /// The number of requests and other items that were left out.
    pub left_out: usize,
    /// The number of requests merged into existing operations.
    pub merged: usize,
    /// The collections' variables.
    pub variables: Variables<'static>,
    paths: HashMap<String, Path>,
    titles: BTreeSet<String>,
    versions: BTreeSet<String>,
    descriptions: BTreeSet<String>,
    tags: Tags,
}

/// A path: its operations, and its template as in the first input, or in the first item file.
struct Path {
    template: String,
    item: bool,
    operations: BTreeMap<Method, Box<Operation>>,
}

impl Builder {
    /// The number of requests read so far.
    pub fn requests(&self) -> usize {
        self.left_out + self.merged + self.paths.values().map(|path| path.operations.len()).sum::<usize>()
    }

    /// Adds a collection's title, version and description.
    pub fn collection(&mut self, info: &postman::Info<'_>) {
        self.titles.extend(postman::filled(info.name).map(|name| name.trim().to_owned()));
        self.versions.extend(version(info.version));
        self.descriptions.extend(postman::description(info.description).map(|text| markdown::tidy(&text)));
    }

    /// Adds a folder's description.
    pub fn describe_tag(&mut self, name: String, description: String) {
        crate::content::longer(self.tags.entry(name).or_default(), description);
    }

    /// Adds a request. Returns the operation it was merged into, if any.
    ///
    /// # Errors
    ///
    /// Only a server without a value tells it from another operation.
    pub fn add(
        &mut self,
        method: Method,
        address: Address,
        mut operation: Operation,
    ) -> Result<Option<String>, (&'static str, String)> {
        operation.server = address.server;
        let path = self.paths.entry(template::nameless(&address.path)).or_insert_with(|| Path {
            template: address.path.clone(),
            item: false,
            operations: BTreeMap::new(),
        });
        // Paths that differ only in their parameters' names are one path.
        if operation.item && !path.item {
            path.item = true;
            path.template = address.path;
            path.operations.values_mut().for_each(|known| rename(known, &path.template));
        }
        rename(&mut operation, &path.template);
        // Unused capacity would last as long as the document.
        operation.parameters.shrink_to_fit();
        operation.bodies.shrink_to_fit();
        if let Some(known) = path.operations.get_mut(&method) {
            let with = format!("{} {} ({})", method.name().to_ascii_uppercase(), path.template, known.summary);
            let names_nothing = !path.template.split('/').any(|part| !part.is_empty() && !part.starts_with('{'));
            let open = operation.server.variables.first().or(known.server.variables.first());
            if let Some(open) = open.filter(|_| names_nothing && operation.server != known.server) {
                return Err((
                    "only a variable without a value tells its URL from another; give it one in an environment",
                    format!(
                        "only {{{{{open}}}}}, which has no value, tells its URL from {with}; give it one in an environment"
                    ),
                ));
            }
            self.merged += 1;
            known.join(operation);
            return Ok(Some(with));
        }
        path.operations.insert(method, Box::new(operation));
        Ok(None)
    }

    /// Finishes names and order, and hides credentials. If the overlay defines servers, they apply to every
    /// operation.
    pub fn finish(self, servers_are_given: bool, say: &mut dyn FnMut(Note)) -> (Document, Mask) {
        let mask = self.secrets.mask();
        let mut paths: Vec<Path> = self.paths.into_values().collect();
        let templates: Vec<&str> = paths.iter().map(|path| &*path.template).collect();
        let prefix = name::shared_prefix(&templates).to_owned();
        for Path { template, operations, .. } in &mut paths {
            let path = template.strip_prefix(&prefix).unwrap_or_default();
            for (method, operation) in operations.iter_mut() {
                operation.id = name::operation_id(&operation.summary, *method, path).unwrap_or_default();
            }
        }
        for path in paths.iter_mut().filter(|path| mask.finds(&path.template)) {
            mask.in_url(&mut path.template);
            for operation in path.operations.values_mut() {
                rename(operation, &path.template);
                // The name mentions the path.
                operation.id.clear();
            }
        }
        paths.sort_by(|a, b| a.template.cmp(&b.template));
        // Paths that differed only in a credential would otherwise be the same member twice.
        let mut taken = BTreeSet::new();
        for path in &mut paths {
            let hidden = path.template.clone();
            let mut number = 1;
            while !taken.insert(path.template.clone()) {
                number += 1;
                path.template = hidden.replacen("redacted", &format!("redacted{number}"), 1);
            }
        }
        let mut schemes = Schemes::default();
        for Path { template, operations, .. } in &mut paths {
            for (method, operation) in operations.iter_mut() {
                for server in [&mut operation.server].into_iter().chain(&mut operation.other_server) {
                    server.fill(&self.variables);
                }
                let place = format!("{} {template}", method.name().to_ascii_uppercase());
                if let Some(media_type) = operation.drop_invalid_body() {
                    say(Note::hint(
                        "no body of a media type is valid, so only those of other media types are kept",
                        place.as_str(),
                        format!("no {media_type} body is valid JSON, so only its other bodies are kept"),
                    ));
                }
                if operation.settle(template, &mask) {
                    let topic = "a body is nested so deeply that the innermost part of its schema is left open";
                    say(Note::hint(topic, place, topic));
                }
                schemes.add(&operation.security);
            }
        }
        schemes.name();
        admit_integers(&mut paths);
        let server = commonest(&paths);
        let mut described = self.tags;
        described.values_mut().for_each(|description| mask.in_text(description));
        let mut tags = Tags::new();
        for operation in paths.iter_mut().flat_map(|path| path.operations.values_mut()) {
            operation.requirements = schemes.requirements(&operation.security);
            operation.own_server = operation.server != server && !servers_are_given;
            if !operation.tag.is_empty() {
                let description = described.get(&operation.tag).cloned().unwrap_or_default();
                tags.insert(operation.tag.clone(), description);
            }
        }
        disputes(&paths, servers_are_given.then_some(&server), say);
        name_operations(&mut paths, &prefix, say);
        let joined = |texts: BTreeSet<String>, between: &str| texts.into_iter().collect::<Vec<_>>().join(between);
        let mut title = joined(self.titles, ", ");
        mask.in_text(&mut title);
        if title.is_empty() {
            title.push_str("Postman items");
        }
        let version = self.versions.into_iter().next_back().unwrap_or_else(|| "1.0.0".to_owned());
        let mut description = joined(self.descriptions, "\n\n");
        mask.in_text(&mut description);
        (Document { title, version, description, server, tags, paths, schemes }, mask)
    }
}

/// A version: text, or an object with its numbers.
fn version(raw: postman::Raw<'_>) -> Option<String> {
    if let Some(text) = postman::filled(raw) {
        return Some(text.trim().to_owned());
    }
    let mut numbers = [None, None, None];
    postman::entries(raw, |entry| {
        let at =
            postman::text(entry.key).and_then(|key| ["major", "minor", "patch"].iter().position(|name| *name == key));
        if let Some(number) = at.and_then(|at| numbers.get_mut(at)) {
            *number = postman::filled(entry.value).map(|value| value.into_owned());
        }
    });
    numbers[0].is_some().then(|| numbers.map(|number| number.unwrap_or_else(|| "0".to_owned())).join("."))
}

/// Lets a text that is always an integer in quotes be an integer too, if its name is one nearly everywhere else.
fn admit_integers(paths: &mut [Path]) {
    let mut each_member = |each: &mut dyn FnMut(&str, &mut Shape)| {
        let operations = paths.iter_mut().flat_map(|path| path.operations.values_mut());
        operations.for_each(|operation| operation.members_mut(&mut |name, shape| each(name, shape)));
    };
    let mut scores: HashMap<Box<str>, isize> = HashMap::new();
    each_member(&mut |name, shape| {
        let score = match shape.kind {
            Kind::Integer(_) => 1,
            Kind::Unknown | Kind::OneOf(_) => 0,
            _ => -2,
        };
        match scores.get_mut(name) {
            Some(sum) => *sum += score,
            None => drop(scores.insert(name.into(), score)),
        }
    });
    each_member(&mut |name, shape| {
        if shape.is_quoted() && scores.get(name).is_some_and(|score| *score >= 0) {
            shape.kind = Kind::OneOf(vec![Shape::of(Kind::Integer(Some("int64"))), Shape::text()]);
        }
    });
}

/// Gives the path parameters their names in the template.
fn rename(operation: &mut Operation, template: &str) {
    for (parameter, name) in operation.parameters.iter_mut().zip(template::names(template)) {
        name.clone_into(&mut parameter.field.name);
    }
}

/// The most common server; of equally common ones, the first in order.
fn commonest(paths: &[Path]) -> Server {
    let mut counts: BTreeMap<&Server, usize> = BTreeMap::new();
    for operation in paths.iter().flat_map(|path| path.operations.values()) {
        *counts.entry(&operation.server).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or_default();
    counts.into_iter().find(|(_, count)| *count == most).map(|(server, _)| server.clone()).unwrap_or_default()
}

/// Reports where requests disagree, and which servers the overlay replaces.
fn disputes(paths: &[Path], overruled: Option<&Server>, say: &mut dyn FnMut(Note)) {
    let has_slash = |path: &&Path| path.template.len() > 1 && path.template.ends_with('/');
    let is_rule = paths.iter().filter(has_slash).nth(1).is_some();
    for Path { template, .. } in paths.iter().filter(has_slash) {
        let nameless = template::nameless(template.trim_end_matches('/'));
        if !is_rule || paths.iter().any(|path| template::nameless(&path.template) == nameless) {
            let topic = "a path ends in a slash, unlike others; remove it if the service does not need it";
            say(Note::hint(topic, template.as_str(), topic));
        }
    }
    for (path, (method, operation)) in
        paths.iter().flat_map(|path| path.operations.iter().map(move |operation| (path, operation)))
    {
        let place = format!("{} {}", method.name().to_ascii_uppercase(), path.template);
        if overruled.is_some_and(|common| operation.server.is_known() && operation.server != *common) {
            say(Note::hint(
                "an operation's own server is replaced by the overlay's servers",
                place.as_str(),
                format!("its server {} is replaced by the overlay's servers", operation.server.url),
            ));
        }
        if operation.own_server {
            say(Note::hint(
                "an operation's server is not the document's; convert such requests separately",
                place.as_str(),
                format!("its server {} is not the document's", operation.server.url),
            ));
        }
        for (status, answer) in operation.answers.iter().filter(|(_, answer)| answer.empty) {
            if !answer.bodies.is_empty() {
                say(Note::hint(
                    "a response is empty in one sample but not in another; its JSON may be null",
                    format!("{place} {status}"),
                    "the response is empty in one sample but not in another; its JSON may be null",
                ));
            }
        }
        operation.disputed(|what, counts| {
            say(Note::hint(
                "requests disagree about a type, text or server; the most reliable value is used",
                format!("{place} {what}"),
                format!("requests disagree; the most reliable value is used: {counts}"),
            ));
        });
    }
}

/// Names operations without a name, or with the same one as another, after their method and path.
fn name_operations(paths: &mut [Path], prefix: &str, say: &mut dyn FnMut(Note)) {
    // Generators ignore case, so names must differ in more than that.
    let lower = |operation: &Operation| operation.id.to_ascii_lowercase();
    let mut named: BTreeSet<(usize, Method)> = BTreeSet::new();
    let mut taken: BTreeSet<String> = loop {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for operation in paths.iter().flat_map(|path| path.operations.values()) {
            *counts.entry(lower(operation)).or_default() += 1;
        }
        let before = named.len();
        for (at, Path { template, operations, .. }) in paths.iter_mut().enumerate() {
            for (method, operation) in operations.iter_mut() {
                let is_unique = !operation.id.is_empty() && counts.get(&lower(operation)) == Some(&1);
                if is_unique || !named.insert((at, *method)) {
                    continue;
                }
                let made = name::from_path(*method, template.strip_prefix(prefix).unwrap_or(template));
                if !operation.id.is_empty() {
                    say(Note::hint(
                        "operations share a name, so they are named after method and path; set other names in the overlay",
                        format!("{} {template}", method.name().to_ascii_uppercase()),
                        format!(
                            "another operation is also named {}, so both are named after method and path; \
                             this one is now {made}; set another name in the overlay",
                            operation.id,
                        ),
                    ));
                }
                operation.id = made;
            }
        }
        if named.len() == before {
            break counts.into_keys().collect();
        }
    };
    // Paths may differ only in characters that a name cannot contain.
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for operation in paths.iter_mut().flat_map(|path| path.operations.values_mut()) {
        let id = operation.id.clone();
        let number = numbers.entry(lower(operation)).or_default();
        *number += 1;
        while *number > 1 {
            operation.id = name::numbered(&id, *number);
            if taken.insert(lower(operation)) {
                break;
            }
            *number += 1;
        }
    }
}

/// An OpenAPI document, ready to be written.
pub struct Document {
    title: String,
    version: String,
    description: String,
    server: Server,
    tags: Tags,
    paths: Vec<Path>,
    schemes: Schemes,
}

impl Document {
    /// The path, method and number of requests of every operation.
    pub fn operations(&self) -> impl Iterator<Item = (&str, Method, usize)> {
        self.paths.iter().flat_map(|path| {
            path.operations.iter().map(|(method, operation)| (&*path.template, *method, operation.requests as usize))
        })
    }

    /// Drops OAuth 2.0 flows with missing URLs, and returns the names of their schemes.
    pub fn drop_unknown_flows(&mut self) -> BTreeSet<String> {
        self.schemes.drop_unknown_flows()
    }

    /// The server variables that have no value in any input.
    pub fn open_variables(&self) -> BTreeSet<&str> {
        let operations = self.paths.iter().flat_map(|path| path.operations.values());
        operations.flat_map(|operation| &operation.server.variables).map(String::as_str).collect()
    }
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("openapi", "3.0.3")?;
        let named = |name, text, description, version| {
            let members = [(name, text), ("description", description), ("version", version)];
            Members(members.into_iter().filter(|(_, text): &(&str, &String)| !text.is_empty()))
        };
        map.serialize_entry("info", &named("title", &self.title, &self.description, &self.version))?;
        map.serialize_entry("servers", &[&self.server])?;
        if !self.tags.is_empty() {
            let none = String::new();
            let tags = self.tags.iter().map(|(name, description)| named("name", name, description, &none));
            map.serialize_entry("tags", &tags.collect::<Vec<_>>())?;
        }
        let paths = self.paths.iter().map(|path| {
            let operations = path.operations.iter().map(|(method, operation)| (method.name(), operation));
            (&path.template, Members(operations))
        });
        map.serialize_entry("paths", &Members(paths))?;
        if !self.schemes.is_empty() {
            let schemes = [("securitySchemes", &self.schemes)];
            map.serialize_entry("components", &Members(schemes))?;
        }
        map.end()
    }
}
