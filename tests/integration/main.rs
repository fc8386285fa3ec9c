//! Promises tested over real sockets, one module per topic.

mod answers;
mod builder;
mod connections;
mod doctor;
mod encoding;
mod events;
mod faults;
mod limits;
mod many_starts;
mod modules;
mod operations;
mod reality;
mod repeats;
mod requests;
mod responses;
mod secrets;
mod sentences;
mod setters;
mod spans;
mod support;
mod token_requests;
mod tokens;
mod transport;
mod troubleshooting;
mod wire;
