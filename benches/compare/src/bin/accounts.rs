//! What a client for one more account costs.
//!
//! `accounts CLIENTS BUILT`: makes `CLIENTS` of one client and builds `BUILT` on their own. Prints a line for each way
//! of making one: its name, and the heap bytes and microseconds per client.

use std::error::Error;
use std::time::Instant;

use zoom_livestream::{Client, Secret, ServerToServer};

#[path = "../heap.rs"]
mod heap;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// About the length of Zoom's tokens.
const TOKEN_BYTES: usize = 640;

/// The heap bytes and microseconds that each of `count` clients takes, including the client itself.
fn each(count: usize, make: impl Fn(usize) -> Result<Client>) -> Result<(f64, f64)> {
    let (before, started) = (heap::live(), Instant::now());
    let mut clients = Vec::with_capacity(count);
    for number in 0..count {
        clients.push(make(number)?);
    }
    let microseconds = started.elapsed().as_secs_f64() * 1e6;
    let bytes = heap::live() - before;
    drop(clients);
    Ok((bytes as f64 / count as f64, microseconds / count as f64))
}

fn token(number: usize) -> Secret {
    format!("{number:0>TOKEN_BYTES$}").into()
}

fn app(number: usize) -> ServerToServer {
    ServerToServer::new(
        format!("account-{number}"),
        "a-client-id-of-22-char",
        "a-client-secret-of-32-characters",
    )
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let mut argument = || arguments.next()?.ok();
    let (Some(clients), Some(built)) = (argument(), argument()) else {
        return Err("usage: accounts CLIENTS BUILT".into());
    };
    let one = Client::builder().access_token("a-token").build()?;
    for (name, (bytes, microseconds)) in [
        ("with_access_token", each(clients, |number| Ok(one.with_access_token(token(number))?))?),
        ("with_token_source", each(clients, |number| Ok(one.with_token_source(app(number))?))?),
        ("build", each(built, |number| Ok(Client::builder().access_token(token(number)).build()?))?),
    ] {
        println!("{name} {bytes:.0} {microseconds:.1}");
    }
    Ok(())
}
