//! The command as it is used: exit codes, and that a failure leaves the output as it was.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const ITEM: &str =
    r#"{"name": "Get pet", "request": {"method": "GET", "url": "https://a.example/pets/:id"}}"#;

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("postman-to-openapi-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a temporary file");
        path.display().to_string()
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn names(&self) -> Vec<String> {
        let folder = std::fs::read_dir(&self.0).expect("the folder");
        let mut names: Vec<_> =
            folder.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_postman-to-openapi"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    child.wait_with_output().expect("the command ends")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_document_goes_to_standard_output_and_everything_else_to_standard_error() {
    let output = run(&["-"], ITEM);
    assert_eq!(output.status.code(), Some(0));
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("a document and nothing else");
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(stderr(&output), "1 requests: 1 operations, 0 merged into them, 0 left out\n");
    assert!(output.stdout.ends_with(b"}\n"));
}

#[test]
fn help_and_version_are_printed_and_wrong_usage_exits_with_2() {
    let help = run(&["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        help.contains("Examples:")
            && help.contains("Exit codes: 0 done, 1 refused or out of date, 2 wrong usage.")
    );
    assert_eq!(
        run(&["--version"], "").stdout,
        format!("postman-to-openapi {}\n", env!("CARGO_PKG_VERSION")).as_bytes()
    );
    for arguments in
        [&[][..], &["--no-such"], &["--check", "-"], &["-", "-"], &["x", "--overlay"], &["--table", "x", "-"]]
    {
        assert_eq!(run(arguments, "").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn check_exits_with_1_and_a_diff_when_the_file_is_out_of_date() {
    let folder = Folder::new("check");
    let (item, output) = (folder.write("item.json", ITEM), folder.path("openapi.json"));
    let arguments = [item.as_str(), "--output", &output, "--check"];
    assert_eq!(run(&arguments, "").status.code(), Some(1), "there is no file yet");
    assert_eq!(run(&arguments[..3], "").status.code(), Some(0));
    assert_eq!(run(&arguments, "").status.code(), Some(0));
    let made = std::fs::read_to_string(&output).expect("the document");
    std::fs::write(&output, made.replace("getPet", "getCat")).expect("a changed document");
    let checked = run(&arguments, "");
    assert_eq!(checked.status.code(), Some(1));
    let said = stderr(&checked);
    assert!(
        said.contains("-        \"operationId\": \"getCat\"")
            && said.contains("+        \"operationId\": \"getPet\""),
        "{said}"
    );
    assert!(
        std::fs::read_to_string(&output).expect("the document").contains("getCat"),
        "checking writes nothing"
    );
}

#[test]
fn what_changes_for_callers_is_said_before_the_diff_and_before_the_summary() {
    let folder = Folder::new("changes");
    let (item, output) = (folder.write("item.json", ITEM), folder.path("openapi.json"));
    let arguments = [item.as_str(), "--output", &output];
    let summary = "1 requests: 1 operations, 0 merged into them, 0 left out";
    assert_eq!(stderr(&run(&arguments, "")), format!("{summary}\n"), "nobody calls what was not there");
    assert_eq!(stderr(&run(&arguments, "")), format!("{summary}\n"), "nothing changes");

    folder.write("item.json", &ITEM.replace("GET", "DELETE").replace("pets/:id", "pets/:id/toys"));
    let change = "breaking: getPet (DELETE /pets/{id}/toys): it was GET /pets/{id}\n";
    let checked = stderr(&run(&[&arguments[..], &["--check"]].concat(), ""));
    assert!(checked.starts_with(&format!("{change}{summary}\n--- ")), "{checked}");
    assert_eq!(stderr(&run(&arguments, "")), format!("{change}{summary}\n"));
}

#[test]
fn the_table_of_operations_is_written_checked_and_refused_with_its_document() {
    let folder = Folder::new("table");
    let (item, output) = (folder.write("item.json", ITEM), folder.path("openapi.json"));
    let text = |rows: &str| format!("Before\n<!-- operations -->\n{rows}<!-- end of operations -->\nAfter\n");
    let table = folder.write("README.md", "no markers");
    let arguments = [item.as_str(), "--output", &output, "--table", &table];
    let refused = run(&arguments, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("it has no place for the table of operations"), "{}", stderr(&refused));
    assert_eq!(folder.names(), ["README.md", "item.json"], "nothing is written");

    folder.write("README.md", &text("old\n"));
    assert_eq!(run(&arguments, "").status.code(), Some(0));
    let rows = "| `Client` method | request | scopes, any one | limit label | documented answers |\n|---|---|---|---|---|\n\
                | `get_pet` | `GET /pets/{id}` | none documented | none documented | default |\n";
    let written = std::fs::read_to_string(&table).expect("the table");
    assert_eq!(written, text(rows));
    let check = [&arguments[..], &["--check"]].concat();
    assert_eq!(run(&check, "").status.code(), Some(0));
    folder.write("README.md", &text("old\n"));
    let checked = run(&check, "");
    assert_eq!(checked.status.code(), Some(1));
    let said = stderr(&checked);
    assert!(
        said.contains("-old\n") && said.contains(&format!("error: {table} is out of date; run the same")),
        "{said}"
    );
    assert!(!said.contains("openapi.json is out of date"), "{said}");
}

#[test]
fn a_refusal_leaves_the_output_as_it_was() {
    let folder = Folder::new("refusal");
    let (good, output) = (folder.write("a.json", ITEM), folder.write("openapi.out", "precious"));
    let broken = folder.write("b.json", "{\n\"name\": oops");
    let patch = folder.write("c.overlay", r#"{"paths": {"/nowhere": {"get": {"summary": "x"}}}}"#);
    for (arguments, sentence) in [
        (vec![good.as_str(), &broken], format!("error: {broken}:2:9: this is not JSON")),
        (
            vec![&good, "--overlay", &patch],
            format!("error: {patch}: /paths/~1nowhere is no path of the document"),
        ),
        (vec!["no-such-file.json"], "error: no-such-file.json: the file cannot be read".to_owned()),
    ] {
        let refused = run(&[&arguments[..], &["--output", &output]].concat(), "");
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(&sentence), "{}", stderr(&refused));
        assert_eq!(std::fs::read_to_string(&output).expect("the output"), "precious");
    }
    assert_eq!(
        folder.names(),
        ["a.json", "b.json", "c.overlay", "openapi.out"],
        "nothing is left lying about"
    );
}

#[test]
fn a_bad_item_sinks_the_run_only_when_strict() {
    let folder = Folder::new("strict");
    let item =
        folder.write("item.json", &format!(r#"[{ITEM}, {{"name": "Bad", "request": {{"method": "GET"}}}}]"#));
    let output = folder.path("openapi.out");
    let strict = run(&[&item, "--output", &output, "--strict"], "");
    assert_eq!(strict.status.code(), Some(1));
    assert!(stderr(&strict).contains("left out: ") && stderr(&strict).contains(": Bad: it has no URL"));
    assert!(!std::path::Path::new(&output).exists());
    assert_eq!(run(&[&item, "--output", &output], "").status.code(), Some(0));
}

#[test]
fn a_folder_stands_for_every_json_below_it() {
    let folder = Folder::new("folder");
    folder.write("a.json", ITEM);
    folder.write("notes.txt", "no export");
    folder.write(".hidden.json", "no export either");
    std::fs::create_dir_all(folder.0.join("sub")).expect("a folder");
    folder.write("sub/b.json", &ITEM.replace("pets", "cats"));
    let output = run(&[&folder.0.display().to_string()], "");
    assert_eq!(stderr(&output), "2 requests: 2 operations, 0 merged into them, 0 left out\n");
    let empty = Folder::new("empty");
    assert_eq!(run(&[&empty.0.display().to_string()], "").status.code(), Some(1));
}
