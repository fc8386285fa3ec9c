//! A token source that keeps its token in a file, so that the processes of one machine share it: programs that a timer
//! starts, or the workers of a service.
//!
//! ```text
//! cargo run --example token_file
//! ```
//!
//! This starts two processes that call Zoom (here the mock server) for 500 accounts at the same time, and counts the token
//! requests: 500.

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use zoom_livestream::mock::MockServer;
use zoom_livestream::{AccessToken, Client, ServerToServer, TokenSource};

type BoxError = Box<dyn Error + Send + Sync>;

/// The token in the file, or a new one of the app, which then is in the file.
fn token_file(file: PathBuf, app: ServerToServer) -> TokenSource {
    let shared = Arc::new((file, app));
    TokenSource::new(move |request| {
        let shared = shared.clone();
        async move {
            let (file, app) = &*shared;
            let refused = request.refused.as_ref().map(|token| &token.secret);
            let kept = || read(file).filter(|token| Some(&token.secret) != refused);
            if let Some(token) = kept() {
                return Ok(token);
            }
            let _lock = Lock::take(file).await?;
            // Another process may have requested a token while this one waited.
            if let Some(token) = kept() {
                return Ok(token);
            }
            let token = app.token(&request.http).await?;
            write(file, &token)?;
            Ok::<_, BoxError>(token)
        }
    })
}

/// The token in the file, if it is valid for more than ten minutes: the client asks for another when five are left.
fn read(file: &Path) -> Option<AccessToken> {
    let text = fs::read_to_string(file).ok()?;
    let (expires_at, secret) = text.split_once('\n')?;
    let left = expires_at.parse::<u64>().ok()?.checked_sub(unix_time())?;
    (left > 600).then(|| AccessToken::new(secret).with_expires_in(Duration::from_secs(left)))
}

/// Writes to another file and renames that, so that nobody reads half of it.
fn write(file: &Path, token: &AccessToken) -> io::Result<()> {
    let expires_at = unix_time() + token.expires_in.unwrap_or_default().as_secs();
    let new = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(format!("{expires_at}\n{}", token.secret.expose()).as_bytes())?;
    fs::rename(new, file)
}

fn unix_time() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A file beside the token's that exists while one process requests a token. From Rust 1.89 on, `File::lock` is simpler,
/// and leaves nothing behind.
struct Lock(PathBuf);

impl Lock {
    async fn take(file: &Path) -> io::Result<Self> {
        let lock = file.with_extension("lock");
        loop {
            match File::create_new(&lock) {
                Ok(_) => return Ok(Self(lock)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            if is_stale(&lock) {
                // If two processes do this at once, both may request a token. Zoom's tokens do not replace each other.
                let _ = fs::remove_file(&lock);
            } else {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// Whether its process died: a token request takes 10 seconds at most.
fn is_stale(lock: &Path) -> bool {
    let taken = fs::metadata(lock).and_then(|lock| lock.modified());
    taken.is_ok_and(|taken| taken.elapsed().is_ok_and(|age| age > Duration::from_secs(30)))
}

/// Also when the client abandons the request.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

const ACCOUNTS: usize = 500;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    if let Some(folder) = std::env::args_os().nth(1) {
        return call_for_each_account(Path::new(&folder)).await;
    }
    let server = MockServer::start().await?;
    let folder = std::env::temp_dir().join(format!("zoom-tokens-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let process = || {
        Command::new(std::env::current_exe()?)
            .arg(&folder)
            .envs([("ZOOM_BASE_URL", server.base_url()), ("ZOOM_TOKEN_URL", server.token_url())])
            .envs([("ZOOM_ACCOUNT_ID", "mock-account"), ("ZOOM_CLIENT_ID", "mock-client")])
            .envs([("ZOOM_CLIENT_SECRET", "mock-secret"), ("ZOOM_ACCESS_TOKEN", "")])
            .spawn()
    };
    let (mut one, mut other) = (process()?, process()?);
    let all_succeeded = one.wait()?.success() & other.wait()?.success();
    let files = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
    #[cfg(unix)]
    for file in &files {
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata()?.permissions());
        assert_eq!(mode & 0o777, 0o600, "only their owner may read tokens");
    }
    fs::remove_dir_all(&folder)?;
    let (calls, tokens) = (server.request_count(), server.token_requests());
    println!("{calls} calls of two processes for {ACCOUNTS} accounts: {tokens} token requests");
    assert!(all_succeeded, "a call failed");
    assert_eq!((calls, tokens, files.len()), (2 * ACCOUNTS, ACCOUNTS, ACCOUNTS), "calls, token requests, files");
    Ok(())
}

/// The mock server has one app, so these are 500 files of the same account.
async fn call_for_each_account(folder: &Path) -> Result<(), BoxError> {
    let app = ServerToServer::from_env()?;
    let zoom = Client::from_env()?;
    let mut calls = JoinSet::new();
    for account in 0..ACCOUNTS {
        let source = token_file(folder.join(format!("account-{account}")), app.clone());
        let zoom = zoom.with_token_source(source)?;
        calls.spawn(zoom.get_meeting_live_stream_details().meeting_id(84912345678).into_future());
    }
    while let Some(call) = calls.join_next().await {
        call??;
    }
    Ok(())
}
