//! Sends a call's parameters in the query, in headers and in cookies, each in the style that the description gives
//! (OpenAPI 3.0, "Style Values").
#![allow(dead_code)] // the description decides which places and styles are used

use reqwest::Request;
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

use crate::inspection::secrets;
use crate::url::encoded;

/// How a list or an object is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// `a,b`, or for an object `name,value`.
    Delimited(char),
    /// One `name=value` for each item or member.
    Exploded,
    /// `parameter[name]=value` for each member of an object.
    DeepObject,
    /// As JSON, regardless of its type.
    Json,
}

/// Everything that is sent besides the path and the body. Not `Debug`, because it may contain secrets.
#[derive(Default)]
pub(crate) struct Parameters {
    query: String,
    headers: HeaderMap,
    /// Each [`Secret`](crate::Secret) that is sent.
    pub secrets: Vec<String>,
}

impl Parameters {
    /// The error is the message that says why the value was refused.
    pub fn query(&mut self, name: &str, style: Style, value: &impl Serialize) -> Result<(), String> {
        self.secrets.extend(secrets(value));
        // A comma between texts is sent as it is, and one inside a text is percent-encoded; a space or a pipe is always
        // encoded.
        let (refused, delimiter) = match style {
            Style::Delimited(by) if by != ',' => (Some(by), encoded(&by.to_string()).into_owned()),
            _ => (None, ",".to_owned()),
        };
        for (member, texts) in pairs(name, style, value, refused)? {
            let and = if self.query.is_empty() { "" } else { "&" };
            let name = encoded(member.as_deref().unwrap_or(name));
            let texts: Vec<_> = texts.iter().map(|text| encoded(text)).collect();
            self.query += &format!("{and}{name}={}", texts.join(&delimiter));
        }
        Ok(())
    }

    /// The error is the message that says why the value was refused.
    pub fn header(&mut self, name: &str, style: Style, value: &impl Serialize) -> Result<(), String> {
        let pairs = pairs(name, style, value, Some(','))?;
        if pairs.is_empty() {
            return Ok(());
        }
        let texts = pairs.into_iter().map(|(member, texts)| match member {
            Some(member) => format!("{member}={}", texts.concat()),
            None => texts.join(","),
        });
        let refused = || format!("`{name}` contains a character that is not allowed in a header");
        let text = texts.collect::<Vec<_>>().join(",");
        if text.trim_ascii() != text {
            // A reader drops them (RFC 9110, section 5.5).
            return Err(format!(
                "`{name}` begins or ends with white space, which is not part of a header's value"
            ));
        }
        let mut text = HeaderValue::from_str(&text).map_err(|_| refused())?;
        let secrets = secrets(value);
        text.set_sensitive(!secrets.is_empty());
        self.secrets.extend(secrets);
        self.headers.append(HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?, text);
        Ok(())
    }

    /// The error is the message that says why the value was refused.
    pub fn cookie(&mut self, name: &str, style: Style, value: &impl Serialize) -> Result<(), String> {
        self.secrets.extend(secrets(value));
        for (_, texts) in pairs(name, style, value, None)? {
            let texts: Vec<_> = texts.iter().map(|text| encoded(text)).collect();
            let cookie = format!("{name}={}", texts.join(","));
            let others = self.headers.get(COOKIE).and_then(|others| others.to_str().ok());
            let cookies = others.map_or(cookie.clone(), |others| format!("{others}; {cookie}"));
            let cookies = HeaderValue::try_from(cookies);
            let mut cookies = cookies.map_err(|_| format!("`{name}` cannot be sent as a cookie"))?;
            cookies.set_sensitive(true);
            self.headers.insert(COOKIE, cookies);
        }
        Ok(())
    }

    pub fn apply(&self, request: &mut Request) {
        if !self.query.is_empty() {
            request.url_mut().set_query(Some(&self.query));
        }
        request.headers_mut().extend(self.headers.clone());
    }
}

/// A name, if it is not the parameter's own, and its text or texts.
type Pair = (Option<String>, Vec<String>);

/// The pairs that a value becomes; none if it is `null`. A text in a list or an object is refused if it contains
/// `refused`, because it would arrive as two.
fn pairs(
    name: &str,
    style: Style,
    value: &impl Serialize,
    refused: Option<char>,
) -> Result<Vec<Pair>, String> {
    let value = serde_json::to_value(value).map_err(|error| format!("`{name}` cannot be sent: {error}"))?;
    let part = |value: Value| {
        let text = scalar(value).ok_or_else(|| {
            format!("`{name}` contains a list, an object or `null` inside another, and no style defines how to send that")
        })?;
        match refused.filter(|by| text.contains(*by)) {
            Some(by) => Err(format!("`{name}` has a value that contains `{by}`, which separates its values")),
            None => Ok(text),
        }
    };
    match (value, style) {
        (Value::Null, _) => Ok(Vec::new()),
        (value, Style::Json) => Ok(vec![(None, vec![value.to_string()])]),
        (Value::Array(values), Style::Delimited(_)) => {
            Ok(vec![(None, values.into_iter().map(part).collect::<Result<_, _>>()?)])
        }
        (Value::Array(values), _) => values.into_iter().map(|value| Ok((None, vec![part(value)?]))).collect(),
        (Value::Object(members), Style::Delimited(_)) => {
            let texts = members.into_iter().flat_map(|(member, value)| [part(member.into()), part(value)]);
            Ok(vec![(None, texts.collect::<Result<_, _>>()?)])
        }
        (Value::Object(members), _) => {
            let members = members.into_iter().map(|(member, value)| {
                let member = part(member.into())?;
                let member = if style == Style::DeepObject { format!("{name}[{member}]") } else { member };
                Ok((Some(member), vec![part(value)?]))
            });
            members.collect()
        }
        (value, _) => Ok(vec![(None, scalar(value).into_iter().collect())]),
    }
}

fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use reqwest::{Method, Url};

    use super::*;

    fn query(name: &str, style: Style, value: &Value) -> Option<String> {
        let mut parameters = Parameters::default();
        parameters.query(name, style, value).ok()?;
        Some(sent(&parameters).url().query().unwrap_or_default().to_owned())
    }

    fn sent(parameters: &Parameters) -> Request {
        let mut request = Request::new(Method::GET, Url::parse("http://localhost/").expect("a URL"));
        parameters.apply(&mut request);
        request
    }

    fn read(query: &str) -> Vec<(String, String)> {
        let url = Url::parse(&format!("http://localhost/?{query}")).expect("a URL");
        url.query_pairs().into_owned().collect()
    }

    #[test]
    fn a_header_with_a_secret_is_sensitive() {
        let mut parameters = Parameters::default();
        let texts = (&crate::Secret::from("key"), "text");
        parameters.header("x-key", Style::Delimited(','), &texts).expect("a header");
        parameters.header("x-text", Style::Delimited(','), &"text").expect("a header");
        let request = sent(&parameters);
        assert!(request.headers()["x-key"].is_sensitive() && !request.headers()["x-text"].is_sensitive());
        assert_eq!(parameters.secrets, ["key"]);
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_was(name in ".{1,5}", texts in prop::collection::vec(any::<String>(), 1..4)) {
            let value = Value::from(texts.clone());
            let exploded = query(&name, Style::Exploded, &value).expect("a query");
            let expected: Vec<_> = texts.iter().map(|text| (name.clone(), text.clone())).collect();
            prop_assert_eq!(read(&exploded), expected);
            for (by, between) in [(',', ","), (' ', "%20"), ('|', "%7C")] {
                // Refused if a text contains the delimiter, because it would arrive as two texts.
                let Some(sent) = query("a", Style::Delimited(by), &value) else { continue };
                let texts_read: Vec<String> = sent["a=".len()..]
                    .split(between)
                    .map(|text| read(&format!("a={text}")).remove(0).1)
                    .collect();
                prop_assert_eq!(&texts_read, &texts);
            }
            let mut members = serde_json::Map::new();
            members.insert(name.clone(), texts[0].clone().into());
            let deep = query("a", Style::DeepObject, &members.into()).expect("a query");
            prop_assert_eq!(read(&deep), [(format!("a[{name}]"), texts[0].clone())]);
        }

        #[test]
        fn no_value_adds_a_header_or_cookie(text in prop_oneof![any::<String>(), "[ \ta-c]{0,4}"]) {
            let mut parameters = Parameters::default();
            let value = Value::from(vec![text.clone()]);
            if parameters.header("x-a", Style::Exploded, &value).is_ok() {
                let request = sent(&parameters);
                let headers = request.headers();
                let read = headers.get("x-a").map(|value| value.as_bytes().trim_ascii());
                prop_assert_eq!(read, Some(text.as_bytes()));
            }
            parameters.cookie("a", Style::Delimited(','), &value).expect("a cookie");
            let request = sent(&parameters);
            let headers = request.headers();
            let cookie = headers.get(COOKIE).and_then(|value| value.to_str().ok()).expect("a cookie");
            prop_assert!(!cookie.contains([';', ' ', ',']), "{cookie}");
        }
    }
}
