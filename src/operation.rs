//! What the description says about one operation, as the generator writes it into a table.

use std::{sync::LazyLock, time::Duration};

use serde_json::Value;

/// The names on the way to a value in a body, with `*` for each item or member.
type Place = &'static [&'static str];

#[derive(Default)]
pub(crate) struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    /// The path's template, such as `/meetings/{meetingId}/livestream`.
    pub path: &'static str,
    /// Whether the body is described as `multipart/form-data`.
    pub is_form: bool,
    pub body_required: bool,
    /// How long to wait after a 429 that does not say it, if a field of the body has this value.
    pub documented_wait: Option<(&'static str, &'static str, Duration)>,
    /// The place of each text of the body whose length is limited, and the least and most characters.
    pub lengths: &'static [(Place, u64, u64)],
    /// The place of each secret of the body.
    pub secrets: &'static [Place],
    /// The fields of the body that are files or lists of files.
    pub files: &'static [&'static str],
    /// The status, code and message of each error that the description lists.
    pub errors: &'static [(u16, i64, &'static str)],
}

/// What the layer has to know of an operation that is not described.
pub(crate) static ANY: LazyLock<Operation> = LazyLock::new(|| Operation { id: "request", ..Operation::default() });

impl Operation {
    /// The documented wait for a call with this body.
    pub fn documented_wait(&self, body: &Value) -> Option<Duration> {
        self.documented_wait.filter(|(field, value, _)| body[field] == *value).map(|(.., wait)| wait)
    }

    /// Refuses a text of the body that is shorter or longer than the description allows.
    pub fn check_lengths(&self, body: &Value) -> Result<(), String> {
        for (place, least, most) in self.lengths {
            let mut lengths = texts(body, place).into_iter().map(|text| text.chars().count() as u64);
            if let Some(length) = lengths.find(|length| !(least..=most).contains(&length)) {
                let name = place.join(".").replace(".*", "[]");
                let limit = if length < *least { format!("least {least}") } else { format!("most {most}") };
                return Err(format!("`{name}` has {length} characters, but Zoom accepts at {limit}"));
            }
        }
        Ok(())
    }

    /// The texts of the body's secrets: those that are described or, without a description, those with such a name.
    pub fn secrets<'b>(&self, body: &'b Value) -> Vec<&'b str> {
        let described = || self.secrets.iter().flat_map(|place| texts(body, place)).collect();
        if self.path.is_empty() { named_secrets(body, false) } else { described() }
    }
}

/// The parameters in a path that ends as a template does. The last one, which is the first here, is the meeting or webinar
/// that the operation is about.
pub(crate) fn path_parameters<'p>(template: &'p str, path: &'p str) -> impl Iterator<Item = (&'p str, &'p str)> {
    let segments = template.rsplit('/').zip(path.rsplit('/'));
    segments.filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)))
}

/// The texts at a place in a body, where `*` is any item or member.
fn texts<'b>(value: &'b Value, place: &[&str]) -> Vec<&'b str> {
    match (value, place) {
        (Value::String(text), []) => vec![text],
        (Value::Array(items), ["*", rest @ ..]) => items.iter().flat_map(|item| texts(item, rest)).collect(),
        (Value::Object(members), ["*", rest @ ..]) => members.values().flat_map(|member| texts(member, rest)).collect(),
        (_, [name, rest @ ..]) => value.get(name).map_or_else(Vec::new, |member| texts(member, rest)),
        _ => Vec::new(),
    }
}

/// The texts in a member that is named like a secret.
fn named_secrets(value: &Value, is_secret: bool) -> Vec<&str> {
    const NAMES: [&str; 6] = ["password", "passcode", "secret", "token", "key", "stream_url"];
    let is_named_so = |name: &str| NAMES.iter().any(|secret| name.to_lowercase().contains(secret));
    let inside = |(name, of): (&String, _)| named_secrets(of, is_secret || is_named_so(name));
    match value {
        Value::Array(items) => items.iter().flat_map(|item| named_secrets(item, is_secret)).collect(),
        Value::Object(members) => members.iter().flat_map(inside).collect(),
        Value::String(text) if is_secret => vec![text],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_documented_wait_is_for_one_value_of_one_field() {
        let wait = Duration::from_secs(30);
        let documented_wait = Some(("action", "start", wait));
        let operation = Operation { documented_wait, ..Operation::default() };
        for (body, expected) in [
            (json!({ "action": "start", "settings": {} }), Some(wait)),
            (json!({ "action": "stop" }), None),
            (json!({ "settings": { "action": "start" } }), None),
            (json!({}), None),
        ] {
            assert_eq!(operation.documented_wait(&body), expected, "{body}");
        }
        let without = Operation::default();
        assert_eq!(without.documented_wait(&json!({ "action": "start" })), None);
    }

    #[test]
    fn only_a_start_has_a_documented_wait() {
        let waits = crate::generated::OPERATIONS.iter().filter_map(|operation| {
            let (field, value, wait) = operation.documented_wait?;
            Some((operation.id, field, value, wait.as_secs()))
        });
        assert_eq!(
            waits.collect::<Vec<_>>(),
            [
                ("updateMeetingLiveStreamStatus", "action", "start", 30),
                ("updateWebinarLiveStreamStatus", "action", "start", 30),
            ]
        );
    }
}
