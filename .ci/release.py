#!/usr/bin/env python3
"""What must hold before a release and takes too long for every change.

    python3 .ci/release.py [REVISION]

Compares the interface with that of the last release, or of REVISION, and checks all dependencies, advisories included.
Then builds the library alone, as a consumer does, without dev-dependencies: from the published files and without the
network, with every combination of features, with the oldest Rust that Cargo.toml names and with the oldest dependencies
that it admits. Needs cargo-semver-checks, cargo-deny, the toolchain `nightly` (it alone resolves to the oldest
dependencies) and the one of `rust-version`; what is missing fails, with the command that installs it.
"""

import itertools
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())
FAILED = []


def report(what, is_sound, details=""):
    print(f"{'ok    ' if is_sound else 'FAILED'} {what}", flush=True)
    if not is_sound:
        FAILED.append(what)
        print(details[-3000:])


def check(what, command, folder, **environment):
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target" / "release-check"), **environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    report(what, done.returncode == 0, done.stderr)


def check_library(what, arguments, folder, cargo=("cargo",)):
    check(what, [*cargo, "check", "--quiet", "--lib", *arguments], folder, RUSTFLAGS="-D warnings")


def the_interface():
    tag = subprocess.run(["git", "describe", "--tags", "--abbrev=0"], cwd=ROOT, capture_output=True, text=True)
    since = sys.argv[1] if len(sys.argv) > 1 else tag.stdout.strip()
    if not since:
        print("       the interface: there is no release yet to compare with")
    elif not shutil.which("cargo-semver-checks"):
        report("the interface", False, "run `cargo install --locked cargo-semver-checks`")
    else:
        command = ["cargo", "semver-checks", "-p", "zoom-livestream", "--baseline-rev", since]
        check(f"the interface since {since}", command, ROOT)


def the_dependencies():
    if not shutil.which("cargo-deny"):
        report("the dependencies", False, "run `cargo install --locked cargo-deny`")
        return
    for kind in ["licenses", "bans", "sources", "advisories"]:
        check(f"the dependencies' {kind}", ["cargo", "deny", "--all-features", "check", kind], ROOT)


def every_combination_of_features(folder):
    features = [name for name in MANIFEST["features"] if name != "default"]
    for size in range(len(features) + 1):
        for chosen in itertools.combinations(features, size):
            names = ",".join(chosen)
            check_library(f"features [{names}]", ["--no-default-features", "--features", names], folder)


def the_oldest_dependencies(folder):
    check("the oldest dependencies resolve", ["cargo", "+nightly", "update", "-Z", "direct-minimal-versions"], folder)
    check_library("the oldest dependencies", ["--features", "mock,schemars"], folder)


def the_oldest_rust(folder):
    oldest = MANIFEST["workspace"]["package"]["rust-version"]
    toolchains = subprocess.run(["rustup", "toolchain", "list"], capture_output=True, text=True).stdout
    names = [line.split()[0] for line in toolchains.splitlines() if line.startswith(oldest)]
    if names:
        check_library(f"Rust {oldest}", ["--features", "mock,schemars"], folder, ("cargo", f"+{names[0]}"))
    else:
        report(f"Rust {oldest}", False, f"run `rustup toolchain install {oldest}`")


def published_files(folder):
    """The package as a consumer gets it: no dev-dependencies that would hold a version up."""
    subprocess.run(["cargo", "package", "--quiet", "--no-verify", "--allow-dirty", "-p", "zoom-livestream"], cwd=ROOT, check=True)
    crate = max((ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "package").glob("*.crate"), key=os.path.getmtime)
    shutil.unpack_archive(crate, folder, format="gztar")
    size = crate.stat().st_size
    report(f"{crate.name} has {size:,} bytes of at most 200,000", size < 200_000)
    unpacked = next(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    for path in unpacked.rglob("*"):
        path.touch()  # the archive's times are so old that cargo would take what it built before
    manifest = unpacked / "Cargo.toml"
    head, _, rest = manifest.read_text().partition("\n[dev-dependencies.")
    tail = rest.partition("\n[build-dependencies.")
    manifest.write_text(head + tail[1] + tail[2] + "\n[workspace]\n")
    return unpacked


def main():
    with tempfile.TemporaryDirectory() as folder:
        the_interface()
        the_dependencies()
        unpacked = published_files(folder)
        check_library("the published files build without the network", ["--offline"], unpacked)
        every_combination_of_features(unpacked)
        the_oldest_rust(unpacked)
        the_oldest_dependencies(unpacked)
    print(f"\n{len(FAILED)} failed" + (f": {', '.join(FAILED)}" if FAILED else ""))
    sys.exit(bool(FAILED))


main()
