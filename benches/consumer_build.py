#!/usr/bin/env python3
"""Compares the build of a consumer that uses zoom-livestream with one that uses reqwest, tokio and serde.

Both are members of one workspace, so that one lockfile (seeded with this repository's) resolves both. The second one
enables exactly the features of reqwest, tokio and serde that the first one gets. Everything is fetched beforehand. The
two take turns in three rounds of clean builds, each into an empty folder. The minimum of each counts; processor time is
shown as well, because other load on the machine affects it less. Then come rebuilds after a change of `main.rs`, and one
release build each for the size.
"""

import json
import os
import resource
import shutil
import subprocess
import time

from common import ROOT, TARGET, ratio

ROUNDS = 3
REBUILDS = 5
OURS, BY_HAND = "with-zoom-livestream", "with-reqwest"

WORKSPACE = f"""\
[workspace]
members = ["{OURS}", "{BY_HAND}"]
resolver = "3"

[profile.release]
strip = true
"""

PACKAGE = """\
[package]
name = "{name}"
version = "0.0.0"
edition = "2024"

[dependencies]
"""

DEPENDENCIES = {
    OURS: f"""\
tokio = {{ version = "1.48", features = ["macros", "rt-multi-thread"] }}
zoom-livestream = {{ path = '{ROOT}' }}
""",
    BY_HAND: """\
reqwest = { version = "0.13.4", default-features = false, features = [
    "http2", "json", "query", "rustls", "stream"
] }
serde = { version = "1.0.226", features = ["derive"] }
serde_json = "1.0.150"
tokio = { version = "1.48", default-features = false, features = ["macros", "rt-multi-thread", "sync", "time"] }
""",
}

MAIN = {
    OURS: """\
use zoom_livestream::update_meeting_live_stream_status::{Action, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let zoom = zoom_livestream::Client::builder().access_token(std::env::var("ZOOM_ACCESS_TOKEN")?).build()?;
    zoom.update_meeting_live_stream_status()
        .meeting_id(84912345678)
        .body_map(|body| {
            let settings = Settings::builder().active_speaker_name(true).display_name("main stage");
            body.action(Action::Start).settings(settings)
        })
        .await?;
    println!("started");
    Ok(())
}
""",
    BY_HAND: """\
use std::time::Duration;

#[derive(serde::Serialize)]
struct Body {
    action: &'static str,
    settings: Settings,
}

#[derive(serde::Serialize)]
struct Settings {
    active_speaker_name: bool,
    display_name: &'static str,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let http = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build()?;
    let settings = Settings { active_speaker_name: true, display_name: "main stage" };
    http.patch("https://api.zoom.us/v2/meetings/84912345678/livestream/status")
        .bearer_auth(std::env::var("ZOOM_ACCESS_TOKEN")?)
        .timeout(Duration::from_secs(30))
        .json(&Body { action: "start", settings })
        .send()
        .await?
        .error_for_status()?;
    println!("started");
    Ok(())
}
""",
}


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Consumers:
    def __init__(self, folder):
        self.folder = folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "Cargo.toml").write_text(WORKSPACE)
        shutil.copy(ROOT / "Cargo.lock", folder)
        for name, dependencies in DEPENDENCIES.items():
            (folder / name / "src").mkdir(parents=True)
            (folder / name / "Cargo.toml").write_text(PACKAGE.format(name=name) + dependencies)
            (folder / name / "src" / "main.rs").write_text(MAIN[name])
        self.cargo("fetch")

    def cargo(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
        run = subprocess.run(
            ["cargo", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=1800
        )
        if run.returncode != 0:
            raise SystemExit(f"cargo {' '.join(arguments)} failed:\n{run.stderr}")
        return run.stdout

    def target(self, name):
        return self.folder / f"target-{name}"

    def build(self, name, *arguments):
        """Returns elapsed seconds, processor seconds, and the number of compiled crates."""
        started, before = time.monotonic(), processor_seconds()
        output = self.cargo(
            "build", "--offline", "--locked", "--quiet", "--message-format=json", "--package", name,
            "--target-dir", str(self.target(name)), *arguments,
        )
        seconds, processor = time.monotonic() - started, processor_seconds() - before
        messages = [json.loads(line) for line in output.splitlines()]
        return seconds, processor, len({m["package_id"] for m in messages if m["reason"] == "compiler-artifact"})

    def clean_build(self, name):
        shutil.rmtree(self.target(name), ignore_errors=True)
        return self.build(name)

    def rebuild(self, name, round_number):
        changed = MAIN[name].replace('"started"', f'"started {round_number}"')
        (self.folder / name / "src" / "main.rs").write_text(changed)
        return self.build(name)

    def size(self, name, profile):
        return (self.target(name) / profile / name).stat().st_size / 2**20


def main():
    names = (OURS, BY_HAND)
    consumers = Consumers(TARGET / "consumer-build")
    clean, processor, again, crates = ({name: [] for name in names} for _ in range(4))
    for round_number in range(1, ROUNDS + 1):
        for name in names:
            seconds, of_processor, crates[name] = consumers.clean_build(name)
            clean[name].append(seconds)
            processor[name].append(of_processor)
        print(f"clean build {round_number} of {ROUNDS}: ratio {clean[OURS][-1] / clean[BY_HAND][-1]:.2f}", flush=True)
    for round_number in range(REBUILDS):
        for name in names:
            again[name].append(consumers.rebuild(name, round_number)[0])
    sizes = {("dev", name): consumers.size(name, "debug") for name in names}
    for name in names:
        consumers.build(name, "--release")
        sizes["release", name] = consumers.size(name, "release")

    print(f"\n{'':48}{'zoom-livestream':>16}{'reqwest':>10}{'ratio':>8}")
    for what, ours, by_hand, form in [
        ("clean build, seconds, least of three", min(clean[OURS]), min(clean[BY_HAND]), ".1f"),
        ("clean build, processor seconds, least of three", min(processor[OURS]), min(processor[BY_HAND]), ".1f"),
        ("rebuild after a change, seconds, least of five", min(again[OURS]), min(again[BY_HAND]), ".2f"),
        ("crates compiled", crates[OURS], crates[BY_HAND], "d"),
        ("binary, dev with debug information, MiB", sizes["dev", OURS], sizes["dev", BY_HAND], ".1f"),
        ("binary, release and stripped, MiB", sizes["release", OURS], sizes["release", BY_HAND], ".2f"),
    ]:
        print(f"{what:48}{ours:>16{form}}{by_hand:>10{form}}{ours / by_hand:>8.2f}")
    ratio(min(clean[OURS]), min(clean[BY_HAND]), "clean build of a consumer, zoom-livestream to reqwest", 1.29)
    shutil.rmtree(consumers.folder)


if __name__ == "__main__":
    main()
