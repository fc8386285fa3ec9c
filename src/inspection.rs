//! Collects from a typed body its secrets, to be redacted in errors, and its other texts, to be shown to a policy's
//! hooks.

use serde::Serialize;
use serde_content::{Data, Value as Content};
use serde_json::{Map, Value};

use crate::secret;

#[derive(Default)]
#[cfg_attr(test, derive(Debug, PartialEq))] // elsewhere, it must not print the secrets
pub(crate) struct Inspected {
    /// Each [`Secret`](crate::Secret), however deeply nested.
    pub secrets: Vec<String>,
    /// The body's text fields, without any that has the same text as a secret.
    pub texts: Map<String, Value>,
}

impl Inspected {
    pub fn of(body: &impl Serialize) -> Self {
        let secrets = secrets(body);
        let mut texts = match serde_json::to_value(body) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        texts
            .retain(|_, text| text.as_str().is_some_and(|text| !secrets.iter().any(|secret| secret == text)));
        Self { secrets, texts }
    }
}

/// Each [`Secret`](crate::Secret) in a value, however deeply nested.
pub(crate) fn secrets(value: &impl Serialize) -> Vec<String> {
    let mut secrets = Vec::new();
    // A value that cannot be serialized was never sent.
    if let Ok(content) = serde_content::Serializer::new().serialize(value) {
        collect(content, &mut secrets);
    }
    secrets
}

fn collect(content: Content<'_>, secrets: &mut Vec<String>) {
    match content {
        Content::Struct(named) if named.name == secret::SERIALIZED_NAME => {
            if let Data::NewType { value: Content::String(text) } = named.data {
                secrets.push(text.into_owned());
            }
        }
        Content::Struct(named) => collect_members(named.data, secrets),
        Content::Enum(named) => collect_members(named.data, secrets),
        Content::Option(Some(inner)) => collect(*inner, secrets),
        Content::Seq(values) | Content::Tuple(values) => {
            values.into_iter().for_each(|value| collect(value, secrets));
        }
        Content::Map(members) => members.into_iter().for_each(|(_, value)| collect(value, secrets)),
        _ => (),
    }
}

fn collect_members(data: Data<'_>, secrets: &mut Vec<String>) {
    match data {
        Data::Unit => (),
        Data::NewType { value } => collect(value, secrets),
        Data::Tuple { values } => values.into_iter().for_each(|value| collect(value, secrets)),
        Data::Struct { fields } => fields.into_iter().for_each(|(_, value)| collect(value, secrets)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Secret;

    #[derive(Serialize)]
    struct Body {
        action: Action,
        key: Secret,
        #[serde(skip_serializing_if = "Option::is_none")]
        absent: Option<Secret>,
        nested: Nested,
        copied: String,
        #[serde(flatten)]
        extra: std::collections::BTreeMap<String, Value>,
    }

    #[derive(Serialize)]
    struct Nested {
        deep: Vec<Option<Secret>>,
        pair: (u8, Secret),
        by_name: std::collections::BTreeMap<String, Secret>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Action {
        Start,
        Hold(Secret),
        Other { key: Secret, of: u8 },
    }

    fn body(action: Action) -> Body {
        let secret = |text: &str| Secret::from(text);
        Body {
            action,
            key: secret("key"),
            absent: None,
            nested: Nested {
                deep: vec![Some(secret("deep")), None],
                pair: (1, secret("second")),
                by_name: [("name".to_owned(), secret("named"))].into(),
            },
            copied: "key".to_owned(),
            extra: [("else".to_owned(), json!("text"))].into(),
        }
    }

    #[test]
    fn each_secret_is_found_at_any_depth_and_is_not_among_the_texts() {
        let inspected = Inspected::of(&body(Action::Start));
        assert_eq!(inspected.secrets, ["key", "deep", "second", "named"]);
        assert_eq!(Value::Object(inspected.texts), json!({ "action": "start", "else": "text" }));
    }

    #[test]
    fn a_secret_in_a_variant_is_found() {
        assert_eq!(Inspected::of(&body(Action::Hold("held".into()))).secrets[0], "held");
        assert_eq!(Inspected::of(&body(Action::Other { key: "kept".into(), of: 3 })).secrets[0], "kept");
    }

    #[test]
    fn a_secret_is_sent_as_its_text() {
        assert_eq!(serde_json::to_value(Secret::from("key")).ok(), Some(json!("key")));
        assert_eq!(serde_json::from_value::<Secret>(json!("key")).ok(), Some(Secret::from("key")));
    }
}
