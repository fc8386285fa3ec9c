//! A mock server for a program that takes its settings from the environment.
//!
//! ```text
//! cargo run --example mock_server                 # in one terminal: it prints the variables to set in the other
//! cargo run --example go_live -- 84912345678      # in the other
//! ```

use std::time::Duration;

use tokio::time::sleep;
use zoom_livestream::mock::MockServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let server = MockServer::start().await?;
    println!("export ZOOM_BASE_URL={} ZOOM_TOKEN_URL={}", server.base_url(), server.token_url());
    println!("export ZOOM_ACCOUNT_ID=mock-account ZOOM_CLIENT_ID=mock-client ZOOM_CLIENT_SECRET=mock-secret");
    println!("Its requests, until Ctrl-C:");
    let mut shown = 0;
    loop {
        for request in server.requests().iter().skip(shown) {
            let status = request.status.map_or("no answer".to_owned(), |status| status.to_string());
            println!("{} {} → {status}", request.method, request.path);
            shown += 1;
        }
        sleep(Duration::from_millis(200)).await;
    }
}
