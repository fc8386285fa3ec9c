//! A mock server for copies of the service on this machine. It prints its URLs, waits for the copies' endpoints,
//! then shows their requests.
//!
//! ```text
//! cargo run --example mock_server -- http://127.0.0.1:8080/events    # one endpoint per copy
//! ```

use std::error::Error;
use std::time::Duration;

use tokio::time::sleep;
use zoom_livestream::mock::{MockServer, Webhook};

/// The one in accounts.json.
const SECRET_TOKEN: &str = "secret-token";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut endpoints = std::env::args().skip(1);
    let first = endpoints.next().ok_or("give the endpoint of each copy: http://127.0.0.1:8080/events")?;
    let webhook = Webhook::new(first, SECRET_TOKEN)
        .delays([Duration::from_secs(3)])
        .repeats(std::iter::repeat_n(Duration::from_secs(5), 100));
    let webhook = endpoints.fold(webhook, Webhook::and_url);

    let zoom = MockServer::start().await?;
    println!("export ZOOM_BASE_URL={} ZOOM_TOKEN_URL={}", zoom.base_url(), zoom.token_url());
    println!("Start the service with these. Waiting for it ...");
    let mut said = String::new();
    while let Err(error) = zoom.send_events_to(webhook.clone()).await {
        if said != error.to_string() {
            said = error.to_string();
            println!("... {said}");
        }
        sleep(Duration::from_secs(1)).await;
    }
    println!("Each endpoint has answered its challenge. Events follow 3 seconds after a start or stop.");

    let mut shown = 0;
    loop {
        for request in zoom.requests().iter().skip(shown) {
            let action = request.field("action").unwrap_or_default();
            let status = request.status.map_or("no answer".to_owned(), |status| status.to_string());
            println!("{} {} {action} → {status}", request.method, request.path);
            shown += 1;
        }
        sleep(Duration::from_millis(200)).await;
    }
}
