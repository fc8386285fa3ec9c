//! What the description says of one operation and the generated code does not: build.rs writes these.

use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Operation {
    /// The `operationId`.
    pub id: &'static str,
    /// The path's template, such as `/meetings/{meetingId}/livestream`.
    pub path: &'static str,
    /// The body's media type, when there is a body.
    pub media_type: Option<&'static str>,
    pub body_required: bool,
    /// The wait that this operation's 429 asks for in words, else the document's.
    pub documented_wait: Option<Duration>,
    pub lengths: &'static [Length],
    pub errors: &'static [DocumentedError],
}

/// How many characters a field of the body may have.
#[derive(Debug)]
pub(crate) struct Length {
    /// The field's name, after those of the objects that hold it.
    pub field: &'static [&'static str],
    pub least: Option<u64>,
    pub most: Option<u64>,
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

    /// What a path's parameter became in `path`, a request's path that this operation's template ends.
    pub fn path_parameter<'p>(&self, name: &str, path: &'p str) -> Option<&'p str> {
        let is_named =
            |segment: &str| segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) == Some(name);
        let mut segments = self.path.rsplit('/').zip(path.rsplit('/'));
        segments.find(|(template, _)| is_named(template)).map(|(_, segment)| segment)
    }

    /// The last parameter of `path`: the meeting or webinar that the operation is about.
    #[cfg(feature = "tracing")]
    pub fn resource_id<'p>(&self, path: &'p str) -> Option<&'p str> {
        let mut segments = self.path.rsplit('/').zip(path.rsplit('/'));
        segments.find(|(template, _)| template.starts_with('{')).map(|(_, segment)| segment)
    }
}
