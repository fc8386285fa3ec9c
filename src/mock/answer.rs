//! An answer that a test asked for, and how it is sent.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// An answer to give instead of the usual one: for [`MockServer::answer`](super::MockServer::answer),
/// [`answer_for`](super::MockServer::answer_for), [`answer_always`](super::MockServer::answer_always) and
/// [`answer_token_request`](super::MockServer::answer_token_request).
///
/// If it cannot be sent (its status is not between 200 and 999, HTTP does not allow one of its headers, or it sets
/// `Content-Length` or `Transfer-Encoding`), the client gets a 500 whose body says why.
#[derive(Clone)]
#[must_use = "an answer has no effect until it is given to a server"]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
    delay: Duration,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq)]
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

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Answer {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body, sent byte for byte. Set its `Content-Type` with [`header`](Self::header).
    pub fn body(mut self, body: impl Into<Bytes>) -> Answer {
        self.body = body.into();
        self
    }

    /// Sets a JSON body and its `Content-Type`.
    pub fn json(self, body: &Value) -> Answer {
        self.header("content-type", "application/json;charset=UTF-8").body(body.to_string())
    }

    /// Waits this long before answering.
    pub fn delay(mut self, delay: Duration) -> Answer {
        self.delay = delay;
        self
    }

    /// Announces the whole body, but closes the connection after this many bytes of it.
    pub fn cut_off_after(mut self, bytes: usize) -> Answer {
        self.ending = Ending::CutOff(bytes);
        self
    }

    /// The answer as it will be sent.
    pub(super) fn prepare(self) -> Prepared {
        let (delay, ending) = (self.delay, self.ending);
        let response = self.into_response().unwrap_or_else(|refused| {
            let mut response = Response::new(AnswerBody::new(refused.into(), Ending::Whole));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        });
        Prepared { delay, ending, response }
    }

    fn into_response(self) -> Result<Response<AnswerBody>, String> {
        let mut response = Response::new(AnswerBody::new(self.body, self.ending));
        let status = StatusCode::from_u16(self.status).ok().filter(|status| !status.is_informational());
        *response.status_mut() = status.ok_or_else(|| {
            format!(
                "mock: {} is not the HTTP status of an answer: it must be between 200 and 999",
                self.status
            )
        })?;
        for (name, value) in self.headers {
            let name: HeaderName =
                name.parse().map_err(|_| format!("mock: {name:?} is not a header name"))?;
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

pub struct Prepared {
    delay: Duration,
    ending: Ending,
    response: Response<AnswerBody>,
}

impl Prepared {
    /// `None` if nothing is sent.
    pub fn status(&self) -> Option<u16> {
        let is_sent = matches!(self.ending, Ending::Whole | Ending::CutOff(_));
        is_sent.then(|| self.response.status().as_u16())
    }

    pub async fn send(self) -> Result<Response<AnswerBody>, io::Error> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        match self.ending {
            Ending::Hang => std::future::pending().await,
            Ending::Disconnect => Err(disconnected()),
            Ending::Whole | Ending::CutOff(_) => Ok(self.response),
        }
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
pub fn disconnected() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the mock ended the connection")
}

/// A body that may end before its announced length.
pub struct AnswerBody {
    rest: Bytes,
    announced: u64,
    cut_off: bool,
    flushed: bool,
}

impl AnswerBody {
    fn new(mut rest: Bytes, ending: Ending) -> Self {
        let announced = rest.len() as u64;
        let cut_off = match ending {
            Ending::CutOff(after) if after < rest.len() => {
                rest.truncate(after);
                true
            }
            _ => false,
        };
        AnswerBody { rest, announced, cut_off, flushed: false }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if !self.rest.is_empty() {
            let data = std::mem::take(&mut self.rest);
            self.announced -= data.len() as u64;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if !self.cut_off {
            return Poll::Ready(None);
        }
        if !std::mem::replace(&mut self.flushed, true) {
            // Returning `Pending` once makes hyper send what it has before the connection ends.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(disconnected())))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && !self.cut_off
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
