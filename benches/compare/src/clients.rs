//! The same call by four clients: start the live stream of one meeting, with both settings.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};

use crate::Result;

const TOKEN: &str = "eyJhbGciOiJIUzUxMiJ9.a-token-as-long-as-none-of-zooms-but-of-their-shape.c2lnbmF0dXJl";
const MEETING: u64 = 84912345678;
const DISPLAY_NAME: &str = "Annual general meeting, main stage";
const AGENT: &str = "compare/1.0";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client, and what one caller of it needs: a cheap clone, or a connection where there is no pool.
pub trait Caller: Sized + Send + 'static {
    fn new(port: u16) -> Result<Self>;
    fn caller(&self) -> impl Future<Output = Result<Self>> + Send;
    fn call(&mut self) -> impl Future<Output = Result<()>> + Send;
}

pub struct Ours(zoom_livestream::Client);

impl Caller for Ours {
    fn new(port: u16) -> Result<Self> {
        let client = zoom_livestream::Client::builder()
            .access_token(TOKEN)
            .base_url(format!("http://127.0.0.1:{port}/v2"))
            .attempt_timeout(TIMEOUT)
            .http(|http| http.connect_timeout(CONNECT_TIMEOUT).user_agent(AGENT))
            .build()?;
        Ok(Self(client))
    }

    async fn caller(&self) -> Result<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn call(&mut self) -> Result<()> {
        let settings = Settings::builder().active_speaker_name(true).display_name(DISPLAY_NAME);
        self.0.update_meeting_live_stream_status().meeting_id(MEETING).action(Action::Start).settings(settings).await?;
        Ok(())
    }
}

/// reqwest with `multipart::Form`, as written by hand.
pub struct ByHand {
    http: reqwest::Client,
    base_url: String,
}

#[derive(Serialize)]
struct LiveStreamSettings {
    active_speaker_name: bool,
    display_name: String,
}

impl Caller for ByHand {
    fn new(port: u16) -> Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self { http, base_url: format!("http://127.0.0.1:{port}/v2") })
    }

    async fn caller(&self) -> Result<Self> {
        Ok(Self { http: self.http.clone(), base_url: self.base_url.clone() })
    }

    async fn call(&mut self) -> Result<()> {
        let settings = LiveStreamSettings { active_speaker_name: true, display_name: DISPLAY_NAME.to_owned() };
        let form =
            reqwest::multipart::Form::new().text("action", "start").text("settings", serde_json::to_string(&settings)?);
        self.http
            .patch(format!("{}/meetings/{MEETING}/livestream/status", self.base_url))
            .bearer_auth(TOKEN)
            .header(ACCEPT, "application/json")
            .timeout(TIMEOUT)
            .multipart(form)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}

/// The lower bound: a connection of its own, a body made beforehand, no timeout and no pool.
pub struct Hyper {
    port: u16,
    connection: Option<SendRequest<Full<Bytes>>>,
    body: Bytes,
}

impl Caller for Hyper {
    fn new(port: u16) -> Result<Self> {
        let field = |name: &str, text: &str| {
            format!("--boundary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let settings = LiveStreamSettings { active_speaker_name: true, display_name: DISPLAY_NAME.to_owned() };
        let body = field("action", "start") + &field("settings", &serde_json::to_string(&settings)?);
        Ok(Self { port, connection: None, body: (body + "--boundary--\r\n").into() })
    }

    async fn caller(&self) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { port: self.port, connection: Some(sender), body: self.body.clone() })
    }

    async fn call(&mut self) -> Result<()> {
        let request = hyper::Request::patch(format!("/v2/meetings/{MEETING}/livestream/status"))
            .header(HOST, HeaderValue::from_static("127.0.0.1"))
            .header(AUTHORIZATION, format!("Bearer {TOKEN}"))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(USER_AGENT, HeaderValue::from_static(AGENT))
            .header(CONTENT_TYPE, HeaderValue::from_static("multipart/form-data; boundary=boundary"))
            .body(Full::new(self.body.clone()))?;
        let connection = self.connection.as_mut().ok_or("not connected")?;
        connection.ready().await?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        if status.is_success() { Ok(()) } else { Err(status.to_string().into()) }
    }
}

/// `zoom-api`, which sends JSON and has no timeouts.
pub struct ZoomApi(zoom_api::Client);

impl Caller for ZoomApi {
    fn new(port: u16) -> Result<Self> {
        let mut client = zoom_api::Client::new("id", "secret", "https://localhost", TOKEN, "");
        client.with_host_override(format!("http://127.0.0.1:{port}/v2"));
        Ok(Self(client))
    }

    async fn caller(&self) -> Result<Self> {
        Ok(Self(self.0.clone()))
    }

    async fn call(&mut self) -> Result<()> {
        let body = zoom_api::types::MeetingLiveStreamStatus {
            action: Some(zoom_api::types::Action::Start),
            settings: Some(zoom_api::types::MeetingLiveStreamStatusSettings {
                active_speaker_name: true,
                display_name: DISPLAY_NAME.to_owned(),
            }),
        };
        self.0.meetings().live_stream_status_update(MEETING as i64, &body).await?;
        Ok(())
    }
}
