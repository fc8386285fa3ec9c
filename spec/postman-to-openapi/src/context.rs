//! What the readers of one item share.

use crate::address::Survey;
use crate::postman::{self, Entry, Raw};
use crate::secret::{self, Secrets};
use crate::variables::Variables;

/// Passed to everything that reads part of an item.
pub struct Context<'w, 'v> {
    /// The variables in scope.
    pub variables: &'v Variables<'v>,
    /// What the file's URLs have in common.
    pub survey: &'v Survey,
    /// Whether Postman sends a body with requests of this method.
    pub sends_body: bool,
    /// The credentials found so far.
    pub secrets: &'w mut Secrets,
    /// Notes about the item: topic and text.
    pub notes: &'w mut Vec<(&'static str, String)>,
    /// Whether an exporter generated the file, so that its bodies are made up and list every member.
    pub exported: bool,
}

impl Context<'_, '_> {
    /// Whether an entry is sent. One that is disabled counts for nothing, but its secret is still a secret.
    pub fn is_sent(&mut self, entry: &Entry<'_>) -> bool {
        let is_sent = !entry.is_disabled();
        if !is_sent && entry.name().is_some_and(|name| secret::is_credential(&name)) {
            self.secrets.learn(&self.variables.expand(&postman::text(entry.value).unwrap_or_default()));
        }
        is_sent
    }

    /// The name, value and description of every header that is sent, given as a list or as text.
    pub fn headers(&mut self, raw: Raw<'_>) -> Vec<[String; 3]> {
        let mut headers = Vec::new();
        // A disabled line is a comment.
        let text = postman::text(raw).unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            headers.push([name.trim(), value.trim(), ""].map(str::to_owned));
        }
        postman::entries(raw, |entry| {
            let Some(name) = postman::filled(entry.key).filter(|_| self.is_sent(&entry)) else { return };
            let value = postman::text(entry.value).unwrap_or_default();
            let description = postman::description(entry.description).unwrap_or_default();
            headers.push([name.trim(), &value, &description].map(str::to_owned));
        });
        headers
    }

    /// Adds a note that says of the item what its topic says in general, with a detail if there is one.
    pub fn remark(&mut self, topic: &'static str, detail: &str) {
        let between = if detail.is_empty() { "" } else { ": " };
        self.note(topic, format!("{}{between}{detail}", topic.replacen("a ", "its ", 1)));
    }

    /// Adds a note about the item.
    pub fn note(&mut self, kind: &'static str, detail: impl Into<String>) {
        self.notes.push((kind, detail.into()));
    }
}
