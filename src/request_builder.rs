//! Requests to Zoom that are not operations of the description.

use std::any::TypeId;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::prepare;
use crate::error::Error;
use crate::operation::Operation;
use crate::request::Request;
use crate::url::is_allowed_in_a_url;
use crate::{Client, ResponseValue};

/// What the layer has to know of any operation.
static ANY: Operation = Operation {
    name: "request",
    id: "request",
    path: "",
    media_type: Some("application/json"),
    body_required: false,
    returns_json: true,
    documented_wait: None,
    lengths: &[],
    secrets: &[],
    files: &[],
    errors: &[],
};

impl Client {
    /// Any other operation of Zoom, with this client's tokens, waits, errors and spans. `path` follows the base URL; what varies
    /// in it has to be percent-encoded.
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use zoom_livestream::MeetingId;
    /// use zoom_livestream::reqwest::Method;
    ///
    /// #[derive(Serialize)]
    /// struct NewMeeting {
    ///     topic: String,
    /// }
    ///
    /// #[derive(Deserialize)]
    /// struct Meeting {
    ///     id: MeetingId,
    /// }
    ///
    /// # async fn create(zoom: zoom_livestream::Client) -> Result<(), zoom_livestream::Error> {
    /// let new = NewMeeting { topic: "Keynote".to_owned() };
    /// let meeting = zoom.request(Method::POST, "/users/me/meetings").json(&new).send::<Meeting>().await?;
    /// zoom.update_meeting_live_stream().meeting_id(meeting.id.get());
    /// # Ok(())
    /// # }
    /// ```
    pub fn request(&self, method: Method, path: impl Into<String>) -> RequestBuilder {
        let request =
            Request { method, path: path.into(), query: Vec::new(), body: Value::Null, refused: None };
        RequestBuilder { client: self.clone(), request }
    }
}

/// A request that [`Client::request`] has begun.
#[must_use = "nothing is sent before `.send().await`"]
pub struct RequestBuilder {
    client: Client,
    request: Request,
}

impl RequestBuilder {
    /// Adds `name=value` to the URL's query.
    pub fn query(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.request.query.push((name.into(), value.to_string()));
        self
    }

    /// The body, sent as JSON.
    pub fn json(self, body: &impl Serialize) -> Self {
        Self { request: self.request.json(body), ..self }
    }

    /// Sends the request, and reads the JSON of its answer; `()` if there is none to read.
    ///
    /// # Errors
    ///
    /// As those of any call; the sentence begins with the method and path.
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused): the path does not begin with a slash, would leave the base URL, has a
    /// query, or would be changed before it is sent.
    pub async fn send<T: DeserializeOwned + 'static>(self) -> Result<ResponseValue<T>, Error> {
        let Self { client, mut request } = self;
        let name = format!("{} {}", request.method, request.path);
        let path = checked(&request.path).map(|path| format!("{}{path}", client.inner.settings.base_path()));
        let call = match (request.refused.take(), path) {
            (Some(refused), _) => Err(refused),
            (None, path) => path.and_then(|path| {
                request.path = path;
                prepare(&client, &ANY, request)
            }),
        };
        let sent = match call {
            Ok(mut call) => Box::pin(async move { call.run().await }).await,
            Err(what) => Err(Error::refused(Some(&ANY), what)),
        };
        let read = sent.and_then(|mut answered| {
            if TypeId::of::<T>() == TypeId::of::<()>() {
                answered.answer.body = Default::default();
            }
            ResponseValue::read(answered)
        });
        read.map_err(|error| error.about_request(&name))
    }
}

/// A path that stays below the base URL as it is written.
fn checked(path: &str) -> Result<&str, String> {
    let is_segment = |segment: &str| !matches!(segment, "" | "." | "..");
    let rest = path.strip_prefix('/').ok_or("its path does not begin with a slash")?;
    if path.contains(['?', '#']) {
        return Err("its path has a query or fragment: use `query`".to_owned());
    }
    if !path.chars().all(is_allowed_in_a_url) {
        return Err("its path has characters that have to be percent-encoded".to_owned());
    }
    if !rest.split('/').all(is_segment) {
        return Err("a part of its path is empty, `.` or `..`".to_owned());
    }
    Ok(path)
}
