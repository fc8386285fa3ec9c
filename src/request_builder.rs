//! Requests to Zoom that are not operations of the description.

use std::any::TypeId;

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Client;
use crate::operation::ANY;
use crate::request::{QueryParam, Request};
use crate::runtime::{Error, OperationInfo, ResponseValue};

const LEADS_OUT: &str = "its path has to begin with a slash, and no part of it may be empty, `.` or `..`";

impl Client {
    /// Any other operation of Zoom, with this client's tokens, waits, errors and spans. `path` follows the base URL; what
    /// varies in it has to be percent-encoded, a meeting's UUID that has a slash even twice (`%252F`). Logs leave the path
    /// out, because it may name a person.
    ///
    /// Where Zoom quotes texts of the body in an error, those are redacted whose names contain `password`, `passcode`,
    /// `secret`, `token`, `key` or `stream_url`.
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
        RequestBuilder { client: self.clone(), request: Request::new(method, path.into()) }
    }
}

/// A request that [`Client::request`] has begun.
#[must_use = "nothing is sent before `.send().await`"]
pub struct RequestBuilder {
    client: Client,
    request: Request,
}

impl RequestBuilder {
    /// Adds `name=value` to the URL's query; nothing for `None`, and one pair for each item of a list.
    pub fn query(self, name: &str, value: impl Serialize) -> Self {
        Self { request: self.request.query(&QueryParam::new(name, &value)), ..self }
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
        let name = format!("{} {}", self.request.method, self.request.path);
        self.read().await.map_err(|error| error.about(&ANY).about_request(&name))
    }

    async fn read<T: DeserializeOwned + 'static>(mut self) -> Result<ResponseValue<T>, Error> {
        let path = self.request.path;
        // Something between may decode it: an encoded slash is one, too.
        let decoded = percent_decode_str(&path).decode_utf8_lossy();
        let is_inside = |rest: &str| rest.split(['/', '\\']).all(|part| !matches!(part, "" | "." | ".."));
        let defects = [
            (!decoded.strip_prefix('/').is_some_and(is_inside), LEADS_OUT),
            (path.contains(['?', '#']), "its path has a query or fragment: use `query`"),
            (self.request.method == Method::CONNECT, "CONNECT is for proxies"),
        ];
        if let Some((_, what)) = defects.into_iter().find(|(applies, _)| *applies) {
            return Err(Error::refused(None, what));
        }
        self.request.path = format!("{}{path}", self.client.baseurl);
        let info = OperationInfo { operation_id: ANY.id };
        let mut finished = Box::pin(self.client.exec(self.request, &info)).await?;
        if TypeId::of::<T>() == TypeId::of::<()>() {
            finished.answer.body = Bytes::new();
        }
        ResponseValue::from_response(finished).await
    }
}
