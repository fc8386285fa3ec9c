//! The command line, and what is done with it.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::{Long, Short, Value};
use postman_to_openapi::{Converted, Converter, Note, Overlay, Source, summary};
use similar::TextDiff;

use crate::files;

const HELP: &str = "\
Turns Postman items and collections into one OpenAPI 3.0.3 document.

Usage: postman-to-openapi [OPTIONS] <INPUT>...

Arguments:
  <INPUT>...         Postman exports (v2.0 or v2.1): items, collections, folders of them, or - for standard input

Options:
      --overlay <FILE>  JSON Merge Patch (RFC 7396) with what the export lost
  -o, --output <FILE>   Write the document here instead of to standard output
      --check           Write nothing: exit with 1 and a diff when --output is out of date
      --strict          Exit with 1, and write nothing, when a request had to be left out
      --verbose         Print every note, not one line for those of a kind
  -h, --help            Print this
  -V, --version         Print the version

Exit codes: 0 done, 1 refused or out of date, 2 wrong usage.

Examples:
  postman-to-openapi collection.json > openapi.json
  postman-to-openapi spec/postman --overlay spec/overlay.json --output spec/openapi.json
  postman-to-openapi spec/postman --overlay spec/overlay.json --output spec/openapi.json --check
  curl -s https://example.com/collection.json | postman-to-openapi --strict -
";

#[derive(Default)]
struct Arguments {
    inputs: Vec<String>,
    overlay: Option<PathBuf>,
    output: Option<PathBuf>,
    check: bool,
    strict: bool,
    verbose: bool,
}

enum Request {
    Convert(Arguments),
    Print(String),
}

/// Does what the command line asks.
///
/// # Errors
///
/// What was refused, one sentence per line.
pub fn run() -> Result<ExitCode, String> {
    match arguments() {
        Ok(Request::Convert(arguments)) => convert(&arguments),
        Ok(Request::Print(text)) => {
            // Whoever closes the pipe has read enough.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(ExitCode::SUCCESS)
        }
        Err(message) => {
            eprintln!("error: {message}; --help shows how it is used");
            Ok(ExitCode::from(2))
        }
    }
}

fn arguments() -> Result<Request, String> {
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("overlay") => arguments.overlay = Some(path(&mut parser)?),
            Short('o') | Long("output") => arguments.output = Some(path(&mut parser)?),
            Long("check") => arguments.check = true,
            Long("strict") => arguments.strict = true,
            Long("verbose") => arguments.verbose = true,
            Short('h') | Long("help") => return Ok(Request::Print(HELP.to_owned())),
            Short('V') | Long("version") => {
                return Ok(Request::Print(format!(
                    "{} {}\n",
                    env!("CARGO_PKG_NAME"),
                    env!("CARGO_PKG_VERSION")
                )));
            }
            Value(input) => arguments
                .inputs
                .push(input.into_string().map_err(|_| "an input's name is no UTF-8".to_owned())?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if arguments.inputs.is_empty() {
        return Err("no input is named".to_owned());
    }
    if arguments.check && arguments.output.is_none() {
        return Err("--check needs the --output to compare with".to_owned());
    }
    if arguments.inputs.iter().filter(|input| *input == "-").count() > 1 {
        return Err("standard input can be read only once".to_owned());
    }
    Ok(Request::Convert(arguments))
}

fn path(parser: &mut lexopt::Parser) -> Result<PathBuf, String> {
    parser.value().map(PathBuf::from).map_err(|error| error.to_string())
}

fn convert(arguments: &Arguments) -> Result<ExitCode, String> {
    let overlay = arguments.overlay.as_deref().map(overlay).transpose()?;
    let mut notes = Vec::new();
    let converted = converted(arguments, overlay.as_ref(), |note| notes.push(note));
    if arguments.verbose {
        notes.iter().for_each(|note| eprintln!("{note}"));
    } else {
        summary(&notes).iter().for_each(|line| eprintln!("{line}"));
    }
    let converted = converted?;
    eprintln!("{}", converted.counts);
    if arguments.strict && converted.counts.left_out > 0 {
        return Err("a request was left out, which --strict does not allow; nothing was written".to_owned());
    }
    match &arguments.output {
        Some(output) if arguments.check => return check(output, &converted),
        Some(output) => files::replace(output, |out| converted.write(out))?,
        None => {
            let mut out = BufWriter::new(io::stdout().lock());
            match converted.write(&mut out).and_then(|()| out.flush()) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    return Err(format!("standard output cannot be written ({error})"));
                }
                _ => {}
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn converted(
    arguments: &Arguments,
    overlay: Option<&Overlay>,
    say: impl FnMut(Note),
) -> Result<Converted, String> {
    let mut converter = Converter::new(say);
    for input in &arguments.inputs {
        for path in files::expand(input)? {
            let source = Source::new(path.display().to_string(), files::read(&path)?)
                .map_err(|error| error.to_string())?;
            converter.read(&source).map_err(|error| error.to_string())?;
        }
    }
    converter.finish(overlay).map_err(|error| error.to_string())
}

fn overlay(path: &Path) -> Result<Overlay, String> {
    let name = path.display().to_string();
    let text = String::from_utf8(files::read(path)?)
        .map_err(|_| format!("{name}: the overlay is no UTF-8 text; save it as UTF-8 and run again"))?;
    Overlay::new(name, &text).map_err(|error| error.to_string())
}

/// Compares without writing.
fn check(output: &Path, converted: &Converted) -> Result<ExitCode, String> {
    let made = converted.to_text();
    let committed = String::from_utf8_lossy(&files::read(output)?).into_owned();
    if committed == made {
        return Ok(ExitCode::SUCCESS);
    }
    let name = output.display().to_string();
    let diff = TextDiff::from_lines(&committed, &made);
    eprint!("{}", diff.unified_diff().context_radius(3).header(&name, "as converted now"));
    eprintln!("error: {name} is out of date; run the same command without --check and commit what it writes");
    Ok(ExitCode::from(1))
}
