//! The promises that can be seen on real sockets, a module per topic.

mod answers;
mod builder;
mod family;
mod limits;
mod support;
mod wire;
