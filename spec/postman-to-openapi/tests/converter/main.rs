//! The converter's tests that share one executable, because each executable costs time in a build. `hostile` has its own,
//! because it measures the heap of the whole process.

mod changes;
mod command;
mod ground_truth;
mod habits;
mod inputs;
mod items;
mod merging;
mod modules;
mod properties;
mod readme;
mod types;
