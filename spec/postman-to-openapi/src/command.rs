//! The command line, and what is done with it.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lexopt::prelude::{Long, Short, Value};
use postman_to_openapi::{Converted, Converter, Note, Overlay, Source, changes, with_table};
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
      --table <FILE>    Write the table of operations into this Markdown file too, between its markers
      --check           Write nothing: exit with 1 and a diff when --output or --table is out of date
      --strict          Exit with 1, and write nothing, when a request had to be left out
  -h, --help            Print this
  -V, --version         Print the version

When --output is there already, what the new document means for callers is printed first: the operations
that were added, removed, or changed in a breaking way.

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
    table: Option<PathBuf>,
    check: bool,
    strict: bool,
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
            Long("table") => arguments.table = Some(path(&mut parser)?),
            Long("check") => arguments.check = true,
            Long("strict") => arguments.strict = true,
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
    if arguments.table.is_some() && arguments.output.is_none() {
        return Err("--table needs the --output that it belongs to".to_owned());
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
    let mut converter = Converter::new(|note: Note| eprintln!("{note}"));
    for input in &arguments.inputs {
        for path in files::expand(input)? {
            let source = Source::new(path.display().to_string(), files::read(&path)?)
                .map_err(|error| error.to_string())?;
            converter.read(&source).map_err(|error| error.to_string())?;
        }
    }
    let converted = converter.finish(overlay.as_ref()).map_err(|error| error.to_string())?;
    let committed =
        arguments.output.as_deref().filter(|output| output.exists()).map(files::read).transpose()?;
    if let Some(committed) = &committed {
        say_changes(committed, &converted);
    }
    eprintln!("{}", converted.counts);
    if arguments.strict && converted.counts.left_out > 0 {
        return Err("a request was left out, which --strict does not allow; nothing was written".to_owned());
    }
    let table = arguments.table.as_deref().map(|path| Table::new(path, &converted)).transpose()?;
    match &arguments.output {
        Some(output) if arguments.check => return check(output, &converted, table.as_ref()),
        Some(output) => {
            files::replace(output, |out| converted.write(out))?;
            if let Some(table) = table.filter(Table::is_out_of_date) {
                files::replace(table.path, |out| out.write_all(table.made.as_bytes()))?;
            }
        }
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

fn overlay(path: &Path) -> Result<Overlay, String> {
    let name = path.display().to_string();
    let text = String::from_utf8(files::read(path)?)
        .map_err(|_| format!("{name}: the overlay is no UTF-8 text; save it as UTF-8 and run again"))?;
    Overlay::new(name, &text).map_err(|error| error.to_string())
}

/// Prints what the new document means for those who call a client that was generated from the committed one.
fn say_changes(committed: &[u8], converted: &Converted) {
    let made = converted.to_text();
    if committed == made.as_bytes() {
        return;
    }
    let Ok(before) = serde_json::from_slice(committed) else {
        return eprintln!(
            "note: what is written already is not JSON, so it is not said what changes for callers"
        );
    };
    let after = serde_json::from_str(&made).unwrap_or_default();
    for change in changes(&before, &after) {
        eprintln!("{change}");
    }
}

/// The Markdown file that holds the table of operations.
struct Table<'p> {
    path: &'p Path,
    written: String,
    made: String,
}

impl<'p> Table<'p> {
    fn new(path: &'p Path, converted: &Converted) -> Result<Self, String> {
        let name = path.display().to_string();
        let written = String::from_utf8(files::read(path)?)
            .map_err(|_| format!("{name}: it is not UTF-8 text; save it as UTF-8 and run again"))?;
        let document = serde_json::from_str(&converted.to_text()).unwrap_or_default();
        let made = with_table(&name, &written, &document).map_err(|error| error.to_string())?;
        Ok(Self { path, written, made })
    }

    fn is_out_of_date(&self) -> bool {
        self.written != self.made
    }
}

/// Compares without writing.
fn check(output: &Path, converted: &Converted, table: Option<&Table<'_>>) -> Result<ExitCode, String> {
    let document = String::from_utf8_lossy(&files::read(output)?).into_owned();
    let made = converted.to_text();
    let mut compared = vec![(output, &document, &made)];
    compared.extend(table.map(|table| (table.path, &table.written, &table.made)));
    compared.retain(|(_, committed, made)| committed != made);
    for (path, committed, made) in &compared {
        let name = path.display().to_string();
        let diff = TextDiff::from_lines(committed.as_str(), made);
        eprint!("{}", diff.unified_diff().context_radius(3).header(&name, "as converted now"));
    }
    for (path, ..) in &compared {
        eprintln!(
            "error: {} is out of date; run the same command without --check and commit what it writes",
            path.display()
        );
    }
    Ok(if compared.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
