//! Builds a client without a crypto provider, then with one, and calls with it.

use zoom_livestream::Client;
use zoom_livestream::mock::MockServer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = MockServer::start().await?;
    let builder = || Client::builder().base_url(server.base_url()).access_token(server.access_token());

    let refused = builder().build().expect_err("there is no provider").to_string();
    assert!(refused.contains("rustls has no crypto provider: install one"), "{refused}");
    // A change of something else is no choice of a backend.
    builder().http(|http| http.no_proxy()).build().expect_err("there is no provider");

    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is installed already")?;
    builder().build()?.get_meeting_live_stream_details().meeting_id(84912345678).await?;
    Client::builder().access_token("token").build()?;
    println!("a client without aws-lc is built and calls");
    Ok(())
}
