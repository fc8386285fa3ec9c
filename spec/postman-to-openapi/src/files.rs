//! Reading inputs and writing the output, which is replaced whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// The files an argument stands for: itself, or every `.json` below a folder, in the order of their names.
pub fn expand(argument: &str) -> Result<Vec<PathBuf>, String> {
    let path = PathBuf::from(argument);
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut found = Vec::new();
    collect(&path, &mut found).map_err(|error| format!("{argument}: the folder cannot be read ({error})"))?;
    if found.is_empty() {
        return Err(format!(
            "{argument}: the folder holds no .json file; name one that holds Postman exports"
        ));
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link to a folder is not followed: it may lead back here.
        if entry.file_type()?.is_dir() {
            if !hidden {
                collect(&entry.path(), found)?;
            }
        } else if !hidden
            && entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
        {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// Reads a file, or standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        return match io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(format!("-: standard input cannot be read ({error})")),
        };
    }
    fs::read(path).map_err(|error| format!("{}: the file cannot be read ({error})", path.display()))
}

/// Writes a file beside its place first and then moves it there.
pub fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    let refusal = |error: io::Error| format!("{}: the file cannot be written ({error})", path.display());
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create(&beside).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner()?.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).map_err(|error| {
        let _ = fs::remove_file(&beside);
        refusal(error)
    })
}
