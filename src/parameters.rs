//! A call's parameters on their way into query, headers and cookies, each in the style that the description says
//! (OpenAPI 3.0, "Style Values").
#![allow(dead_code)] // the description says which places and styles there are

use reqwest::Url;
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;

/// How a list or an object is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Style {
    /// `a,b`, and of an object `name,value`.
    Delimited(char),
    /// One `name=value` for each.
    Exploded,
    /// `parameter[name]=value` for each member of an object.
    DeepObject,
    /// As JSON, whatever it is.
    Json,
}

/// What is sent beside path and body.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    query: String,
    headers: HeaderMap,
    cookies: String,
}

/// A value as the styles know them.
enum Given {
    Nothing,
    One(String),
    Many(Vec<String>),
    Members(Vec<(String, String)>),
}

impl Parameters {
    /// An error is the sentence that refuses the value.
    pub fn query(&mut self, name: &str, style: Style, value: &impl Serialize) -> Result<(), String> {
        let plain = |name: &str| encoded(name);
        match (given(name, style, value)?, style) {
            (Given::Nothing, _) => (),
            (Given::One(text), _) => self.pair(&plain(name), &encoded(&text)),
            (Given::Many(texts), Style::Delimited(by)) => {
                let joined = in_query(name, texts, by)?;
                self.pair(&plain(name), &joined);
            }
            (Given::Many(texts), _) => {
                texts.iter().for_each(|text| self.pair(&plain(name), &encoded(text)));
            }
            (Given::Members(members), Style::Delimited(by)) => {
                let joined = in_query(name, flat(members), by)?;
                self.pair(&plain(name), &joined);
            }
            (Given::Members(members), Style::DeepObject) => {
                for (member, text) in members {
                    self.pair(&encoded(&format!("{name}[{member}]")), &encoded(&text));
                }
            }
            (Given::Members(members), _) => {
                members.iter().for_each(|(member, text)| self.pair(&encoded(member), &encoded(text)));
            }
        }
        Ok(())
    }

    fn pair(&mut self, name: &str, text: &str) {
        let and = if self.query.is_empty() { "" } else { "&" };
        self.query += &format!("{and}{name}={text}");
    }

    pub fn header(&mut self, name: &str, style: Style, value: &impl Serialize) -> Result<(), String> {
        let text = match (given(name, style, value)?, style) {
            (Given::Nothing, _) => return Ok(()),
            (Given::One(text), _) => text,
            (Given::Many(texts), _) => in_header(name, texts)?,
            (Given::Members(members), Style::Exploded) => {
                let pairs = members.into_iter().map(|(member, text)| format!("{member}={text}"));
                in_header(name, pairs.collect())?
            }
            (Given::Members(members), _) => in_header(name, flat(members))?,
        };
        let refused = || format!("`{name}` holds what a header cannot carry");
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        self.headers.append(header, HeaderValue::from_str(&text).map_err(|_| refused())?);
        Ok(())
    }

    pub fn cookie(&mut self, name: &str, style: Style, value: &impl Serialize) -> Result<(), String> {
        let text = match given(name, style, value)? {
            Given::Nothing => return Ok(()),
            Given::One(text) => encoded(&text),
            Given::Many(texts) => in_query(name, texts, ',')?,
            Given::Members(members) => in_query(name, flat(members), ',')?,
        };
        let and = if self.cookies.is_empty() { "" } else { "; " };
        self.cookies += &format!("{and}{name}={text}");
        Ok(())
    }

    pub fn url(&self, mut url: Url) -> Url {
        if !self.query.is_empty() {
            url.set_query(Some(&self.query));
        }
        url
    }

    pub fn headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        // A cookie's name is a token and its value percent-encoded.
        if let Ok(mut cookies) = HeaderValue::from_str(&self.cookies)
            && !self.cookies.is_empty()
        {
            cookies.set_sensitive(true);
            headers.insert(COOKIE, cookies);
        }
        headers
    }
}

fn given(name: &str, style: Style, value: &impl Serialize) -> Result<Given, String> {
    let value = serde_json::to_value(value).map_err(|error| format!("`{name}` cannot be sent: {error}"))?;
    let text = |value: Value| match value {
        Value::String(text) => Ok(text),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(format!(
            "`{name}` holds a list, an object or `null` in another, and no style says how to send it"
        )),
    };
    Ok(match value {
        Value::Null => Given::Nothing,
        value if style == Style::Json => Given::One(value.to_string()),
        Value::Array(values) => Given::Many(values.into_iter().map(text).collect::<Result<_, _>>()?),
        Value::Object(members) => {
            let members = members.into_iter().map(|(name, value)| Ok((name, text(value)?)));
            Given::Members(members.collect::<Result<_, String>>()?)
        }
        value => Given::One(text(value)?),
    })
}

fn flat(members: Vec<(String, String)>) -> Vec<String> {
    members.into_iter().flat_map(|(name, text)| [name, text]).collect()
}

/// A comma stands between texts as it is, and is percent-encoded in them; a space and a pipe always are.
fn in_query(name: &str, texts: Vec<String>, by: char) -> Result<String, String> {
    let delimiter = if by == ',' { by.to_string() } else { encoded(&by.to_string()) };
    let texts = if by == ',' { texts } else { without(name, texts, by)? };
    Ok(texts.iter().map(|text| encoded(text)).collect::<Vec<_>>().join(&delimiter))
}

fn in_header(name: &str, texts: Vec<String>) -> Result<String, String> {
    Ok(without(name, texts, ',')?.join(","))
}

/// A text that holds what parts it from the next would arrive as two.
fn without(name: &str, texts: Vec<String>, by: char) -> Result<Vec<String>, String> {
    match texts.iter().any(|text| text.contains(by)) {
        true => Err(format!("`{name}` holds a value with `{by}` in it, which is what separates its values")),
        false => Ok(texts),
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(name: &str, style: Style, value: &Value) -> Option<String> {
        let mut parameters = Parameters::default();
        parameters.query(name, style, value).ok()?;
        let url = parameters.url(Url::parse("http://localhost/").expect("a URL"));
        Some(url.query().unwrap_or_default().to_owned())
    }

    fn pairs(query: &str) -> Vec<(String, String)> {
        let url = Url::parse(&format!("http://localhost/?{query}")).expect("a URL");
        url.query_pairs().into_owned().collect()
    }

    proptest! {
        #[test]
        fn any_text_arrives_as_it_was(name in ".{1,5}", texts in prop::collection::vec(any::<String>(), 1..4)) {
            let value = Value::from(texts.clone());
            let exploded = query(&name, Style::Exploded, &value).expect("a query");
            let expected: Vec<_> = texts.iter().map(|text| (name.clone(), text.clone())).collect();
            prop_assert_eq!(pairs(&exploded), expected);
            for (by, between) in [(',', ","), (' ', "%20"), ('|', "%7C")] {
                // Refused where a text holds the delimiter, which arrives like the one between texts.
                let Some(sent) = query("a", Style::Delimited(by), &value) else { continue };
                let texts_read: Vec<String> = sent["a=".len()..]
                    .split(between)
                    .map(|text| pairs(&format!("a={text}")).remove(0).1)
                    .collect();
                prop_assert_eq!(&texts_read, &texts);
            }
            let mut members = serde_json::Map::new();
            members.insert(name.clone(), texts[0].clone().into());
            let deep = query("a", Style::DeepObject, &members.into()).expect("a query");
            prop_assert_eq!(pairs(&deep), [(format!("a[{name}]"), texts[0].clone())]);
        }

        #[test]
        fn no_header_or_cookie_starts_another(text in any::<String>()) {
            let mut parameters = Parameters::default();
            let value = Value::from(vec![text.clone()]);
            if parameters.header("x-a", Style::Exploded, &value).is_ok() {
                let headers = parameters.headers();
                prop_assert_eq!(headers.get("x-a").map(HeaderValue::as_bytes), Some(text.as_bytes()));
            }
            parameters.cookie("a", Style::Delimited(','), &value).expect("a cookie");
            let headers = parameters.headers();
            let cookie = headers.get(COOKIE).and_then(|value| value.to_str().ok()).expect("a cookie");
            prop_assert!(!cookie.contains([';', ' ', ',']), "{cookie}");
        }
    }
}
