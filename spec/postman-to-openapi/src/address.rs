//! A request's URL, split into the server, the path with its parameters, and the query.

use std::borrow::Cow;
use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use crate::format;
use crate::name;
use crate::postman::{self, Raw, Url};
use crate::scalar;
use crate::shape::Kind;
use crate::template;
use crate::text::split_while;
use crate::variables::{self, Variables};

/// A URL, split into its parts.
#[derive(Debug, Default)]
pub struct Address {
    /// The server.
    pub server: Server,
    /// The path, `/meetings/{meetingId}`.
    pub path: String,
    /// The path's parameters, in order.
    pub parameters: Vec<PathParameter>,
    /// The query in the text of the URL.
    pub query: Vec<(String, String)>,
    /// The credentials in front of the host.
    pub userinfo: Option<String>,
    /// The start of the path that comes from variables, if more follows them.
    base: Option<String>,
    /// The parameters whose place a recorded id had.
    pub recorded: Vec<String>,
}

/// What the URLs of one file have in common.
#[derive(Default)]
pub struct Survey {
    /// The start of every path that begins with variables, by host.
    bases: HashMap<String, String>,
    /// How many paths have the same shape, in which a number counts as a parameter.
    shapes: HashMap<String, u32>,
}

impl Survey {
    /// Adds a request's URL.
    pub fn add(&mut self, address: &Address) {
        *self.shapes.entry(shape(&address.path)).or_default() += 1;
        if let Some(base) = &address.base {
            let known = self.bases.entry(address.server.url.clone()).or_insert_with(|| base.clone());
            while !is_below(base, known) {
                known.truncate(known.rfind('/').unwrap_or_default());
            }
        }
    }
}

/// A path in which parameters and numbers are alike.
fn shape(path: &str) -> String {
    let segments = segments(path).map(|segment| match recorded(segment) {
        Some((_, ending)) => format!("/{{}}{ending}"),
        None => format!("/{}", template::nameless(segment)),
    });
    segments.collect()
}

/// Splits a segment that begins with a recorded id, or is a placeholder for one, before its ending: `17.json`,
/// `17:cancel`.
fn recorded(segment: &str) -> Option<(&str, &str)> {
    let (id, ending) = split_while(segment, |c| !matches!(c, '.' | ':'));
    let is_ending = ending.is_empty() || ending.trim_start_matches(['.', ':']).starts_with(char::is_alphabetic);
    let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
    (is_ending && (is_number || is_certain(id))).then_some((id, ending))
}

/// Whether a segment cannot be anything but an id: a UUID, or an exporter's placeholder such as `<long>`.
fn is_certain(id: &str) -> bool {
    format::of(id) == Some("uuid") || id.starts_with('<') && scalar::read(id, "").placeholder
}

/// Whether a path is the base or continues after it.
fn is_below(path: &str, base: &str) -> bool {
    path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where requests are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Server {
    /// The URL, with variables as `{name}`.
    pub url: String,
    /// The variables' names.
    pub variables: Vec<String>,
}

impl Server {
    /// Whether requests can be sent there without filling in variables.
    pub fn is_known(&self) -> bool {
        !self.url.is_empty() && self.variables.is_empty()
    }

    /// Fills in the variables that another input defines.
    pub fn fill(&mut self, values: &Variables<'_>) {
        let open = self
            .variables
            .iter()
            .fold(self.url.clone(), |url, name| url.replace(&format!("{{{name}}}"), &format!("{{{{{name}}}}}")));
        let filled = values.expand(&open);
        if filled != open {
            *self = server(&filled).0;
        }
    }
}

/// One parameter of a path.
#[derive(Debug, PartialEq)]
pub struct PathParameter {
    /// Its name in the path.
    pub name: String,
    /// Its name in the input.
    pub key: String,
    /// The value of the variable of that name, if any.
    pub value: Option<String>,
}

/// Paths with more parameters than this are refused.
const MOST_PARAMETERS: usize = 100;

/// Splits a request's URL, which may be text or an object. What the paths on one host have in common because of their
/// variables belongs to the server.
///
/// # Errors
///
/// There is no URL, it is empty, or its path has too many parameters.
pub fn read(raw: Raw<'_>, variables: &Variables<'_>, survey: &Survey) -> Result<Address, &'static str> {
    let mut address = split(raw, variables, &|_| false)?;
    if segments(&address.path).any(|segment| recorded(segment).is_some()) {
        let is_shared = |path: &str| survey.shapes.get(&shape(path)).is_some_and(|count| *count > 1);
        let all = is_shared(&address.path);
        address = split(raw, variables, &|path| all || is_shared(path))?;
    }
    if address.parameters.len() > MOST_PARAMETERS {
        return Err("its path has more than 100 parameters; shorten it");
    }
    if let Some(base) = survey.bases.get(&address.server.url)
        && is_below(&address.path, base)
    {
        let path = address.path.split_off(base.len());
        address.server.url.push_str(base);
        address.path = if path.is_empty() { "/".to_owned() } else { path };
    }
    Ok(address)
}

fn split(raw: Raw<'_>, variables: &Variables<'_>, is_shared: &dyn Fn(&str) -> bool) -> Result<Address, &'static str> {
    const NONE: &str = "it has no URL; give it one in Postman and export again";
    if let Some(text) = postman::filled(raw) {
        return parse(text.trim(), &[], variables, is_shared).ok_or(NONE);
    }
    let url: Url<'_> = postman::object(raw).ok_or(NONE)?;
    let mut declared = Vec::new();
    postman::entries(url.variable, |entry| {
        declared.extend(entry.name().map(Cow::into_owned));
    });
    let text = match postman::filled(url.raw) {
        Some(raw) => raw.into_owned(),
        None => compose(&url),
    };
    parse(text.trim(), &declared, variables, is_shared).ok_or(NONE)
}

/// Builds a URL from its parts, for exports without `raw`.
fn compose(url: &Url<'_>) -> String {
    let mut text = String::new();
    let host = parts(url.host, ".");
    if let Some(protocol) = postman::filled(url.protocol)
        && !host.is_empty()
    {
        text.push_str(protocol.trim_end_matches("://"));
        text.push_str("://");
    }
    text.push_str(&host);
    if let Some(port) = postman::filled(url.port) {
        text.push(':');
        text.push_str(&port);
    }
    let path = parts(url.path, "/");
    if !path.is_empty() && !path.starts_with('/') {
        text.push('/');
    }
    text.push_str(&path);
    text
}

/// A host or path: text, or a list of texts or `{type, value}` objects.
fn parts(raw: Raw<'_>, separator: &str) -> String {
    if let Some(text) = postman::text(raw) {
        return text.into_owned();
    }
    let mut parts = Vec::new();
    postman::each(raw, |part| {
        let part = Some(part);
        let value = postman::text(part).or_else(|| postman::text(postman::object::<postman::Entry>(part)?.value));
        parts.extend(value.map(|value| value.into_owned()));
    });
    parts.join(separator)
}

/// Splits a URL. A UUID in the path is a parameter, and so is a number if other requests have the path up to it.
fn parse(
    text: &str,
    declared: &[String],
    variables: &Variables<'_>,
    is_shared: &dyn Fn(&str) -> bool,
) -> Option<Address> {
    let text = braced(text.strip_prefix("//").unwrap_or(text));
    let (head, tail) = split_head(&text);
    let word = head.rsplit_once("}}").map_or(head, |(_, word)| word);
    let lead = variables.expand(head.strip_suffix(word).unwrap_or_default());
    // Only a path can continue with a word after a variable without a value.
    let is_word = word.starts_with(char::is_alphanumeric) && !word.contains(['.', ':']);
    let between = if lead.ends_with("}}") && is_word { "/" } else { "" };
    let whole = format!("{lead}{between}{word}{tail}");
    let whole = whole.split('#').next().filter(|whole| !whole.is_empty() && !whole.starts_with('<'))?;
    let (place, query) = whole.split_once('?').unwrap_or((whole, ""));
    let (host, path) = if head.is_empty() { ("", place) } else { split_host(place) };
    let (server, userinfo) = server(host);
    let mut address = Address { server, userinfo, query: pairs(query), ..Address::default() };
    let (_, lead_path) = split_host(&lead);
    let from_lead = segments(lead_path).count();
    let is_whole = lead.ends_with('/') || !is_word || !between.is_empty();
    let (mut leading, mut resource) = (true, "");
    for (at, segment) in segments(path).enumerate() {
        if at == from_lead && is_whole && !lead.is_empty() {
            address.base = Some(address.path.clone()).filter(|base| !base.contains('{'));
        }
        if leading
            && at >= from_lead
            && let Some(base) = base_path(segment, variables)
        {
            for part in segments(&base) {
                address.path.push('/');
                literal(&mut address.path, part);
            }
            continue;
        }
        let id = recorded(segment).filter(|(id, _)| {
            // What follows `api` or nothing at all is a version.
            let is_owned = !matches!(resource.to_ascii_lowercase().as_str(), "" | "api" | "rest" | "v" | "version");
            is_certain(id) || is_owned && is_shared(&format!("{}/{segment}", address.path))
        });
        address.path.push('/');
        let before = address.parameters.len();
        match id {
            Some((id, ending)) => {
                address.parameter(&name::id_of(resource), Some(id.to_owned()));
                address.recorded.extend(address.parameters.last().map(|parameter| parameter.name.clone()));
                address.path.push_str(ending);
            }
            None => address.segment(segment, declared, variables),
        }
        if address.parameters.len() == before {
            resource = segment;
        }
        leading = at < from_lead || leading && address.parameters.len() > before;
    }
    if address.path.is_empty() || path.ends_with('/') {
        address.path.push('/');
    }
    Some(address)
}

/// Writes `<name>`, which people fill in by hand, as the variable that it is. A type between the brackets stays.
fn braced(url: &str) -> String {
    let (mut rest, query) = url.split_at(url.find(['?', '#']).unwrap_or(url.len()));
    let mut out = String::new();
    while let Some((before, inside)) = rest.split_once('<')
        && let Some((name, after)) = inside.split_once('>')
    {
        let is_name = is_name(name) && !scalar::read(&format!("<{name}>"), "").placeholder;
        out.push_str(&if is_name { format!("{before}{{{{{name}}}}}") } else { format!("{before}<{name}>") });
        rest = after;
    }
    out + rest + query
}

fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' '))
}

/// The segments of a path; several slashes count as one.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Splits a URL before its path or query.
fn split_host(url: &str) -> (&str, &str) {
    let host = match url.split_once("://") {
        Some((scheme, host)) if !scheme.contains('/') => host,
        _ => url,
    };
    let (_, path) = split_while(host, |c| !matches!(c, '/' | '?' | '#'));
    (url.strip_suffix(path).unwrap_or(url), path)
}

/// Splits the host from the path, if there is one.
fn split_head(url: &str) -> (&str, &str) {
    let (head, path) = split_host(url);
    // `users/list` does not name a server; `localhost/x`, `a.example/x` and `{{host}}/x` do.
    let port = head.split_once(':').is_some_and(|(_, port)| port.starts_with(|c: char| c.is_ascii_digit()));
    let is_host = head.contains("://") || head.contains(['.', '{']) || head == "localhost" || port;
    if is_host && !head.starts_with(':') { (head, path) } else { ("", url) }
}

/// The value of a leading `{{version}}` or `{{basePath}}`, which is part of the path rather than a parameter.
fn base_path(segment: &str, variables: &Variables<'_>) -> Option<String> {
    variables::whole(segment)?;
    let value = variables.expand(segment);
    let id = matches!(scalar::read(&value, "").shape.kind, Kind::Integer(_) | Kind::Text(Some(_)));
    (!value.contains("{{") && !value.starts_with(':') && !id).then(|| value.into_owned())
}

fn server(head: &str) -> (Server, Option<String>) {
    let head = head.trim().trim_end_matches('/');
    let head = head.split(['?', '#']).next().unwrap_or_default();
    if head.is_empty() {
        return (Server::default(), None);
    }
    // Postman itself uses http if there is no scheme.
    let mut url =
        if head.contains("://") || head.starts_with(['{', '/']) { head.to_owned() } else { format!("http://{head}") };
    let mut userinfo = None;
    if let Some((scheme, rest)) = url.split_once("://") {
        let (authority, path) = split_while(rest, |c| c != '/');
        if let Some((user, host)) = authority.rsplit_once('@') {
            userinfo = Some(user.to_owned());
            url = format!("{scheme}://{host}{path}");
        }
    }
    let mut server = Server::default();
    let mut rest = url.as_str();
    while let Some((before, name, after)) = variables::next(rest) {
        literal(&mut server.url, before);
        let name = parameter_name(name);
        server.url.push_str(&format!("{{{name}}}"));
        if !server.variables.contains(&name) {
            server.variables.push(name);
        }
        rest = after;
    }
    literal(&mut server.url, rest);
    (server, userinfo)
}

impl Address {
    /// Appends a segment, in which `:id`, `{{id}}` and `{id}` are parameters.
    fn segment(&mut self, segment: &str, declared: &[String], variables: &Variables<'_>) {
        let mut rest = segment;
        if let Some(name) = segment.strip_prefix(':') {
            // Only the app takes `:id:cancel` for one name.
            let (name, behind) = if !name.contains(':') && declared.iter().any(|key| key == name) {
                (name, "")
            } else {
                split_while(name, |c| c.is_alphanumeric() || c == '_' || c == '-')
            };
            if !name.is_empty() {
                self.parameter(name, None);
                rest = behind;
            }
        }
        let blank = segment.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        if let Some(name) = blank.or(segment.strip_prefix("YOUR_")).filter(|name| is_name(name)) {
            return self.parameter(name, None);
        }
        while let Some((before, name, after)) = variables::next(rest) {
            self.braced(before);
            let value = variables.expand(&format!("{{{{{}}}}}", name.trim())).into_owned();
            // A value such as `:feed` is a name too.
            let value = Some(value).filter(|value| !value.contains("{{") && !value.starts_with(':'));
            self.parameter(name.trim(), value);
            rest = after;
        }
        self.braced(rest);
    }

    /// Appends text that may contain parameters in OpenAPI's form, `{id}`.
    fn braced(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, inside)) = rest.split_once('{')
            && let Some((name, after)) = inside.split_once('}')
            && !name.is_empty()
        {
            literal(&mut self.path, before);
            self.parameter(name, None);
            rest = after;
        }
        literal(&mut self.path, rest);
    }

    fn parameter(&mut self, key: &str, value: Option<String>) {
        if self.parameters.len() > MOST_PARAMETERS {
            return;
        }
        let mut name = parameter_name(key);
        let taken = |name: &str| self.parameters.iter().any(|parameter| parameter.name == name);
        if taken(&name) {
            let number = (2..).find(|number| !taken(&format!("{name}{number}"))).unwrap_or(2);
            name = format!("{name}{number}");
        }
        self.path.push_str(&format!("{{{name}}}"));
        self.parameters.push(PathParameter { name, key: key.to_owned(), value });
    }
}

/// A name that is allowed between braces in a path.
fn parameter_name(key: &str) -> String {
    let name = name::plain(key.trim().trim_start_matches('$'));
    if name.is_empty() { "value".to_owned() } else { name }
}

/// Appends literal text, percent-encoding what is not allowed in a URL.
fn literal(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_ascii_control() || " \"<>\\^`{}|".contains(c) {
            out.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
}

/// The decoded names and values of a query or form.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// Decodes percent-encoding; a text that does not decode to UTF-8 stays encoded.
pub fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::secret::Secrets;
    use proptest::prelude::*;

    fn text(json: &str) -> json::Text {
        json::Text::new(json.to_owned()).ok().expect("valid JSON")
    }

    fn variables() -> Variables<'static> {
        let raw = r#"[{"key":"base","value":"https://a.example/v1/"},{"key":"version","value":"v2"},{"key":"id","value":"7"}]"#;
        Variables::read(text(raw).root(), None, &mut Secrets::default())
    }

    fn parts_of(json: &str) -> (String, String) {
        let text = text(json);
        let mut survey = Survey::default();
        survey.add(&read(text.root(), &variables(), &survey).expect("a valid URL"));
        let address = read(text.root(), &variables(), &survey).expect("a valid URL");
        (address.server.url, address.path)
    }

    #[test]
    fn every_form_of_url_is_split_into_its_parts() {
        for (json, server, path) in [
            (r#""{{baseUrl}}/meetings/:meetingId/x""#, "{baseUrl}", "/meetings/{meetingId}/x"),
            (r#""{{base}}/a""#, "https://a.example/v1", "/a"),
            (r#""https://u:p@a.example:8080/a?x=1#y""#, "https://a.example:8080", "/a"),
            (r#""a.example/{{version}}/b""#, "http://a.example", "/v2/b"),
            (r#""{{host}}/{{id}}/b""#, "{host}", "/{id}/b"),
            (r#""https://{{sub domain}}.example/b""#, "https://{sub_domain}.example", "/b"),
            (r#""{{base}}""#, "https://a.example", "/v1/"),
            (r#""{{base}}a/b""#, "https://a.example/v1", "/a/b"),
            (r#""{{open}}a.b/c""#, "{open}a.b", "/c"),
            (r#""{{open}}a/b""#, "{open}", "/a/b"),
            (r#""//a.example//b/""#, "http://a.example", "/b/"),
            (r#""/a/{b}/c.{{format}}""#, "", "/a/{b}/c.{format}"),
            (r#""users/list""#, "", "/users/list"),
            (r#""{{base}}/:id/x/:id""#, "https://a.example/v1", "/{id}/x/{id2}"),
            (r#""{{base}}/a b/{c""#, "https://a.example/v1", "/a%20b/%7Bc"),
            (r#""{{base}}/:a:act/x""#, "https://a.example/v1", "/{a}:act/x"),
            (
                r#"{"protocol":"https","host":["a","example"],"port":"1","path":["b",{"type":"string","value":"c"}]}"#,
                "https://a.example:1",
                "/b/c",
            ),
            (r#"{"host":"{{base}}","path":"/b/c"}"#, "https://a.example/v1", "/b/c"),
        ] {
            assert_eq!(parts_of(json), (server.to_owned(), path.to_owned()), "{json}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_survey_moves_only_the_border_between_server_and_path(
            urls in prop::collection::vec("(\\{\\{(base|open|id)\\}\\}|https://a.example|:id|[/?#:.é<]|v1|a){0,8}", 1..5),
        ) {
            let texts: Vec<_> = urls.iter().map(|url| text(&serde_json::to_string(url).expect("JSON"))).collect();
            let mut survey = Survey::default();
            let all = |survey: &Survey| -> Vec<Address> {
                texts.iter().filter_map(|text| read(text.root(), &variables(), survey).ok()).collect()
            };
            let before = all(&survey);
            before.iter().for_each(|address| survey.add(address));
            for (before, after) in before.iter().zip(all(&survey)) {
                // An id that turns out to be one has its value in the place of its name.
                let url = |address: &Address| {
                    let recorded = address.parameters.iter().filter(|parameter| address.recorded.contains(&parameter.name));
                    let path = recorded.fold(address.path.clone(), |path, PathParameter { name, value, .. }| {
                        path.replace(&format!("{{{name}}}"), value.as_deref().expect("a recorded id"))
                    });
                    format!("{}{path}", address.server.url).trim_end_matches('/').to_owned()
                };
                prop_assert_eq!(url(before), url(&after));
                prop_assert!(after.path.starts_with('/') && after.server.url.starts_with(&before.server.url));
            }
        }
    }

    #[test]
    fn a_missing_or_malformed_url_never_panics() {
        for json in ["\"\"", "{}", "{\"raw\":\"\"}", "[]", "7e999"] {
            let _ = read(text(json).root(), &variables(), &Survey::default());
        }
        assert!(read(None, &variables(), &Survey::default()).is_err());
    }

    #[test]
    fn the_query_of_a_text_url_is_decoded() {
        let text = text(r#""/a?x=1&y%5Bz%5D=%41+b&&w&v=%+1%zz&u=%ff""#);
        let query = read(text.root(), &variables(), &Survey::default()).expect("a valid URL").query;
        let pairs: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("x", "1"), ("y[z]", "A+b"), ("w", ""), ("v", "%+1%zz"), ("u", "%ff")]);
    }
}
