//! Prints the JSON Schema of a body, for a form or a tool definition, and sends a body that was made from it.
//!
//! ```text
//! cargo run --example json_schema --features schemars
//! ```

use serde_json::json;
use zoom_livestream::Client;
use zoom_livestream::mock::MockServer;
use zoom_livestream::update_meeting_live_stream_status::Body;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let schema = schemars::schema_for!(Body);
    println!("{}", serde_json::to_string_pretty(&schema)?);

    // What a person entered into the form, or a model gave as the tool's arguments.
    let filled_in = json!({ "action": "start", "settings": { "display_name": "Keynote" } });
    let body: Body = serde_json::from_value(filled_in)?;

    let server = MockServer::start().await?;
    let zoom = Client::builder().base_url(server.base_url()).access_token(server.access_token()).build()?;
    zoom.update_meeting_live_stream_status().meeting_id(84912345678).body(body).await?;
    println!("\nThe mock server received {:?}", server.requests()[0].fields);
    Ok(())
}
