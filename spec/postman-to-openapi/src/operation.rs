//! One operation: all requests of one method and path, joined.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::address::Server;
use crate::answer::{Answer, Status};
use crate::auth::Security;
use crate::content::{self, Carried, Content, Field, FieldSchema};
use crate::name;
use crate::scalar::Separator;
use crate::schema::{Members, write_text};
use crate::secret::Mask;
use crate::shape::{Kind, Shape};
use crate::text::Wording;

/// Where a parameter is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// A parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Where it is sent.
    pub place: Place,
    /// Its name, type and documentation.
    pub field: Field,
    /// Whether it is an object written as `name[member]=…`.
    pub deep: bool,
    /// The words that it was sent with, if every request has one.
    pub words: Vec<String>,
}

impl Parameter {
    /// A parameter as one request has it.
    pub fn new(place: Place, field: Field) -> Self {
        let word = field.example.as_ref().and_then(|example| example.as_str()).filter(|word| {
            let is_text = matches!(field.shape.kind, Kind::Text(None)) && place == Place::Query;
            is_text && word.starts_with(char::is_alphabetic) && !word.contains(char::is_whitespace)
        });
        let words = word.map(str::to_owned).into_iter().collect();
        Self { place, field, deep: false, words }
    }

    fn is(&self, place: Place, name: &str) -> bool {
        let is_name = match place {
            Place::Header => self.field.name.eq_ignore_ascii_case(name),
            _ => self.field.name == name,
        };
        is_name && self.place == place
    }

    /// Requires a parameter that selects what is done, with the words that were sent. It belongs to a script, or its name
    /// says so; the words of other parameters are examples.
    fn settle_selector(&mut self, is_script: bool) {
        const NAMES: &str = "a act c cmd command do fn func function m module op operation r route";
        self.words.sort();
        self.words.dedup();
        let name = self.field.name.to_ascii_lowercase();
        let is_selector = is_script || name.ends_with("action") || name.ends_with("method") || name::has(NAMES, &name);
        if is_selector && self.words.len() > 1 && !self.field.exported {
            self.field.required = true;
            self.field.values = std::mem::take(&mut self.words);
        }
    }
}

/// An operation.
#[derive(Debug, Default)]
pub struct Operation {
    /// Its `operationId`, once all paths are known.
    pub id: String,
    /// The item's name.
    pub summary: String,
    /// Markdown.
    pub description: Wording,
    /// The folder, or the first segment of the path.
    pub tag: String,
    /// The rate limit named in its description, if any.
    pub rate_limit: Wording,
    /// The server its requests go to.
    pub server: Server,
    /// How it is authorized.
    pub security: Security,
    /// [`Operation::security`], under the names used in the document.
    pub requirements: Option<Vec<(String, Vec<String>)>>,
    /// Path parameters first, in the order of the path.
    pub parameters: Vec<Parameter>,
    /// Bodies, by media type.
    pub bodies: Vec<Content>,
    /// Whether every request has a body; if some come from item files, only these count.
    pub body_required: bool,
    /// The documented responses.
    pub answers: BTreeMap<Status, Box<Answer>>,
    /// The number of requests it was made from.
    pub requests: u32,
    /// Whether it comes from a file of its own, which is trusted more than a collection.
    pub item: bool,
    /// Whether an exporter generated the file.
    pub exported: bool,
    /// Whether [`Operation::server`] is to be written.
    pub own_server: bool,
    /// The server of another request, which is not used.
    pub other_server: Option<Server>,
}

impl Operation {
    /// Joins another request of the same method and path, whose path parameters have already been renamed.
    pub fn join(&mut self, other: Operation) {
        self.requests += other.requests;
        if other.item && !self.item {
            (self.summary, self.tag) = (other.summary, other.tag);
        }
        self.description.join(other.description);
        self.rate_limit.join(other.rate_limit);
        self.join_server(other.server, other.item);
        self.security.join(other.security);
        self.join_parameters(other.parameters, other.exported);
        self.body_required = match (self.item, other.item) {
            (true, false) => self.body_required,
            (false, true) => other.body_required,
            _ => self.body_required && other.body_required,
        };
        self.item |= other.item;
        self.exported |= other.exported;
        for body in other.bodies {
            content::join(&mut self.bodies, body);
        }
        other.answers.into_iter().for_each(|(status, answer)| self.answer(status, answer));
    }

    /// Adds a response.
    pub fn answer(&mut self, status: Status, answer: Box<Answer>) {
        match self.answers.get_mut(&status) {
            Some(known) => known.join(*answer),
            None => drop(self.answers.insert(status, answer)),
        }
    }

    /// Prefers a server without open variables, then an item's, then the first in order.
    fn join_server(&mut self, mut other: Server, of_item: bool) {
        let rank = |server: &Server, item: bool| (server.is_known(), item);
        let (mine, others) = (rank(&self.server, self.item), rank(&other, of_item));
        if others > mine || others == mine && other < self.server {
            std::mem::swap(&mut self.server, &mut other);
        }
        // That a server without a value is not used goes without saying, but not if the one that is used has none either.
        if other != self.server && !other.url.is_empty() && (other.is_known() || !self.server.is_known()) {
            self.other_server = Some(other);
        }
    }

    /// The parameter of this name.
    pub fn parameter(&mut self, place: Place, name: &str) -> Option<&mut Parameter> {
        self.parameters.iter_mut().find(|parameter| parameter.is(place, name))
    }

    fn join_parameters(&mut self, others: Vec<Parameter>, exported: bool) {
        for parameter in &mut self.parameters {
            if !others.iter().any(|other| other.is(parameter.place, &parameter.field.name)) {
                parameter.field.join_required(false, exported);
                parameter.words.clear();
            }
        }
        for mut other in others {
            match self.parameter(other.place, &other.field.name) {
                Some(parameter) => {
                    parameter.deep &= other.deep;
                    if parameter.words.is_empty() || other.words.is_empty() {
                        parameter.words.clear()
                    } else {
                        parameter.words.extend(other.words)
                    }
                    parameter.field.join(other.field);
                }
                None => {
                    other.field.join_required(false, self.exported);
                    other.words.clear();
                    self.parameters.push(other);
                }
            }
        }
    }

    /// Drops the bodies of a media type of which no sample is valid, if there are others. Returns that media type.
    pub fn drop_invalid_body(&mut self) -> Option<String> {
        let invalid = self.bodies.iter().position(|body| body.empty)?;
        let is_valid = self.bodies.iter().any(|body| !body.empty);
        is_valid.then(|| self.bodies.remove(invalid).media_type)
    }

    /// Calls `each` with every named member of every body.
    pub fn members_mut(&mut self, each: &mut impl FnMut(&str, &mut Shape)) {
        let answers = self.answers.values_mut().flat_map(|answer| &mut answer.bodies);
        for content in self.bodies.iter_mut().chain(answers) {
            if let Carried::Value { shape, .. } = &mut content.schema {
                shape.visit_mut(&mut |shape| {
                    if let Kind::Object(object) = &mut shape.kind {
                        object.members.iter_mut().for_each(|(name, member)| each(name, &mut member.shape));
                    }
                });
            }
        }
    }

    /// Marks everything as coming from a file of its own.
    pub fn trust_as_item(&mut self) {
        (self.item, self.description.item, self.rate_limit.item) = (true, true, true);
        self.parameters.iter_mut().for_each(|parameter| parameter.field.trust_as_item());
        self.bodies.iter_mut().for_each(Content::trust_as_item);
        for answer in self.answers.values_mut() {
            answer.headers.iter_mut().for_each(Field::trust_as_item);
            answer.bodies.iter_mut().for_each(Content::trust_as_item);
        }
    }

    /// Calls `each` with the place of everything the requests disagree about, and with what was used.
    pub fn disputed(&self, mut each: impl FnMut(&str, &str)) {
        if self.other_server.as_ref().is_some_and(|other| *other != self.server) {
            each("server", &self.server.url);
        }
        for (what, wording) in [("description", &self.description), ("rate limit", &self.rate_limit)] {
            if wording.disputed {
                each(what, wording.origin());
            }
        }
        let headers = self.answers.values().flat_map(|answer| &answer.headers);
        for field in self.parameters.iter().map(|parameter| &parameter.field).chain(headers) {
            field.disputed(&mut each);
        }
        let answers = self.answers.values().flat_map(|answer| &answer.bodies);
        for content in self.bodies.iter().chain(answers) {
            content.disputed(&mut each);
        }
    }

    /// Hides known credentials, drops what joining has contradicted, and sorts what came in input order.
    /// Returns whether a schema is nested so deeply that a part of it was left open.
    pub fn settle(&mut self, template: &str, mask: &Mask) -> bool {
        let ending = template.rsplit_once('.').map(|(_, ending)| ending);
        let is_script = matches!(ending, Some("php" | "asp" | "aspx" | "ashx" | "cgi" | "do" | "jsp" | "pl"));
        let merged = self.requests > 1;
        if mask.finds(&self.summary) {
            self.id.clear();
        }
        mask.in_text(&mut self.summary);
        mask.in_text(&mut self.tag);
        mask.in_url(&mut self.server.url);
        mask.in_text(&mut self.description.text);
        mask.in_text(&mut self.rate_limit.text);
        for parameter in &mut self.parameters {
            mask.in_text(&mut parameter.field.description.text);
            if let Some(example) = &mut parameter.field.example {
                mask.value(example);
            }
            parameter.settle_selector(is_script);
            parameter.field.settle();
        }
        let own_order = |parameter: &Parameter| match parameter.place {
            Place::Path => (Place::Path, String::new()),
            place => (place, if merged { parameter.field.name.clone() } else { String::new() }),
        };
        self.parameters.sort_by_cached_key(own_order);
        let mut is_cut = false;
        for body in &mut self.bodies {
            is_cut |= body.settle(mask, merged);
        }
        self.bodies.sort_by(|a, b| a.media_type.cmp(&b.media_type));
        for answer in self.answers.values_mut() {
            is_cut |= answer.settle(mask, merged);
        }
        is_cut
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("operationId", &self.id)?;
        write_text(&mut map, "summary", &self.summary)?;
        write_text(&mut map, "description", &self.description)?;
        if !self.tag.is_empty() {
            map.serialize_entry("tags", &[&self.tag])?;
        }
        write_text(&mut map, "x-rate-limit-label", &self.rate_limit)?;
        if let Some(requirements) = &self.requirements {
            let alternatives = requirements.iter().map(|(name, scopes)| [(name, scopes)]);
            map.serialize_entry("security", &alternatives.map(Members).collect::<Vec<_>>())?;
        }
        if self.own_server {
            map.serialize_entry("servers", &[&self.server])?;
        }
        if !self.parameters.is_empty() {
            map.serialize_entry("parameters", &self.parameters)?;
        }
        if !self.bodies.is_empty() {
            map.serialize_entry("requestBody", &RequestBody(self))?;
        }
        if self.answers.is_empty() {
            let nothing = Members([("description", "No response is documented.")]);
            map.serialize_entry("responses", &Members([("default", nothing)]))?;
        } else {
            let answers = self.answers.iter().map(|(status, answer)| (status.to_string(), answer));
            map.serialize_entry("responses", &Members(answers))?;
        }
        map.end()
    }
}

struct RequestBody<'a>(&'a Operation);

impl Serialize for RequestBody<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(2))?;
        map.serialize_entry("required", &self.0.body_required)?;
        map.serialize_entry("content", &content::contents(&self.0.bodies, &self.0.summary))?;
        map.end()
    }
}

impl Serialize for Parameter {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        let field = &self.field;
        map.serialize_entry("name", &field.name)?;
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        map.serialize_entry("in", place)?;
        map.serialize_entry("required", &(field.required || self.place == Place::Path))?;
        write_text(&mut map, "description", &field.description)?;
        if self.deep {
            map.serialize_entry("style", "deepObject")?;
            map.serialize_entry("explode", &true)?;
        } else if self.place == Place::Query && matches!(field.shape.kind, Kind::List(_)) {
            let style = match field.separator {
                Some(Separator::Pipe) => "pipeDelimited",
                Some(Separator::Space) => "spaceDelimited",
                _ => "form",
            };
            map.serialize_entry("style", style)?;
            map.serialize_entry("explode", &field.separator.is_none())?;
        }
        map.serialize_entry("schema", &FieldSchema { field, described: false })?;
        if let Some(example) = &field.example {
            map.serialize_entry("example", example)?;
        }
        map.end()
    }
}

impl Serialize for Server {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(None)?;
        map.serialize_entry("url", if self.url.is_empty() { "/" } else { &self.url })?;
        if !self.variables.is_empty() {
            // OpenAPI requires a default, and the input has none. RFC 2606 reserves this host for examples.
            let default = if self.url.starts_with('{') { "https://example.com" } else { "example" };
            let mut names: Vec<&String> = self.variables.iter().collect();
            names.sort();
            let variables = names.iter().map(|name| (name, Members([("default", default)])));
            map.serialize_entry("variables", &Members(variables))?;
        }
        map.end()
    }
}
