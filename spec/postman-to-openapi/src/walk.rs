//! The walk through the items: every request becomes an operation or is reported as left out.

use std::borrow::Cow;

use crate::address::{self, Survey};
use crate::answer;
use crate::auth::{self, Security};
use crate::context::Context;
use crate::document::Builder;
use crate::json::Json;
use crate::markdown;
use crate::marker;
use crate::method::Method;
use crate::name;
use crate::postman::{self, Behavior, Info, Node, Raw, Request, Response};
use crate::prose;
use crate::request;
use crate::source::Source;
use crate::variables::Variables;
use crate::{Effect, Error, Note};

/// The current position of the walk.
#[derive(Clone, Copy)]
struct Place<'p, 'a> {
    folders: &'p [Cow<'a, str>],
    auth: Raw<'a>,
    /// Whether Postman sends a body even with GET and HEAD.
    always_sends_body: bool,
    variables: &'p Variables<'p>,
}

/// Reads one source into the document.
///
/// # Errors
///
/// The source is JSON, but neither an item nor a collection.
pub fn source(
    source: &Source,
    environment: &Variables<'_>,
    builder: &mut Builder,
    say: &mut dyn FnMut(Note),
) -> Result<(), Error> {
    const NEITHER: &str =
        "contains neither a Postman item nor a collection; export one from Postman as v2.1 and use that file";
    let refused = |what: &str| Error::new(format!("{}: the file {what}", source.name));
    let mut raw = source.root().ok_or_else(|| refused(NEITHER))?;
    let exported = marker::exported(raw.get());
    let mut walk =
        Walk { source, builder, say, known: (0, 1), exported, item: true, survey: Survey::default(), is_survey: false };
    let outside = Place { folders: &[], auth: None, always_sends_body: false, variables: environment };
    if postman::is_list(Some(raw)) {
        walk.items(&raw.elements().collect::<Vec<_>>(), outside);
        return Ok(());
    }
    let mut node: Node<'_> = postman::object(Some(raw)).ok_or_else(|| refused(NEITHER))?;
    if let Some(wrapped) = node.collection
        && node.item.is_none()
    {
        raw = wrapped;
        node = postman::object(Some(raw)).ok_or_else(|| refused(NEITHER))?;
    }
    if node.item.is_none() && node.request.is_none() {
        let others = [
            (
                node.collections,
                "is a backup of Postman's data; import it into Postman, export each collection as v2.1, and use those files",
            ),
            (
                node.requests,
                "is a collection in the old format v1; import it into Postman, export it as v2.1, and use that file",
            ),
            (source.environment(), "is an environment, which has no requests; name its collection too"),
        ];
        let other = others.into_iter().find(|(member, _)| member.is_some());
        return Err(refused(other.map_or(NEITHER, |(_, what)| what)));
    }
    if node.request.is_some() || node.info.is_none() {
        walk.items(&[raw], outside);
        return Ok(());
    }
    if let Some(info) = postman::object::<Info<'_>>(node.info) {
        walk.builder.collection(&info);
    }
    walk.item = false;
    let variables = Variables::read(node.variable, Some(environment), &mut walk.builder.secrets);
    walk.builder.variables.learn(&variables);
    let always_sends_body = always_sends_body(&node, false);
    let place = Place { folders: &[], auth: node.auth, always_sends_body, variables: &variables };
    walk.items(&node.item.into_iter().flat_map(Json::elements).collect::<Vec<_>>(), place);
    Ok(())
}

struct Walk<'w, 'a> {
    source: &'a Source,
    builder: &'w mut Builder,
    say: &'w mut dyn FnMut(Note),
    /// The last offset whose line was determined, and that line.
    known: (usize, usize),
    /// Whether an exporter generated the file.
    exported: bool,
    /// Whether the file contains single items rather than a collection.
    item: bool,
    survey: Survey,
    /// Whether the URLs are only surveyed.
    is_survey: bool,
}

impl<'a> Walk<'_, 'a> {
    /// Reads the file's items, after a survey of their URLs.
    fn items(&mut self, items: &[Json<'a>], place: Place<'_, 'a>) {
        for is_survey in [true, false] {
            self.is_survey = is_survey;
            items.iter().for_each(|item| self.item(*item, place));
        }
    }

    fn item(&mut self, raw: Json<'a>, place: Place<'_, 'a>) {
        let Some(node) = postman::object::<Node<'a>>(Some(raw)) else {
            return self.left_out(raw, place, None, "it is not a JSON object; export it again", "");
        };
        let title = postman::text(node.name).unwrap_or_default();
        if node.item.is_some() && node.request.is_none() {
            return self.folder(&node, title, place);
        }
        let Some(request) = node.request else {
            return self.left_out(raw, place, Some(&title), "it contains neither a request nor items", "");
        };
        let mut notes = Vec::new();
        let read = self.request(raw, request, &node, &title, place, &mut notes);
        for (topic, text) in notes {
            let note = Note::hint(topic, self.path(raw, place, Some(&title)), text);
            (self.say)(note);
        }
        if let Err((topic, reason)) = read {
            self.left_out(raw, place, Some(&title), topic, &reason);
        }
        if node.item.is_some() {
            self.folder(&node, title, place);
        }
    }

    fn folder(&mut self, node: &Node<'a>, title: Cow<'a, str>, place: Place<'_, 'a>) {
        let mut folders = place.folders.to_vec();
        folders.push(title);
        if place.folders.is_empty()
            && let Some(description) = postman::description(node.description)
        {
            self.builder.describe_tag(one_line(&folders[0]), markdown::tidy(&description));
        }
        let variables = Variables::read(node.variable, Some(place.variables), &mut self.builder.secrets);
        let auth = if node.auth.is_some() { node.auth } else { place.auth };
        let always_sends_body = always_sends_body(node, place.always_sends_body);
        let inside = Place { folders: &folders, auth, always_sends_body, variables: &variables };
        postman::each(node.item, |item| self.item(item, inside));
    }

    fn request(
        &mut self,
        raw: Json<'a>,
        request: Json<'a>,
        node: &Node<'a>,
        title: &str,
        place: Place<'_, 'a>,
        notes: &mut Vec<(&'static str, String)>,
    ) -> Result<(), (&'static str, String)> {
        // A request may be just its URL.
        let request = if request.get().starts_with('"') {
            Request { url: Some(request), ..Request::default() }
        } else {
            postman::object::<Request<'_>>(Some(request))
                .ok_or(("its request is neither an object nor a URL; export it again", String::new()))?
        };
        if self.is_survey {
            if let Ok(address) = address::read(request.url, place.variables, &Survey::default()) {
                self.survey.add(&address);
            }
            return Ok(());
        }
        let method = postman::filled(request.method).unwrap_or(Cow::Borrowed("GET"));
        let method = Method::read(&method).ok_or_else(|| {
            let topic = "OpenAPI does not support its method; change the method, or describe the operation by hand";
            let method = method.trim();
            (
                topic,
                format!(
                    "OpenAPI does not support its method {method}; change the method, or describe the operation by hand"
                ),
            )
        })?;
        let mut context = Context {
            variables: place.variables,
            survey: &self.survey,
            sends_body: !matches!(method, Method::Get | Method::Head)
                || always_sends_body(node, place.always_sends_body),
            secrets: &mut self.builder.secrets,
            notes,
            exported: self.exported,
        };
        let own = if request.auth.is_some() { request.auth } else { node.auth };
        let auth = if own.is_some() { own } else { place.auth };
        let mut security = auth::read(auth, place.variables, context.secrets);
        let (mut operation, address) =
            request::read(&request, title, &mut context).map_err(|reason| (reason, String::new()))?;
        if !matches!(security, Security::Any(_)) {
            security.join(std::mem::take(&mut operation.security));
        }
        let description = postman::description(request.description)
            .or_else(|| postman::description(node.description))
            .unwrap_or_default();
        operation.security = security.with_scopes(prose::scopes(&description));
        operation.rate_limit = prose::rate_limit(&description).unwrap_or_default().into();
        operation.description = markdown::tidy(&description).into();
        operation.summary = one_line(title);
        operation.tag = match place.folders.first() {
            Some(folder) => one_line(folder),
            None => name::resource(&address.path).unwrap_or_default().to_owned(),
        };
        let mut seen: Vec<&str> = [request.body, request.url].into_iter().flatten().map(Json::get).collect();
        postman::each(node.response, |element| {
            let Some(response) = postman::object::<Response<'_>>(Some(element)) else {
                return context.remark("a saved response is left out because it is not a JSON object", "");
            };
            request::saved(&response, title, &mut operation, &mut seen, &mut context);
            let (status, answer) = answer::read(&response, &mut context);
            operation.answer(status, Box::new(answer));
        });
        operation.requests = 1;
        operation.exported = self.exported;
        if self.item {
            operation.trust_as_item();
        }
        if let Some(with) = self.builder.add(method, address, operation)? {
            let place = self.path(raw, place, Some(title));
            let text = format!("into {with}");
            (self.say)(Note {
                effect: Effect::Merged,
                topic: "into another request of the same method and path",
                place,
                text,
            });
        }
        Ok(())
    }

    fn left_out(&mut self, raw: Json<'a>, place: Place<'_, 'a>, title: Option<&str>, topic: &'static str, text: &str) {
        if self.is_survey {
            return;
        }
        self.builder.left_out += 1;
        let place = self.path(raw, place, title);
        let text = if text.is_empty() { topic } else { text }.to_owned();
        (self.say)(Note { effect: Effect::LeftOut, topic, place, text });
    }

    /// `file:line: Folder / Item`.
    fn path(&mut self, raw: Json<'a>, place: Place<'_, 'a>, title: Option<&str>) -> String {
        self.known = self.source.locate(raw, self.known);
        let mut path = format!("{}:{}: ", self.source.name, self.known.1);
        for folder in place.folders {
            path.push_str(folder.trim());
            path.push_str(" / ");
        }
        match title.map(str::trim) {
            Some("") | None => path.push_str("an item without a name"),
            Some(title) => path.push_str(title),
        }
        path
    }
}

/// Whether Postman sends a body even with GET and HEAD, if that is said here rather than further out.
fn always_sends_body(node: &Node<'_>, outside: bool) -> bool {
    let behavior = postman::object::<Behavior<'_>>(node.behavior).unwrap_or_default();
    behavior.keeps_body.map_or(outside, |flag| postman::flag(Some(flag)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
