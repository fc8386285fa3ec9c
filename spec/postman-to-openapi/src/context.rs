//! What reading one item needs to know, and what it may find out.

use crate::secret::Secrets;
use crate::variables::Variables;

/// Passed to everything that reads a piece of an item.
pub struct Context<'w, 'v> {
    /// The variables in force.
    pub variables: &'v Variables<'v>,
    /// Credentials met.
    pub secrets: &'w mut Secrets,
    /// What should be said about the item: topic and text.
    pub notes: &'w mut Vec<(&'static str, String)>,
    /// Whether an exporter wrote the file, so that its bodies are inventions that list every member.
    pub exported: bool,
}

impl Context<'_, '_> {
    /// Says something about the item.
    pub fn note(&mut self, kind: &'static str, detail: impl Into<String>) {
        self.notes.push((kind, detail.into()));
    }
}
