//! The `postman-to-openapi` command.

mod command;
mod files;

use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run() {
        Ok(code) => code,
        Err(command::Refusal(sentences)) => {
            for sentence in sentences {
                command::tell(&format!("error: {sentence}"));
            }
            ExitCode::from(1)
        }
    }
}
