//! Reading inputs, and replacing the output atomically.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// The argument that stands for standard input.
pub const STDIN: &str = "-";

/// A longer chain of symbolic links is taken for a cycle.
const MOST_LINKS: usize = 40;

/// How many names of temporary files are tried.
const MOST_NAMES: u32 = 100;

/// The files an argument stands for: the file itself, or every `.json` file below a folder, sorted by name.
pub fn expand(argument: &str) -> Result<Vec<PathBuf>, String> {
    let path = PathBuf::from(argument);
    if !path.is_dir() {
        return Ok(vec![path]);
    }
    let mut found = Vec::new();
    collect(&path, &mut found).map_err(|error| format!("{argument}: cannot read the folder ({error})"))?;
    if found.is_empty() {
        return Err(format!("{argument}: the folder contains no .json files; name one that contains Postman exports"));
    }
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // A link to a folder is not followed, because it may lead back here.
        if entry.file_type()?.is_dir() {
            if !hidden {
                collect(&entry.path(), found)?;
            }
        } else if !hidden && entry.path().extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            found.push(entry.path());
        }
    }
    Ok(())
}

/// The files beside those that were named, sorted, whose names end like this.
pub fn beside(arguments: &[String], ending: &str) -> Vec<PathBuf> {
    let files = arguments.iter().map(Path::new).filter(|path| path.is_file());
    let folders = files.filter_map(Path::parent);
    let folders = folders.map(|folder| if folder == Path::new("") { Path::new(".") } else { folder });
    let entries = folders.filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let is_named = |path: &Path| arguments.iter().any(|argument| same(Path::new(argument), path));
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.retain(|path| path.to_string_lossy().ends_with(ending) && !is_named(path));
    found.sort();
    found.dedup();
    found
}

/// Reads a file, or standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    if path == Path::new(STDIN) {
        let mut bytes = Vec::new();
        return match io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(format!("-: cannot read standard input ({error})")),
        };
    }
    fs::read(path).map_err(|error| format!("{}: cannot read the file ({error})", path.display()))
}

/// Whether two paths lead to the same file.
pub fn same(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| identity(if path == Path::new(STDIN) { Path::new("/dev/stdin") } else { path });
    file(one).is_some_and(|one| file(other) == Some(one))
}

/// Identifies a file regardless of the path used.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// A regular file that may be replaced, or a path where no file exists yet.
pub struct Output {
    /// The path as given.
    name: PathBuf,
    /// The path after following symbolic links.
    target: PathBuf,
    known: Option<Metadata>,
}

impl Output {
    /// Checks the output before anything is read or written. Whether it is `writable` does not matter if it is only
    /// compared.
    ///
    /// # Errors
    ///
    /// The path is something other than a file, or a file that must be `writable` and is not.
    pub fn at(name: &Path, writable: bool) -> Result<Self, String> {
        let shown = name.display();
        let target = behind_links(name)
            .ok_or_else(|| format!("{shown}: the symbolic link leads back to itself; name a file"))?;
        let known = match fs::metadata(&target) {
            Ok(known) => known,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { name: name.to_owned(), target, known: None });
            }
            Err(error) => return Err(format!("{shown}: cannot inspect the file ({error})")),
        };
        if known.is_dir() {
            return Err(format!("{shown}: this is a folder; name a file inside it"));
        }
        if !known.is_file() {
            return Err(format!(
                "{shown}: this is not a regular file but a device, pipe or socket; name a regular file (without \
                 --output, the document goes to standard output)"
            ));
        }
        // Root can open a read-only file, so check the permissions first.
        if writable && known.permissions().readonly() {
            return Err(format!("{shown}: the file is read-only; make it writable or choose another"));
        }
        OpenOptions::new()
            .read(!writable)
            .write(writable)
            .open(&target)
            .map_err(|error| format!("{shown}: cannot open the file ({error})"))?;
        Ok(Self { name: name.to_owned(), target, known: Some(known) })
    }

    /// Writes a temporary file next to the old one and renames it, so that after a crash at any point the file is
    /// complete, either old or new. Permissions and owner are preserved.
    pub fn replace(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
        let name = self.target.file_name().unwrap_or_default().to_string_lossy();
        let named = |number: u32| self.target.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
        // In a container, a killed process often had the same process ID.
        let free = (0..MOST_NAMES).map(named).find(|path| fs::symlink_metadata(path).is_err());
        let beside = free.unwrap_or_else(|| named(0));
        let refusal = |error: io::Error| {
            format!("{}: cannot write the file via {} ({error})", self.name.display(), beside.display())
        };
        // A file of that name is not ours to overwrite.
        let file = OpenOptions::new().write(true).create_new(true).open(&beside).map_err(refusal)?;
        let written = self.fill(file, write).and_then(|()| fs::rename(&beside, &self.target));
        written.map_err(|error| {
            let _ = fs::remove_file(&beside);
            refusal(error)
        })
    }

    fn fill(&self, mut file: File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        if let Some(known) = &self.known {
            keep_owner(&file, known)?;
            file.set_permissions(known.permissions())?;
        }
        write(&mut file)?;
        file.sync_all()
    }
}

#[cfg(unix)]
fn keep_owner(file: &File, known: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (known.uid(), known.gid()) {
        return Ok(());
    }
    fchown(file, Some(known.uid()), Some(known.gid()))
        .map_err(|error| io::Error::new(error.kind(), format!("cannot preserve its owner: {error}")))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Where a path leads once its final symbolic links are followed, whether or not a file exists there.
fn behind_links(path: &Path) -> Option<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.with_file_name("").join(target),
            Err(_) => return Some(path),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_behind_does_not_prevent_writing() {
        let id = std::process::id();
        let folder = std::env::temp_dir().join(format!("postman-to-openapi-files-{id}"));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let left = [0, 1].map(|number| folder.join(format!(".openapi.json.{id}-{number}.tmp")));
        left.iter().for_each(|path| fs::write(path, "half").expect("a file"));
        let output = folder.join("openapi.json");
        Output::at(&output, true).expect("a file").replace(|out| out.write_all(b"whole")).expect("it is written");
        assert_eq!(fs::read_to_string(&output).expect("the output"), "whole");
        for path in &left {
            assert_eq!(fs::read_to_string(path).expect("the file of another process"), "half");
        }
        assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 3);
        fs::remove_dir_all(&folder).expect("the temporary folder");
    }
}
