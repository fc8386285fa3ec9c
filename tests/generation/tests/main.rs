mod calls;
mod names;
mod outcomes;
