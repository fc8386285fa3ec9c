#!/usr/bin/env python3
"""What must hold before a release and takes too long for every change.

Checks the library alone, as a consumer builds it, without dev-dependencies: every combination of features, the
oldest dependencies that Cargo.toml admits, and the oldest Rust that it names. Needs the toolchains `nightly` (it
alone resolves to the oldest dependencies) and the one of `rust-version`; one that is missing is named and fails.
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


def check(what, command, folder):
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target" / "release-check"), "RUSTFLAGS": "-D warnings"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {what}", flush=True)
    if done.returncode:
        FAILED.append(what)
        print(done.stderr[-3000:])


def every_combination_of_features():
    features = [name for name in MANIFEST["features"] if name != "default"]
    for size in range(len(features) + 1):
        for chosen in itertools.combinations(features, size):
            names = ",".join(chosen)
            command = ["cargo", "check", "--quiet", "--lib", "--no-default-features", "--features", names]
            check(f"features [{names}]", command, ROOT)


def the_oldest_dependencies(folder):
    check("the oldest dependencies resolve", ["cargo", "+nightly", "update", "-Z", "direct-minimal-versions"], folder)
    check("the oldest dependencies", ["cargo", "check", "--quiet", "--lib", "--features", "mock,schemars"], folder)


def the_oldest_rust(folder):
    oldest = MANIFEST["workspace"]["package"]["rust-version"]
    toolchains = subprocess.run(["rustup", "toolchain", "list"], capture_output=True, text=True).stdout
    names = [line.split()[0] for line in toolchains.splitlines() if line.startswith(oldest)]
    if not names:
        print(f"FAILED Rust {oldest}: run `rustup toolchain install {oldest}`")
        FAILED.append(f"Rust {oldest}")
        return
    check(f"Rust {oldest}", ["cargo", f"+{names[0]}", "check", "--quiet", "--lib", "--features", "mock,schemars"], folder)


def published_files(folder):
    """The package as a consumer gets it: no dev-dependencies that would hold a version up."""
    subprocess.run(["cargo", "package", "--quiet", "--no-verify", "--allow-dirty", "-p", "zoom-livestream"], cwd=ROOT, check=True)
    crate = max((ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "package").glob("*.crate"), key=os.path.getmtime)
    shutil.unpack_archive(crate, folder, format="gztar")
    size = crate.stat().st_size
    print(f"{'ok    ' if size < 200_000 else 'FAILED'} {crate.name} has {size:,} bytes of at most 200,000")
    if size >= 200_000:
        FAILED.append("size")
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
        unpacked = published_files(folder)
        check("the published files build without the network", ["cargo", "check", "--quiet", "--lib", "--offline"], unpacked)
        every_combination_of_features()
        the_oldest_rust(unpacked)
        the_oldest_dependencies(unpacked)
    print(f"\n{len(FAILED)} failed" + (f": {', '.join(FAILED)}" if FAILED else ""))
    sys.exit(bool(FAILED))


main()
