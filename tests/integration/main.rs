//! The promises that can be seen on real sockets, a module per topic.

mod answers;
mod builder;
mod connections;
mod doctor;
mod events;
mod family;
mod faults;
mod limits;
mod secrets;
mod sentences;
mod setters;
mod spans;
mod support;
mod tokens;
mod transport;
mod troubleshooting;
mod wire;
