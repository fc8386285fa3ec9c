//! An answer that a test asked for, and how it is sent.

use std::{fmt, io, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode, header};
use serde_json::{Value, json};

pub type AnswerBody = UnsyncBoxBody<Bytes, io::Error>;

/// An answer to give instead of the usual one: for [`MockServer::answer`](super::MockServer::answer),
/// [`answer_for`](super::MockServer::answer_for), [`answer_always`](super::MockServer::answer_always) and
/// [`answer_token_request`](super::MockServer::answer_token_request).
///
/// It is sent exactly as given. Only `Date`, unless it is given, and `Content-Length` are added, and the latter cannot be
/// given: if an answer has a `Content-Length` or `Transfer-Encoding`, a header that HTTP does not allow, or a status that
/// is not between 200 and 999, the client gets a 500 whose body says so.
///
/// What is known of Zoom's own words:
///
/// | | answer |
/// |---|---|
/// | no such meeting or webinar | `Answer::error(404, 3001, "Meeting does not exist: 84912345678.")` |
/// | no such user | `Answer::error(404, 1001, "User does not exist: 7.")` |
/// | a webinar's ID in a meeting's operation | `Answer::error(400, 3000, "Cannot access webinar info.")` |
/// | a scope is missing | `Answer::error(400, 4711, "Invalid access token, does not contain scopes:[meeting:update:livestream, meeting:update:livestream:admin].")` |
/// | no shared access | `Answer::error(403, 403, "Authenticated user has not permitted access to the targeted resource.")` |
/// | the account's daily limit | `Answer::error(429, 429, "You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you can make another request.")` |
#[derive(Clone)]
#[must_use = "an answer has no effect until it is given to a server"]
pub struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
    delay: Duration,
    ending: Ending,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    Whole,
    CutOff(usize),
    Hang,
    Disconnect,
}

impl Answer {
    /// An answer with this HTTP status and no body.
    pub fn status(status: u16) -> Answer {
        Answer { status, headers: vec![], body: Bytes::new(), delay: Duration::ZERO, ending: Ending::Whole }
    }

    /// An answer with this HTTP status and Zoom's error envelope, `{"code": …, "message": …}`.
    pub fn error(status: u16, code: i64, message: &str) -> Answer {
        Answer::status(status).json(&json!({ "code": code, "message": message }))
    }

    /// Never answers; the connection stays open.
    pub fn hang() -> Answer {
        Answer { ending: Ending::Hang, ..Answer::status(200) }
    }

    /// Closes the connection without an answer; over HTTP/2, resets the stream.
    pub fn disconnect() -> Answer {
        Answer { ending: Ending::Disconnect, ..Answer::status(200) }
    }

    /// Adds a header, even if there is one with this name.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body. Set its `Content-Type`, if it has one, with [`header`](Self::header).
    pub fn body(self, body: impl Into<Bytes>) -> Answer {
        Answer { body: body.into(), ..self }
    }

    /// Sets a JSON body and its `Content-Type`.
    pub fn json(self, body: &Value) -> Answer {
        self.header("content-type", "application/json;charset=UTF-8").body(body.to_string())
    }

    /// Waits this long before answering.
    pub fn delay(self, delay: Duration) -> Answer {
        Answer { delay, ..self }
    }

    /// Announces the whole body, but closes the connection after this many bytes of it.
    pub fn cut_off_after(self, bytes: usize) -> Answer {
        Answer { ending: Ending::CutOff(bytes), ..self }
    }

    /// The HTTP status, if one is sent, and the answer once it is due.
    pub(super) fn respond(self) -> (Option<u16>, impl Future<Output = io::Result<Response<AnswerBody>>> + Send) {
        let (delay, ending) = (self.delay, self.ending);
        let response = self.into_response().unwrap_or_else(|refused| {
            let mut response = Response::new(whole(refused.into()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        let is_sent = matches!(ending, Ending::Whole | Ending::CutOff(_));
        let status = is_sent.then(|| response.status().as_u16());
        let sent = async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            match ending {
                Ending::Hang => std::future::pending().await,
                Ending::Disconnect => Err(disconnected()),
                Ending::Whole | Ending::CutOff(_) => Ok(response),
            }
        };
        (status, sent)
    }

    fn into_response(self) -> Result<Response<AnswerBody>, String> {
        let mut response = match self.ending {
            Ending::CutOff(after) if after < self.body.len() => {
                let mut response = Response::new(cut_off(self.body.slice(..after)));
                response.headers_mut().insert(header::CONTENT_LENGTH, self.body.len().into());
                response
            }
            _ => Response::new(whole(self.body)),
        };
        let status = StatusCode::from_u16(self.status).ok().filter(|status| !status.is_informational());
        *response.status_mut() = status.ok_or_else(|| {
            format!("mock: {} is not the HTTP status of an answer: it must be between 200 and 999", self.status)
        })?;
        for (name, value) in self.headers {
            let name: HeaderName = name.parse().map_err(|_| format!("mock: {name:?} is not a header name"))?;
            if name == header::CONTENT_LENGTH || name == header::TRANSFER_ENCODING {
                return Err(format!("mock: {name} cannot be set: it follows from the body"));
            }
            let value = HeaderValue::try_from(value)
                .map_err(|_| format!("mock: the value given for {name} is not a header value"))?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("delay", &self.delay)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

/// Ends the connection before the answer, or in the middle of it.
fn disconnected() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the mock server ended the connection")
}

fn whole(body: Bytes) -> AnswerBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

/// A body that ends the connection.
fn cut_off(body: Bytes) -> AnswerBody {
    let ended = async {
        // Meanwhile, hyper sends what it has.
        tokio::task::yield_now().await;
        Some(Err(disconnected()))
    };
    // Mapping frames hides the size, which is not the announced one.
    whole(body).with_trailers(ended).map_frame(|frame| frame).boxed_unsync()
}
