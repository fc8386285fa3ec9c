//! What the description says about one operation, as build.rs writes it next to the generated code.

use std::time::Duration;

use reqwest::Method;

#[derive(Debug)]
pub(crate) struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    pub method: Method,
    /// The path's template, such as `/meetings/{meetingId}/livestream`.
    pub path: &'static str,
    /// The body's media type, if there is a body.
    pub media_type: Option<&'static str>,
    pub body_required: bool,
    /// The wait that this operation's 429 asks for in its description, or else the document's default.
    pub documented_wait: Option<Duration>,
    pub errors: &'static [DocumentedError],
}

/// A Zoom code that the description lists under a status.
#[derive(Debug)]
pub(crate) struct DocumentedError {
    pub status: u16,
    pub code: i64,
    pub message: &'static str,
}

impl Operation {
    pub fn documented_error(&self, status: u16, code: i64) -> Option<&DocumentedError> {
        self.errors.iter().find(|error| error.status == status && error.code == code)
    }

    /// The value of a path's parameter in `path`, which ends as this operation's template does.
    pub fn path_parameter<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        self.path_parameters(path).find_map(|(other, value)| (other == name).then_some(value))
    }

    /// The last parameter of `path`: the meeting or webinar that the operation is about.
    pub fn resource_id<'p>(&self, path: &'p str) -> Option<&'p str> {
        self.path_parameters(path).next().map(|(_, value)| value)
    }

    /// Names and values, the last one first.
    fn path_parameters<'p>(&self, path: &'p str) -> impl Iterator<Item = (&'static str, &'p str)> {
        let segments = self.path.rsplit('/').zip(path.rsplit('/'));
        segments.filter_map(|(name, value)| Some((name.strip_prefix('{')?.strip_suffix('}')?, value)))
    }
}
