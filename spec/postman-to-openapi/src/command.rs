//! The command line: parses the arguments, converts, and writes or compares.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value};
use postman_to_openapi::{
    Converted, Converter, Effect, Error, Note, Overlay, Source, changes, printable, summary, with_table,
};
use similar::TextDiff;

use crate::files::{self, Output, STDIN};

const HELP: &str = "\
Converts Postman items and collections into one OpenAPI 3.0.3 document.

Usage: postman-to-openapi [OPTIONS] <INPUT>...

Arguments:
  <INPUT>...         Postman exports (v2.0 or v2.1): items, collections, folders of them, or - for standard input

Options:
      --environment <FILE>  Values for variables that have none (default: the first environment beside the input)
      --overlay <FILE>  JSON Merge Patch (RFC 7396) that adds what the export lost
  -o, --output <FILE>   Write the document to this file instead of standard output
      --table <FILE>    Also write a table of the operations into this Markdown file, between its markers
      --check           Write nothing; if --output or --table is out of date, print a diff and exit with 1
      --strict          Write nothing and exit with 1 if a request has to be left out
      --verbose         Print every note instead of one line per kind
  -h, --help            Print this help
  -V, --version         Print the version

If the --output file already exists, the changes that matter to callers are printed after the notes: operations that
were added, removed, or changed in a breaking way.

Exit codes: 0 success, 1 refused or out of date, 2 incorrect usage.

Examples:
  postman-to-openapi collection.json > openapi.json
  postman-to-openapi spec/postman --overlay spec/overlay.json --output spec/openapi.json
  postman-to-openapi spec/postman --overlay spec/overlay.json --output spec/openapi.json --check
  curl -s https://example.com/collection.json | postman-to-openapi --strict -
";

#[derive(Default)]
struct Arguments {
    inputs: Vec<String>,
    environment: Option<PathBuf>,
    overlay: Option<PathBuf>,
    output: Option<PathBuf>,
    table: Option<PathBuf>,
    check: bool,
    strict: bool,
    verbose: bool,
}

enum Request {
    Convert(Arguments),
    Print(String),
}

/// Why the command refused to go on, one sentence per reason.
pub struct Refusal(pub Vec<String>);

impl From<String> for Refusal {
    fn from(sentence: String) -> Self {
        Self(vec![sentence])
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error.sentences().to_vec())
    }
}

/// Prints one line to standard error, escaped, because parts of it may come from an input.
pub fn tell(line: &str) {
    // If this fails, there is nowhere left to report it.
    let _ = writeln!(io::stderr(), "{}", printable(line));
}

/// Runs the command.
///
/// # Errors
///
/// The reasons for a refusal; incorrect usage is not an error but exit code 2.
pub fn run() -> Result<ExitCode, Refusal> {
    match arguments() {
        Ok(Request::Convert(arguments)) => convert(&arguments),
        Ok(Request::Print(text)) => {
            // A reader that closes the pipe has read enough.
            let _ = io::stdout().write_all(text.as_bytes());
            Ok(ExitCode::SUCCESS)
        }
        Err(message) => {
            tell(&format!("error: {message}; see --help"));
            Ok(ExitCode::from(2))
        }
    }
}

fn arguments() -> Result<Request, String> {
    let mut arguments = Arguments::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("environment") => once(&mut arguments.environment, "--environment", &mut parser)?,
            Long("overlay") => once(&mut arguments.overlay, "--overlay", &mut parser)?,
            Short('o') | Long("output") => once(&mut arguments.output, "--output", &mut parser)?,
            Long("table") => once(&mut arguments.table, "--table", &mut parser)?,
            Long("check") => arguments.check = true,
            Long("strict") => arguments.strict = true,
            Long("verbose") => arguments.verbose = true,
            Short('h') | Long("help") => return Ok(Request::Print(HELP.to_owned())),
            Short('V') | Long("version") => {
                return Ok(Request::Print(format!("{} {}\n", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))));
            }
            Value(input) => arguments
                .inputs
                .push(input.into_string().map_err(|_| "the name of an input is not valid UTF-8".to_owned())?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    if arguments.inputs.is_empty() {
        return Err("no input was given".to_owned());
    }
    if arguments.check && arguments.output.is_none() {
        return Err("--check needs --output, the file to compare with".to_owned());
    }
    if arguments.table.is_some() && arguments.output.is_none() {
        return Err("--table needs --output, because the two are written together".to_owned());
    }
    let is_stdin = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new(STDIN));
    if is_stdin(&arguments.output) {
        return Err("--output cannot be -, which is standard input; omit it to write to standard output".to_owned());
    }
    if is_stdin(&arguments.table) {
        return Err("--table cannot be -, which is standard input; name a Markdown file".to_owned());
    }
    let stdins = arguments.inputs.iter().filter(|input| *input == STDIN).count();
    if stdins + usize::from(is_stdin(&arguments.overlay)) > 1 {
        return Err("standard input can be read only once".to_owned());
    }
    Ok(Request::Convert(arguments))
}

/// Reads an option's path. If the option is given twice, using only one of the two would go unnoticed.
fn once(place: &mut Option<PathBuf>, option: &str, parser: &mut lexopt::Parser) -> Result<(), String> {
    let path = parser.value().map(PathBuf::from).map_err(|error| error.to_string())?;
    match place.replace(path) {
        Some(_) => Err(format!("{option} is given twice")),
        None => Ok(()),
    }
}

fn convert(arguments: &Arguments) -> Result<ExitCode, Refusal> {
    let mut inputs = Vec::new();
    for input in &arguments.inputs {
        inputs.extend(files::expand(input)?);
    }
    let output = arguments.output.as_deref();
    let (written, table) = (arguments.output.as_ref(), arguments.table.as_ref());
    for (option, written, other) in [("--output", written, None), ("--table", table, written)] {
        let read = inputs.iter().map(|path| ("an input", path));
        let overlay = arguments.overlay.iter().map(|path| ("the overlay", path));
        let environment = arguments.environment.iter().map(|path| ("the environment", path));
        let mut others = read.chain(overlay).chain(environment).chain(other.map(|path| ("--output", path)));
        if let Some(written) = written
            && let Some((what, other)) = others.find(|(_, other)| files::same(written, other))
        {
            return Err(Refusal::from(format!(
                "{} is {option} and also {what} ({}); name a different file",
                written.display(),
                other.display()
            )));
        }
    }
    // Checked before anything is read, so that a conversion whose result cannot be written never starts.
    let target = |path: &PathBuf| Output::at(path, !arguments.check);
    let (target, table_target) = (written.map(target).transpose()?, table.map(target).transpose()?);
    let overlay = arguments.overlay.as_deref().map(overlay).transpose()?;
    let mut notes = Vec::new();
    let environment = environment(&mut inputs, arguments, &mut notes)?;
    let converted = converted(&inputs, environment.as_ref(), overlay.as_ref(), |note| notes.push(note));
    if arguments.verbose {
        notes.iter().for_each(|note| tell(&note.to_string()));
    } else {
        summary(&notes).iter().for_each(|line| tell(line));
    }
    let converted = converted?;
    let committed = output.filter(|output| arguments.check || output.exists());
    let committed = committed.map(files::read).transpose()?;
    if let Some(committed) = &committed {
        say_changes(committed, &converted)?;
    }
    tell(&converted.counts.to_string());
    if arguments.strict && converted.counts.left_out > 0 {
        let sentence = "a request had to be left out, which --strict does not allow; nothing was written";
        return Err(Refusal::from(sentence.to_owned()));
    }
    let table = arguments.table.as_deref().map(|path| Table::new(path, &converted)).transpose()?;
    if let (true, Some(output), Some(committed)) = (arguments.check, output, committed) {
        return Ok(check(output, &committed, &converted, table.as_ref()));
    }
    match target {
        Some(target) => {
            target.replace(|out| converted.write(out))?;
            if let (Some(target), Some(table)) = (table_target, table.filter(Table::is_out_of_date)) {
                target.replace(|out| out.write_all(table.made.as_bytes()))?;
            }
        }
        None => {
            if let Err(error) = converted.write(&mut io::stdout().lock())
                && error.kind() != io::ErrorKind::BrokenPipe
            {
                return Err(Refusal::from(format!("cannot write to standard output ({error})")));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn converted(
    inputs: &[PathBuf],
    environment: Option<&Source>,
    overlay: Option<&Overlay>,
    say: impl FnMut(Note),
) -> Result<Converted, Refusal> {
    let mut converter = Converter::new(say);
    if let Some(environment) = environment {
        converter.read_environment(environment);
    }
    for path in inputs {
        converter.read(&source(path)?)?;
    }
    Ok(converter.finish(overlay)?)
}

fn source(path: &Path) -> Result<Source, Refusal> {
    Ok(Source::new(path.display().to_string(), files::read(path)?)?)
}

/// The environment to use: the one that was named, or the first one among the inputs or else beside them. Takes
/// environments out of the inputs, unless there is nothing else.
fn environment(
    inputs: &mut Vec<PathBuf>,
    arguments: &Arguments,
    notes: &mut Vec<Note>,
) -> Result<Option<Source>, Refusal> {
    let environment = |path: &PathBuf| {
        let file = if path == Path::new(STDIN) { None } else { source(path).ok() };
        file.filter(Source::is_environment)
    };
    let mut found: Vec<Source> = Vec::new();
    if inputs.len() > 1 {
        found.extend(inputs.iter().filter_map(environment));
    }
    if found.len() < inputs.len() {
        inputs.retain(|path| !found.iter().any(|source| Path::new(&source.name) == path));
    }
    if let Some(path) = &arguments.environment {
        let chosen = source(path)?;
        if chosen.is_environment() {
            return Ok(Some(chosen));
        }
        let sentence = "the file is not a Postman environment; export one from Postman and use that file";
        return Err(Refusal::from(format!("{}: {sentence}", chosen.name)));
    }
    if found.is_empty() {
        let beside = files::beside(&arguments.inputs, ".postman_environment.json");
        found.extend(beside.iter().filter_map(environment));
    }
    let mut found = found.into_iter();
    let first = found.next();
    if let Some(first) = &first {
        let others: Vec<String> = found.map(|other| other.name).collect();
        let mut text = "its values are used for the variables that have none".to_owned();
        if !others.is_empty() {
            text += &format!(", not those of {}; use --environment FILE to choose", others.join(", "));
        }
        let topic = "the values of an environment are used";
        notes.push(Note { effect: Effect::Hint, topic, place: first.name.clone(), text });
    }
    Ok(first)
}

fn overlay(path: &Path) -> Result<Overlay, Refusal> {
    let name = path.display().to_string();
    let text = String::from_utf8(files::read(path)?)
        .map_err(|_| format!("{name}: the overlay is not valid UTF-8; save it as UTF-8 and run again"))?;
    Ok(Overlay::new(name, &text)?)
}

/// Prints the changes that matter to callers of a client generated from the committed document.
fn say_changes(committed: &[u8], converted: &Converted) -> Result<(), Refusal> {
    let made = converted.to_text();
    if committed == made.as_bytes() {
        return Ok(());
    }
    let Ok(before) = serde_json::from_slice(committed) else {
        tell("note: the existing output is not JSON, so the changes for callers cannot be determined");
        return Ok(());
    };
    for change in changes(&before, &document(&made)?) {
        tell(&change.to_string());
    }
    Ok(())
}

/// Reads back what was made.
fn document(made: &str) -> Result<serde_json::Value, Refusal> {
    serde_json::from_str(made).map_err(|error| {
        Refusal::from(format!("the document that was made is not valid JSON ({error}); please report this bug"))
    })
}

/// The Markdown file that contains the table of operations.
struct Table<'p> {
    path: &'p Path,
    written: String,
    made: String,
}

impl<'p> Table<'p> {
    fn new(path: &'p Path, converted: &Converted) -> Result<Self, Refusal> {
        let name = path.display().to_string();
        let written = String::from_utf8(files::read(path)?)
            .map_err(|_| format!("{name}: the file is not valid UTF-8; save it as UTF-8 and run again"))?;
        let made = with_table(&name, &written, &document(&converted.to_text())?)?;
        Ok(Self { path, written, made })
    }

    fn is_out_of_date(&self) -> bool {
        self.written != self.made
    }
}

/// Prints the differences instead of writing.
fn check(output: &Path, committed: &[u8], converted: &Converted, table: Option<&Table<'_>>) -> ExitCode {
    let document = String::from_utf8_lossy(committed).into_owned();
    let made = converted.to_text();
    let mut compared = vec![(output, &document, &made)];
    compared.extend(table.map(|table| (table.path, &table.written, &table.made)));
    compared.retain(|(_, committed, made)| committed != made);
    for (path, committed, made) in &compared {
        let name = path.display().to_string();
        // A minimal diff of two very different documents takes minutes; after this time, it need not be minimal.
        let diff = TextDiff::configure().timeout(Duration::from_secs(2)).diff_lines(committed.as_str(), made);
        let diff = diff.unified_diff().context_radius(3).header(&printable(&name), "converted now").to_string();
        diff.lines().for_each(tell);
    }
    for (path, ..) in &compared {
        tell(&format!(
            "error: {} is out of date; run the same command without --check and commit the result",
            path.display()
        ));
    }
    if compared.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}
