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
    for arguments in [
        &[][..],
        &["--no-such"],
        &["--check", "-"],
        &["-", "-"],
        &["x", "--overlay"],
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
fn an_overlay_that_breaks_the_document_and_an_empty_collection_are_refused() {
    let folder = Folder::new("invalid");
    let (good, output) = (folder.write("a.json", ITEM), folder.write("openapi.out", "precious"));
    let patch = folder
        .write("c.overlay", r#"{"info": null, "paths": {"/pets/{id}": {"get": {"responses": {"200": 7}}}}}"#);
    let empty = folder.write("empty.json", r#"{"info": {"name": "E"}, "item": [{"name": "F", "item": []}]}"#);
    for (arguments, sentences) in [
        (
            vec![good.as_str(), "--overlay", &patch],
            vec![
                format!("error: {patch}: /info is missing, and a document must have it"),
                format!("error: {patch}: /paths/~1pets~1{{id}}/get/responses/200 must be a response"),
            ],
        ),
        (vec![&empty], vec![format!("error: {empty}: this holds no request")]),
        (vec![&good, &empty], vec![format!("error: {empty}: this holds no request")]),
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
fn the_counts_are_those_of_what_is_written() {
    let folder = Folder::new("counts");
    let pets = ITEM.to_owned();
    let cats = ITEM.replace("pets", "cats");
    let items = folder.write("items.json", &format!("[{pets}, {cats}, {cats}]"));
    let patch = folder.write("c.overlay", r#"{"paths": {"/cats/{id}": null}}"#);
    let output = run(&[&items, "--overlay", &patch], "");
    let said = stderr(&output);
    assert!(
        said.contains("3 requests: 1 operations, 0 merged into them, 0 left out, 2 removed by the overlay"),
        "{said}"
    );
}

#[test]
fn nothing_of_an_input_reaches_the_terminal_raw() {
    let folder = Folder::new("terminal");
    let evil = "\u{1b}[2J\nerror: forged\u{9b}31m\u{202e}\r";
    let request = |url: &str, method: &str| serde_json::json!({"name": evil, "request": {"url": url, "method": method}});
    let folder_of = |items: serde_json::Value| serde_json::json!({"info": {"name": evil}, "item": [{"name": evil, "item": items}]});
    let items = folder_of(serde_json::json!([
        request("/a", "GET"),
        request("/a", "GET"),
        request("/b", evil),
        request("", "GET"),
        7
    ]));
    let input = folder.write(&format!("{}.json", evil.replace('/', "")), &items.to_string());
    let output = folder.write("openapi.json", &format!("{evil}\n"));
    let overlay =
        folder.write("overlay", &serde_json::json!({evil: 7, "paths": {evil: {"get": 1}}}).to_string());
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

/// What a person may point `--output` at, and what it must stay.
#[cfg(unix)]
mod output {
    use super::{Command, Folder, ITEM, run, stderr};
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};

    fn mode(path: &str) -> u32 {
        fs::metadata(path).expect("the file").permissions().mode() & 0o7777
    }

    #[test]
    fn a_file_that_is_written_again_keeps_its_permissions_and_owner() {
        let folder = Folder::new("permissions");
        let (item, output) = (folder.write("item.json", ITEM), folder.write("openapi.out", "old"));
        for wanted in [0o600, 0o664, 0o755] {
            fs::set_permissions(&output, fs::Permissions::from_mode(wanted)).expect("permissions");
            // Only root may give a file away.
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
    fn of_a_symbolic_link_the_target_changes() {
        let folder = Folder::new("links");
        let item = folder.write("item.json", ITEM);
        fs::create_dir(folder.0.join("real")).expect("a folder");
        let real = folder.write("real/openapi.out", "old");
        let (link, chained, dangling) =
            (folder.path("link"), folder.path("chained"), folder.path("dangling"));
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
    fn what_is_not_a_writable_regular_file_is_refused_and_stays() {
        let folder = Folder::new("special");
        let item = folder.write("item.json", ITEM);
        let (pipe, device, socket, read_only) = (
            folder.path("pipe"),
            folder.path("device"),
            folder.path("socket"),
            folder.write("read-only", "old"),
        );
        assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
        // Only root may make one: of the kind that swallows everything, and in a folder of its own.
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
        for (output, reason) in named {
            let refused = run(&[&item, "--output", output], "");
            assert_eq!(refused.status.code(), Some(1), "{output}");
            assert!(stderr(&refused).starts_with(&format!("error: {output}: ")), "{}", stderr(&refused));
            assert!(stderr(&refused).contains(reason), "{}", stderr(&refused));
        }
        let kind = |path: &str| fs::symlink_metadata(path).expect("it is there").file_type();
        assert!(kind(&pipe).is_fifo() && kind(&socket).is_socket());
        assert!(!is_device || kind(&device).is_char_device());
        assert_eq!(fs::read_to_string(&read_only).expect("the file"), "old");
        // Checking only reads, as in a checkout that nobody may change.
        let out_of_date = run(&[&item, "--output", &read_only, "--check"], "");
        assert!(stderr(&out_of_date).contains("is out of date"), "{}", stderr(&out_of_date));
    }

    #[test]
    fn the_output_is_no_input_by_whatever_name() {
        let folder = Folder::new("same");
        let item = folder.write("item.json", ITEM);
        let overlay = folder.write("overlay", "{}");
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
        ] {
            let refused = run(&arguments, "");
            assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
            assert!(stderr(&refused).contains("is both read"), "{}", stderr(&refused));
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
        // The system kills whoever writes more than so many blocks to a file.
        let killed = Command::new("sh")
            .args(["-c", "ulimit -f 64; exec \"$@\"", "sh", program, &items, "--output", &output])
            .output()
            .expect("a shell");
        assert_eq!(killed.status.code(), None, "it was not killed: {}", stderr(&killed));
        assert_eq!(fs::read_to_string(&output).expect("the output"), "precious");
        assert_eq!(
            run(&[&items, "--output", &output], "").status.code(),
            Some(0),
            "and the next run succeeds"
        );
    }
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
