//! The load balancer between Zoom and the copies of the service. It records what they answered to each event.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// An event as it was delivered to one of the copies.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub meeting: u64,
    pub name: String,
    pub event_ts: i64,
    /// What the copy answered; `None` if it was not running.
    pub status: Option<u16>,
    /// When its answer arrived.
    pub at: Instant,
}

impl Delivery {
    pub fn is_acknowledged(&self) -> bool {
        self.status == Some(204)
    }
}

pub struct Balancer {
    url: String,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
    serving: JoinHandle<()>,
}

struct Shared {
    copies: Vec<String>,
    http: reqwest::Client,
    deliveries: Arc<Mutex<Vec<Delivery>>>,
}

impl Balancer {
    pub async fn started(copies: Vec<String>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let deliveries = Arc::<Mutex<Vec<Delivery>>>::default();
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let shared = Shared { copies, http, deliveries: deliveries.clone() };
        let router = Router::new().route("/{copy}", post(forward)).with_state(Arc::new(shared));
        let serving = tokio::spawn(async { axum::serve(listener, router).await.expect("a server") });
        Self { url, deliveries, serving }
    }

    /// The URL that leads to one of the copies.
    pub fn to(&self, copy: usize) -> String {
        format!("{}/{copy}", self.url)
    }

    pub fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn forward(
    State(shared): State<Arc<Shared>>,
    Path(copy): Path<usize>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut request = shared.http.post(format!("{}/events", shared.copies[copy])).body(body.clone());
    for name in ["content-type", "x-zm-signature", "x-zm-request-timestamp"] {
        request = request.header(name, &headers[name]);
    }
    let answer = request.send().await;
    let event: Value = serde_json::from_slice(&body).expect("JSON");
    let id = &event["payload"]["object"]["id"];
    if let Some(meeting) = id.as_u64().or_else(|| id.as_str()?.parse().ok()) {
        let delivery = Delivery {
            meeting,
            name: event["event"].as_str().expect("a name").to_owned(),
            event_ts: event["event_ts"].as_i64().expect("a time"),
            status: answer.as_ref().ok().map(|answer| answer.status().as_u16()),
            at: Instant::now(),
        };
        shared.deliveries.lock().unwrap_or_else(PoisonError::into_inner).push(delivery);
    }
    match answer {
        Ok(answer) => {
            let status = answer.status();
            let body = answer.bytes().await.unwrap_or_default();
            (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
