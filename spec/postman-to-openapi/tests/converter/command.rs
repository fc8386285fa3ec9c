//! The command line: exit codes, messages, and what happens to files.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

const ITEM: &str = r#"{"name": "Get pet", "request": {"method": "GET", "url": "https://a.example/pets/:id"}}"#;

/// A temporary folder, deleted after the test.
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
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a document and nothing else");
    assert_eq!(document["openapi"], "3.0.3");
    assert_eq!(stderr(&output), "requests: 1; operations: 1, merged: 0, left out: 0\n");
    assert!(output.stdout.ends_with(b"}\n"));
}

#[test]
fn help_and_version_are_printed_and_incorrect_usage_exits_with_2() {
    let help = run(&["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    assert!(
        help.contains("Examples:")
            && help.contains("Exit codes: 0 success, 1 refused or out of date, 2 incorrect usage.")
    );
    assert_eq!(
        run(&["--version"], "").stdout,
        format!("postman-to-openapi {}\n", env!("CARGO_PKG_VERSION")).as_bytes()
    );
    for arguments in [
        &[][..],
        &["--no-such"],
        &["--check", "-"],
        &["-", "-"],
        &["-", "--overlay", "-"],
        &["x", "--output", "-"],
        &["x", "--output", "y", "--table", "-"],
        &["x", "--overlay"],
        &["--table", "x", "-"],
        &["-", "-o", "a", "-o", "b"],
        &["-", "--overlay", "a", "--overlay", "b"],
    ] {
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
        said.contains("-        \"operationId\": \"getCat\"") && said.contains("+        \"operationId\": \"getPet\""),
        "{said}"
    );
    assert!(std::fs::read_to_string(&output).expect("the document").contains("getCat"), "checking writes nothing");
}

#[test]
fn changes_for_callers_come_before_the_diff_and_the_summary() {
    let folder = Folder::new("changes");
    let (item, output) = (folder.write("item.json", ITEM), folder.path("openapi.json"));
    let arguments = [item.as_str(), "--output", &output];
    let summary = "requests: 1; operations: 1, merged: 0, left out: 0";
    assert_eq!(stderr(&run(&arguments, "")), format!("{summary}\n"), "a new document has no callers");
    assert_eq!(stderr(&run(&arguments, "")), format!("{summary}\n"), "nothing changes");

    folder.write("item.json", &ITEM.replace("GET", "DELETE").replace("pets/:id", "pets/:id/toys"));
    let change = "breaking: getPet (DELETE /pets/{id}/toys): it was GET /pets/{id} before\n";
    let checked = stderr(&run(&[&arguments[..], &["--check"]].concat(), ""));
    assert!(checked.starts_with(&format!("{change}{summary}\n--- ")), "{checked}");
    assert_eq!(stderr(&run(&arguments, "")), format!("{change}{summary}\n"));
}

#[test]
fn the_table_of_operations_is_written_and_checked_with_its_document() {
    let folder = Folder::new("table");
    let (item, output) = (folder.write("item.json", ITEM), folder.path("openapi.json"));
    let text = |rows: &str| format!("Before\n<!-- operations -->\n{rows}<!-- end of operations -->\nAfter\n");
    let table = folder.write("README.md", "no markers");
    let arguments = [item.as_str(), "--output", &output, "--table", &table];
    let refused = run(&arguments, "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("the file has no place for the table of operations"), "{}", stderr(&refused));
    assert_eq!(folder.names(), ["README.md", "item.json"], "nothing is written");

    folder.write("README.md", &text("old\n"));
    assert_eq!(run(&arguments, "").status.code(), Some(0));
    let rows = "| method | request | scopes (any one is enough) |\n|---|---|---|\n\
                | `get_pet` | `GET /pets/{id}` | none documented |\n";
    let written = std::fs::read_to_string(&table).expect("the table");
    assert_eq!(written, text(rows));
    let check = [&arguments[..], &["--check"]].concat();
    assert_eq!(run(&check, "").status.code(), Some(0));

    let with_crlf = |text: String| text.replace('\n', "\r\n");
    folder.write("README.md", &with_crlf(text("old\n")));
    assert_eq!(run(&arguments, "").status.code(), Some(0), "a file with the line endings of Windows");
    assert_eq!(std::fs::read_to_string(&table).expect("the table"), with_crlf(written));
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
fn a_refused_conversion_leaves_the_output_unchanged() {
    let folder = Folder::new("refusal");
    let (good, output) = (folder.write("a.json", ITEM), folder.write("openapi.out", "precious"));
    let broken = folder.write("b.json", "{\n\"name\": oops");
    let patch = folder.write("c.overlay", r#"{"paths": {"/nowhere": {"get": {"summary": "x"}}}}"#);
    for (arguments, sentence) in [
        (vec![good.as_str(), &broken], format!("error: {broken}:2:9: the file is not valid JSON")),
        (vec![&good, "--overlay", &patch], format!("error: {patch}: /paths/~1nowhere is not a path of the document")),
        (vec!["no-such-file.json"], "error: no-such-file.json: cannot read the file".to_owned()),
    ] {
        let refused = run(&[&arguments[..], &["--output", &output]].concat(), "");
        assert_eq!(refused.status.code(), Some(1));
        assert!(stderr(&refused).contains(&sentence), "{}", stderr(&refused));
        assert_eq!(std::fs::read_to_string(&output).expect("the output"), "precious");
    }
    assert_eq!(folder.names(), ["a.json", "b.json", "c.overlay", "openapi.out"], "no temporary file is left behind");
}

#[test]
fn an_invalid_overlay_and_an_empty_collection_are_refused() {
    let folder = Folder::new("invalid");
    let (good, output) = (folder.write("a.json", ITEM), folder.write("openapi.out", "precious"));
    let patch =
        folder.write("c.overlay", r#"{"info": null, "paths": {"/pets/{id}": {"get": {"responses": {"200": 7}}}}}"#);
    let empty = folder.write("empty.json", r#"{"info": {"name": "E"}, "item": [{"name": "F", "item": []}]}"#);
    for (arguments, sentences) in [
        (
            vec![good.as_str(), "--overlay", &patch],
            vec![
                format!("error: {patch}: /info is missing, but a document must have it"),
                format!("error: {patch}: /paths/~1pets~1{{id}}/get/responses/200 must be a response"),
            ],
        ),
        (vec![&empty], vec![format!("error: {empty}: the file contains no requests")]),
        (vec![&good, &empty], vec![format!("error: {empty}: the file contains no requests")]),
    ] {
        let refused = run(&[&arguments[..], &["--output", &output]].concat(), "");
        assert_eq!(refused.status.code(), Some(1));
        for sentence in sentences {
            assert!(stderr(&refused).contains(&sentence), "{}", stderr(&refused));
        }
        assert_eq!(std::fs::read_to_string(&output).expect("the output"), "precious");
    }
}

#[test]
fn a_file_in_two_roles_is_refused_with_both() {
    let folder = Folder::new("roles");
    let (item, overlay) = (folder.write("item.json", ITEM), folder.write("overlay", "{}"));
    let new = folder.write("new.json", "{}");
    for (arguments, sentence) in [
        (vec!["--output", &item], format!("{item} is --output and also an input ({item})")),
        (
            vec!["--overlay", &overlay, "--output", &overlay],
            format!("{overlay} is --output and also the overlay ({overlay})"),
        ),
        (vec!["--output", &new, "--table", &new], format!("{new} is --table and also --output ({new})")),
    ] {
        let refused = run(&[&[item.as_str()][..], &arguments].concat(), "");
        assert_eq!(refused.status.code(), Some(1));
        assert_eq!(stderr(&refused), format!("error: {sentence}; name a different file\n"));
    }
}

#[test]
fn the_counts_match_what_is_written() {
    let folder = Folder::new("counts");
    let pets = ITEM.to_owned();
    let cats = ITEM.replace("pets", "cats");
    let items = folder.write("items.json", &format!("[{pets}, {cats}, {cats}]"));
    let patch = folder.write("c.overlay", r#"{"paths": {"/cats/{id}": null}}"#);
    let output = run(&[&items, "--overlay", &patch], "");
    let said = stderr(&output);
    assert!(said.contains("requests: 3; operations: 1, merged: 0, left out: 0, removed by the overlay: 2"), "{said}");
}

#[test]
fn control_characters_of_an_input_never_reach_the_terminal() {
    let folder = Folder::new("terminal");
    let evil = "\u{1b}[2J\nerror: forged\u{9b}31m\u{202e}\r";
    let request =
        |url: &str, method: &str| serde_json::json!({"name": evil, "request": {"url": url, "method": method}});
    let folder_of =
        |items: serde_json::Value| serde_json::json!({"info": {"name": evil}, "item": [{"name": evil, "item": items}]});
    let items = folder_of(serde_json::json!([
        request("/a", "GET"),
        request("/a", "GET"),
        request("/b", evil),
        request("", "GET"),
        7
    ]));
    // Windows allows neither line breaks nor escape characters in the name of a file.
    let name = if cfg!(windows) { "forged\u{9b}\u{202e}" } else { evil };
    let input = folder.write(&format!("{name}.json"), &items.to_string());
    let output = folder.write("openapi.json", &format!("{evil}\n"));
    let overlay = folder.write("overlay", &serde_json::json!({evil: 7, "paths": {evil: {"get": 1}}}).to_string());
    let missing = format!("missing {evil}");
    for arguments in [
        vec![input.as_str(), "--verbose"],
        vec![&input],
        vec![&input, "--output", &output, "--check"],
        vec![&input, "--overlay", &overlay],
        vec![&missing],
        vec![&input, "--output", &missing, "--check"],
        vec![&input, "--overlay", &missing],
        vec![&input, &missing],
        vec![evil],
        vec![&format!("--{evil}")],
        vec![&input, "--output", &input],
    ] {
        let said = stderr(&run(&arguments, ""));
        let raw = said.chars().find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
        assert_eq!(raw, None, "{arguments:?}: {said}");
        assert!(!said.lines().any(|line| line.starts_with("error: forged")), "{arguments:?}: {said}");
        assert!(said.contains("forged"), "{arguments:?}: {said}");
    }
}

/// What `--output` may point to, and how it must be treated.
#[cfg(unix)]
mod output {
    use super::{Command, Folder, ITEM, run, stderr};
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

    fn mode(path: &str) -> u32 {
        fs::metadata(path).expect("the file").permissions().mode() & 0o7777
    }

    #[test]
    fn a_replaced_file_keeps_its_permissions_and_owner() {
        let folder = Folder::new("permissions");
        let (item, output) = (folder.write("item.json", ITEM), folder.write("openapi.out", "old"));
        for wanted in [0o600, 0o664, 0o755] {
            fs::set_permissions(&output, fs::Permissions::from_mode(wanted)).expect("permissions");
            // Only root can change the owner of a file.
            let given = std::os::unix::fs::chown(&output, Some(4321), Some(4321)).is_ok();
            assert_eq!(run(&[&item, "--output", &output], "").status.code(), Some(0));
            assert_eq!(mode(&output), wanted);
            let owner = fs::metadata(&output).expect("the file");
            assert!(!given || (owner.uid(), owner.gid()) == (4321, 4321));
        }
        assert!(fs::read_to_string(&output).expect("the document").contains("getPet"));
        assert_eq!(folder.names(), ["item.json", "openapi.out"]);
    }

    #[test]
    fn the_target_of_a_symbolic_link_is_replaced_rather_than_the_link() {
        let folder = Folder::new("links");
        let item = folder.write("item.json", ITEM);
        fs::create_dir(folder.0.join("real")).expect("a folder");
        let real = folder.write("real/openapi.out", "old");
        let (link, chained, dangling) = (folder.path("link"), folder.path("chained"), folder.path("dangling"));
        symlink("real/openapi.out", &link).expect("a link");
        symlink("link", &chained).expect("a link");
        symlink("real/new.out", &dangling).expect("a link");
        for (name, target) in [(&link, &real), (&chained, &real), (&dangling, &folder.path("real/new.out"))] {
            assert_eq!(run(&[&item, "--output", name], "").status.code(), Some(0));
            assert!(fs::symlink_metadata(name).expect("the link").is_symlink(), "{name}");
            assert!(fs::read_to_string(target).expect("the document").contains("getPet"), "{target}");
            fs::write(&real, "old").expect("a file");
        }
        let circle = folder.path("circle");
        symlink("circle", &circle).expect("a link");
        let refused = run(&[&item, "--output", &circle], "");
        assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    }

    #[test]
    fn anything_but_a_writable_regular_file_is_refused_and_unchanged() {
        let folder = Folder::new("special");
        let item = folder.write("item.json", ITEM);
        let (pipe, device, socket, read_only) =
            (folder.path("pipe"), folder.path("device"), folder.path("socket"), folder.write("read-only", "old"));
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        // Only root can create a device node; this one discards everything, like /dev/null.
        let is_device =
            Command::new("mknod").args([&device, "c", "1", "3"]).output().is_ok_and(|it| it.status.success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        fs::set_permissions(&read_only, fs::Permissions::from_mode(0o444)).expect("permissions");
        let folder_itself = folder.0.display().to_string();
        let mut named = vec![
            (&pipe, "not a regular file"),
            (&socket, "not a regular file"),
            (&read_only, "read-only"),
            (&folder_itself, "this is a folder"),
        ];
        if is_device {
            named.push((&device, "not a regular file"));
        }
        let other = folder.path("other");
        for (output, reason) in named {
            for arguments in [
                &["--output", output][..],
                &["--output", output, "--check"],
                &["--output", &other, "--table", output],
                &["--output", &other, "--table", output, "--check"],
            ] {
                // --check only reads, so it must work in a read-only checkout.
                if reason == "read-only" && arguments.contains(&"--check") {
                    continue;
                }
                let refused = run(&[&[item.as_str()], arguments].concat(), "");
                assert_eq!(refused.status.code(), Some(1), "{output}");
                assert!(stderr(&refused).starts_with(&format!("error: {output}: ")), "{}", stderr(&refused));
                assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
            }
        }
        let kind = |path: &str| fs::symlink_metadata(path).expect("it is there").file_type();
        assert!(kind(&pipe).is_fifo() && kind(&socket).is_socket());
        assert!(!is_device || kind(&device).is_char_device());
        assert_eq!(fs::read_to_string(&read_only).expect("the file"), "old");
        let out_of_date = run(&[&item, "--output", &read_only, "--check"], "");
        assert!(stderr(&out_of_date).contains("is out of date"), "{}", stderr(&out_of_date));
    }

    #[test]
    fn an_output_that_is_also_an_input_is_refused_under_any_name() {
        let folder = Folder::new("same");
        let item = folder.write("item.json", ITEM);
        let overlay = folder.write("overlay", "{}");
        let other = folder.write("other", "{}");
        let (hard, soft) = (folder.path("hard"), folder.path("soft"));
        fs::hard_link(&item, &hard).expect("a link");
        symlink(&item, &soft).expect("a link");
        let folder_itself = folder.0.display().to_string();
        for arguments in [
            vec![item.as_str(), "--output", &item],
            vec![&item, "--output", &hard],
            vec![&item, "--output", &soft],
            vec![&folder_itself, "--output", &item],
            vec![&item, "--overlay", &overlay, "--output", &overlay],
            vec![&item, "--output", &other, "--table", &hard],
            vec![&item, "--overlay", &overlay, "--output", &other, "--table", &overlay],
            vec![&item, "--output", &other, "--table", &other],
        ] {
            let refused = run(&arguments, "");
            assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
            assert!(stderr(&refused).contains(" and also "), "{}", stderr(&refused));
            assert_eq!(fs::read_to_string(&item).expect("the item"), ITEM);
            assert_eq!(fs::read_to_string(&overlay).expect("the overlay"), "{}");
        }
        let from_stdin = Command::new(env!("CARGO_BIN_EXE_postman-to-openapi"))
            .args(["-", "--output", &item])
            .stdin(fs::File::open(&item).expect("the item"))
            .output()
            .expect("the command runs");
        assert_eq!(from_stdin.status.code(), Some(1), "{}", stderr(&from_stdin));
        assert_eq!(fs::read_to_string(&item).expect("the item"), ITEM);
    }

    #[test]
    fn the_old_document_survives_a_kill_in_the_middle_of_writing() {
        let folder = Folder::new("killed");
        let output = folder.write("openapi.out", "precious");
        let items: Vec<String> = (0..2000).map(|at| ITEM.replace("pets", &format!("pets{at}"))).collect();
        let items = folder.write("items.json", &format!("[{}]", items.join(",")));
        let program = env!("CARGO_BIN_EXE_postman-to-openapi");
        // The system kills the process when it writes more blocks than this to a file.
        let killed = Command::new("sh")
            .args(["-c", "ulimit -f 64; exec \"$@\"", "sh", program, &items, "--output", &output])
            .output()
            .expect("a shell");
        assert_eq!(killed.status.code(), None, "it was not killed: {}", stderr(&killed));
        assert_eq!(fs::read_to_string(&output).expect("the output"), "precious");
        assert_eq!(run(&[&items, "--output", &output], "").status.code(), Some(0), "and the next run succeeds");
    }
}

#[test]
fn a_bad_item_fails_the_run_only_with_strict() {
    let folder = Folder::new("strict");
    let item = folder.write("item.json", &format!(r#"[{ITEM}, {{"name": "Bad", "request": {{"method": "GET"}}}}]"#));
    let output = folder.path("openapi.out");
    let strict = run(&[&item, "--output", &output, "--strict"], "");
    assert_eq!(strict.status.code(), Some(1));
    assert!(stderr(&strict).contains("left out: ") && stderr(&strict).contains(": Bad: it has no URL"));
    assert!(!std::path::Path::new(&output).exists());
    assert_eq!(run(&[&item, "--output", &output], "").status.code(), Some(0));
}

#[test]
fn a_folder_stands_for_every_json_file_below_it() {
    let folder = Folder::new("folder");
    folder.write("a.json", ITEM);
    folder.write("notes.txt", "no export");
    folder.write(".hidden.json", "no export either");
    std::fs::create_dir_all(folder.0.join("sub")).expect("a folder");
    folder.write("sub/b.json", &ITEM.replace("pets", "cats"));
    let output = run(&[&folder.0.display().to_string()], "");
    assert_eq!(stderr(&output), "requests: 2; operations: 2, merged: 0, left out: 0\n");
    let empty = Folder::new("empty");
    assert_eq!(run(&[&empty.0.display().to_string()], "").status.code(), Some(1));
}

#[test]
fn an_environment_beside_the_input_gives_values_and_can_be_chosen() {
    let folder = Folder::new("environment");
    let item =
        folder.write("pets.json", r#"{"name": "Get pet", "request": {"method": "GET", "url": "{{base}}/pets"}}"#);
    let environment = |name: &str, host: &str| {
        folder.write(
            name,
            &format!(r#"{{"name": "{host}", "values": [{{"key": "base", "value": "https://{host}.example"}}]}}"#),
        )
    };
    let all = folder.path("");
    let server = |arguments: &[&str]| {
        let output = run(arguments, "");
        let document = String::from_utf8_lossy(&output.stdout).into_owned();
        let urls =
            document.lines().filter_map(|line| line.trim().strip_prefix("\"url\": ")).collect::<Vec<_>>().join(" ");
        (urls, stderr(&output))
    };
    let one = environment("a.postman_environment.json", "a");
    for input in [&all, &item] {
        let (url, said) = server(&[input]);
        assert_eq!(url, "\"https://a.example\"");
        assert!(
            said.contains(&format!("note: {one}: its values are used")) && !said.contains("--environment"),
            "{said}"
        );
    }
    let other = environment("b.postman_environment.json", "b");
    for input in [&all, &item] {
        let (url, said) = server(&[input]);
        assert_eq!(url, "\"https://a.example\"");
        assert!(said.contains(&format!("not those of {other}; use --environment FILE")), "{said}");
        let (url, said) = server(&[input, "--environment", &other]);
        assert_eq!(url, "\"https://b.example\"");
        assert!(!said.contains("--environment"), "{said}");
    }
    let refused = server(&[&item, "--environment", &item]).1;
    assert!(refused.contains("pets.json: the file is not a Postman environment"), "{refused}");
    assert!(server(&[&one]).1.contains("name its collection too"));
    assert_eq!(run(&[&item, "--environment", &other, "-o", &other], "").status.code(), Some(1));
}
