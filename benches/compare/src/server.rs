//! The server, a separate process: reads each request completely and answers 204, or 429 first.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;

use crate::Result;

/// Serves until it is killed; the first line it prints is its port.
///
/// With `retry_after` the first request of each path is answered with 429 and that many seconds, and
/// `GET /report` reports how late the second requests arrived.
pub async fn serve(retry_after: Option<u64>) -> Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = socket.listen(4096)?;
    println!("{}", listener.local_addr()?.port());
    let limiter = Arc::new(Limiter { retry_after, paths: Mutex::default() });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let limiter = limiter.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &limiter));
            // A client that disconnects is not an error here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    limiter: &Limiter,
) -> std::result::Result<Response<Full<Bytes>>, Infallible> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let response = Response::builder();
    let response = if head.method == Method::GET {
        response.status(StatusCode::OK).body(limiter.report().into())
    } else if head.method != Method::PATCH || !body.windows(4).any(|part| part == b"main") {
        response.status(StatusCode::BAD_REQUEST).body(Full::default())
    } else if let Some(seconds) = limiter.wait_for(head.uri.path(), arrived) {
        let sentence = r#"{"code":429,"message":"Too many requests."}"#;
        response
            .status(StatusCode::TOO_MANY_REQUESTS)
            .header(CONTENT_TYPE, "application/json")
            .header(RETRY_AFTER, seconds)
            .header("X-RateLimit-Category", "Light")
            .body(Full::from(sentence))
    } else {
        response.status(StatusCode::NO_CONTENT).body(Full::default())
    };
    Ok(response.unwrap_or_default())
}

struct Limiter {
    retry_after: Option<u64>,
    paths: Mutex<HashMap<String, Seen>>,
}

/// When a path was answered with 429, and when it was requested again.
struct Seen {
    refused: Instant,
    again: Vec<Instant>,
}

impl Limiter {
    fn wait_for(&self, path: &str, arrived: Instant) -> Option<u64> {
        let seconds = self.retry_after?;
        let mut paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = paths.get_mut(path) {
            seen.again.push(arrived);
            return None;
        }
        paths.insert(path.to_owned(), Seen { refused: Instant::now(), again: Vec::new() });
        Some(seconds)
    }

    /// Milliseconds from the end of each path's wait to its next request: negative if that came too soon.
    ///
    /// The wait is counted from when the answer leaves this server, so time spent in the network and the client counts
    /// as lateness too.
    fn report(&self) -> String {
        let wait = Duration::from_secs(self.retry_after.unwrap_or_default());
        let paths = self.paths.lock().unwrap_or_else(PoisonError::into_inner);
        let lateness = |seen: &Seen| match seen.again[..] {
            [again] => Some((again - seen.refused).as_secs_f64() * 1e3 - wait.as_secs_f64() * 1e3),
            _ => None,
        };
        let mut late: Vec<f64> = paths.values().filter_map(lateness).collect();
        late.sort_by(f64::total_cmp);
        let at = |share: f64| late.get(((late.len().max(1) - 1) as f64 * share) as usize);
        serde_json::json!({
            "refused": paths.len(),
            "resent_once": late.len(),
            "lateness_ms": { "least": at(0.0), "median": at(0.5), "p99": at(0.99), "most": at(1.0) },
        })
        .to_string()
    }
}
