//! Redis and the copies of the service, as processes that can be killed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use zoom_livestream::mock::MockServer;

/// How long a process may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `redis-server` that writes to disk before it acknowledges.
pub struct Redis {
    port: u16,
    directory: TempDir,
    process: Option<Child>,
}

impl Redis {
    /// Its port is chosen, but nothing listens there yet.
    pub fn down() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        Self { port, directory: tempfile::tempdir().expect("a directory"), process: None }
    }

    pub async fn started() -> Self {
        let mut redis = Self::down();
        redis.start().await;
        redis
    }

    pub async fn start(&mut self) {
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(self.directory.path())
            .args(["--appendonly", "yes", "--appendfsync", "always", "--logfile", "redis.log"])
            .spawn()
            .expect("redis-server, from the system's package of this name");
        self.process = Some(process);
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            let ended = self.process.as_mut().and_then(|process| process.try_wait().expect("its status"));
            assert_eq!(ended, None, "redis-server has ended");
            assert!(Instant::now() < deadline, "redis-server does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn answers(&self) -> bool {
        let Ok(mut connection) = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)) else { return false };
        let mut pong = [0; 7];
        connection.set_read_timeout(Some(Duration::from_secs(1))).is_ok()
            && connection.write_all(b"PING\r\n").is_ok()
            && connection.read_exact(&mut pong).is_ok()
            && pong == *b"+PONG\r\n"
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            kill(&mut process);
        }
    }

    /// Sends SIGSTOP or SIGCONT.
    pub fn signal(&self, name: &str) {
        signal(self.process.as_ref().expect("a running redis-server"), name);
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One copy of the service.
pub struct Copy {
    pub url: String,
    process: Child,
}

impl Copy {
    pub fn started(redis: &Redis, zoom: &MockServer) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
        let log = File::options().create(true).append(true).open(redis.directory.path().join("service.log"));
        let mut process = Command::new(env!("CARGO_BIN_EXE_zoom-livestream-service"))
            .env("LISTEN", "127.0.0.1:0")
            .env("ACCOUNTS", directory.join("accounts.json"))
            .env("REDIS_URL", redis.url())
            .env("ZOOM_BASE_URL", zoom.base_url())
            .env("ZOOM_TOKEN_URL", zoom.token_url())
            .stdout(Stdio::piped())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the service");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let url = line.trim().strip_prefix("listening on ").expect("its URL").to_owned();
        Self { url, process }
    }

    pub fn kill(&mut self) {
        kill(&mut self.process);
    }

    /// Shuts it down (SIGTERM), and says whether it exited with success.
    pub async fn terminate(mut self) -> bool {
        signal(&self.process, "TERM");
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.process.try_wait().expect("its status") {
                return status.success();
            }
            assert!(Instant::now() < deadline, "the service has not ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.kill();
    }
}

fn kill(process: &mut Child) {
    // It fails only for a process that has ended.
    let _ = process.kill();
    let _ = process.wait();
}

fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), process.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill -{name}");
}
