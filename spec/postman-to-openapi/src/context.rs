//! What the readers of one item share.

use crate::address::Survey;
use crate::secret::Secrets;
use crate::variables::Variables;

/// Passed to everything that reads part of an item.
pub struct Context<'w, 'v> {
    /// The variables in scope.
    pub variables: &'v Variables<'v>,
    /// What the file's URLs have in common.
    pub survey: &'v Survey,
    /// The credentials found so far.
    pub secrets: &'w mut Secrets,
    /// Notes about the item: topic and text.
    pub notes: &'w mut Vec<(&'static str, String)>,
    /// Whether an exporter generated the file, so that its bodies are made up and list every member.
    pub exported: bool,
}

impl Context<'_, '_> {
    /// Adds a note about the item.
    pub fn note(&mut self, kind: &'static str, detail: impl Into<String>) {
        self.notes.push((kind, detail.into()));
    }
}
