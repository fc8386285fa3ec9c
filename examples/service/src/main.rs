//! A service that starts and stops Zoom live streams, each only once, on as many machines as you like. See README.md.

mod api;
mod config;
mod metrics;
mod store;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, warn};

use crate::api::Service;
use crate::config::Config;
use crate::metrics::Metrics;
use crate::store::Store;

/// How long requests may take to finish on shutdown: less than the 30 seconds after which Kubernetes kills a process.
const GRACE: Duration = Duration::from_secs(25);

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_ansi(false).with_writer(std::io::stderr).init();
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let config = Config::from_env()?;
    let metrics = Arc::new(Metrics::new());
    let store = Store::new(&config.redis_url, metrics.clone())?;
    tokio::spawn(store.clone().stay_subscribed());
    let service = Service::new(&config, store, metrics)?;

    let listener = TcpListener::bind(&config.listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    let server = axum::serve(listener, service.router()).with_graceful_shutdown(terminated());
    tokio::select! {
        ended = server => Ok(ended?),
        () = async { terminated().await; tokio::time::sleep(GRACE).await } => {
            warn!("some requests did not finish within {} seconds and are dropped", GRACE.as_secs());
            Ok(())
        }
    }
}

/// Completes when the process is asked to exit, by SIGTERM or Ctrl-C.
async fn terminated() {
    let mut terminate =
        signal(SignalKind::terminate()).expect("SIGTERM can be handled, and tokio's signals are enabled in `main`");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
