//! One program, three roles: `serve`, `calls` and `throughput`. The scripts next to this crate start them.

mod clients;
mod server;

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use clients::{ByHand, Caller, Hyper, Ours, ZoomApi};
use tokio::sync::Barrier;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: compare serve [RETRY_AFTER_SECONDS]
       compare calls CLIENT PORT COUNT
       compare throughput CLIENT PORT IN_FLIGHT COUNT
CLIENT is one of ours, reqwest, hyper, zoom-api";

// One thread for each role, so that a client's instructions and speed are its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => server::serve(None).await,
        ["serve", seconds] => server::serve(Some(seconds.parse()?)).await,
        ["calls", client, port, count] => run(client, port.parse()?, 1, count.parse()?).await.map(drop),
        ["throughput", client, port, in_flight, count] => {
            let per_call = run(client, port.parse()?, in_flight.parse()?, count.parse()?).await?;
            println!("{:.3} {:.3}", per_call.elapsed, per_call.processor);
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

/// Microseconds.
struct PerCall {
    elapsed: f64,
    processor: f64,
}

struct Clock {
    started: Instant,
    processor: f64,
}

impl Clock {
    fn start() -> Result<Self> {
        Ok(Self { started: Instant::now(), processor: processor_microseconds()? })
    }

    fn per_call(&self, calls: usize) -> Result<PerCall> {
        let (elapsed, calls) = (self.started.elapsed(), calls as f64);
        let processor = processor_microseconds()? - self.processor;
        Ok(PerCall { elapsed: elapsed.as_secs_f64() * 1e6 / calls, processor: processor / calls })
    }
}

/// The processor time of this program's only thread, in microseconds, as Linux counts it.
fn processor_microseconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e3)
}

async fn run(client: &str, port: u16, in_flight: usize, count: usize) -> Result<PerCall> {
    match client {
        "ours" => measure::<Ours>(port, in_flight, count).await,
        "reqwest" => measure::<ByHand>(port, in_flight, count).await,
        "hyper" => measure::<Hyper>(port, in_flight, count).await,
        "zoom-api" => measure::<ZoomApi>(port, in_flight, count).await,
        _ => Err(USAGE.into()),
    }
}

/// Connections are made before the clock starts, except that of a single caller.
async fn measure<C: Caller>(port: u16, in_flight: usize, count: usize) -> Result<PerCall> {
    let client = C::new(port)?;
    if in_flight == 1 {
        let mut caller = client.caller().await?;
        let clock = Clock::start()?;
        for _ in 0..count {
            caller.call().await?;
        }
        return clock.per_call(count);
    }
    let connected = Arc::new(Barrier::new(in_flight + 1));
    let per_caller = count.div_ceil(in_flight);
    let mut callers = Vec::with_capacity(in_flight);
    for _ in 0..in_flight {
        let (mut caller, connected) = (client.caller().await?, connected.clone());
        callers.push(tokio::spawn(async move {
            let first = caller.call().await;
            connected.wait().await;
            first?;
            for _ in 0..per_caller {
                caller.call().await?;
            }
            Result::Ok(())
        }));
    }
    connected.wait().await;
    let clock = Clock::start()?;
    for caller in callers {
        caller.await??;
    }
    clock.per_call(per_caller * in_flight)
}
