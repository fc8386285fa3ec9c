#!/usr/bin/env python3
"""The checks before a release that take too long to run for every change.

    python3 .ci/release.py [REVISION]

Compares the interface with that of the last release, or of REVISION, and checks all dependencies, including advisories.
Then builds the library alone, as a consumer does, without dev-dependencies: from the published files and without the
network, with every combination of features, with the oldest Rust that Cargo.toml names and with the oldest dependencies
that it allows. Traces what build.rs reads and writes, and writes an SBOM to target/sbom.cdx.json.

Needs Linux with strace, cargo-semver-checks, cargo-deny, cargo-cyclonedx, the toolchain `nightly` (only it can resolve
to the oldest dependencies) and the toolchain of `rust-version`. If one is missing, its step fails and names the command
to install it.
"""

import itertools
import json
import os
import pathlib
import re
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
        print("       the interface: there is no release to compare with yet")
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
    check_library("the oldest dependencies", ["--features", "events,mock,schemars"], folder)


def the_oldest_rust(folder):
    oldest = MANIFEST["workspace"]["package"]["rust-version"]
    toolchains = subprocess.run(["rustup", "toolchain", "list"], capture_output=True, text=True).stdout
    names = [line.split()[0] for line in toolchains.splitlines() if line.startswith(oldest)]
    if names:
        check_library(f"Rust {oldest}", ["--features", "events,mock,schemars"], folder, ("cargo", f"+{names[0]}"))
    else:
        report(f"Rust {oldest}", False, f"run `rustup toolchain install {oldest}`")


def published_files(folder):
    """The package as a consumer gets it, without dev-dependencies: they might require newer versions."""
    subprocess.run(["cargo", "package", "--quiet", "--no-verify", "--allow-dirty", "-p", "zoom-livestream"], cwd=ROOT, check=True)
    crate = max((ROOT / os.environ.get("CARGO_TARGET_DIR", "target") / "package").glob("*.crate"), key=os.path.getmtime)
    shutil.unpack_archive(crate, folder, format="gztar")
    size = crate.stat().st_size
    report(f"{crate.name} has {size:,} bytes of at most 200,000", size <= 200_000)
    unpacked = next(path for path in pathlib.Path(folder).iterdir() if path.is_dir())
    for path in unpacked.rglob("*"):
        path.touch()  # the archive's times are so old that cargo would reuse an earlier build
    manifest = unpacked / "Cargo.toml"
    head, _, rest = manifest.read_text().partition("\n[dev-dependencies.")
    tail = rest.partition("\n[build-dependencies.")
    manifest.write_text(head + tail[1] + tail[2] + "\n[workspace]\n")
    return unpacked


def what_the_build_script_touches(folder):
    """build.rs reads the description and the layer's names, writes client.rs, and opens no socket."""
    if not shutil.which("strace"):
        report("what build.rs touches", False, "run `apt-get install strace`")
        return
    target = ROOT / "target" / "release-check"
    scripts = (target / "debug" / "build").glob("zoom-livestream-*/build-script-build")
    script = max(scripts, key=os.path.getmtime)
    with tempfile.TemporaryDirectory() as out:
        log = pathlib.Path(out) / "calls"
        command = ["strace", "-f", "-qq", "-e", "trace=openat,open,creat,socket,rename,unlink,mkdir", "-o", log, script]
        subprocess.run(command, cwd=folder, env={**os.environ, "OUT_DIR": out}, check=True, stdout=subprocess.DEVNULL)
        calls = log.read_text()
        opened = re.findall(r'open(?:at)?\((?:AT_FDCWD, )?"([^"]*)", ([A-Z_|]+)[^=]*= \d', calls)
    system = ("/etc/", "/lib", "/usr/", "/proc/", "/sys/", "/dev/", str(target))  # the loader and the runtime
    read = {path for path, flags in opened if not path.startswith((*system, out)) and "O_RDONLY" in flags}
    written = {path for path, flags in opened if "O_RDONLY" not in flags}
    expected = {"spec/openapi.json", "src/lib.rs"}, {f"{out}/client.rs"}
    others = re.findall(r"\b(?:socket|rename|unlink|mkdir|creat)\(.*", calls)
    is_sound = (read, written) == expected and not others
    report("build.rs reads two files, writes one and opens no socket", is_sound, f"{read} {written} {others}")


def sbom(folder):
    """The software bill of materials of the published package, with all features."""
    if not shutil.which("cargo-cyclonedx"):
        report("the SBOM", False, "run `cargo install --locked cargo-cyclonedx`")
        return
    names = ["--format", "json", "--spec-version", "1.5", "--override-filename", "sbom"]
    check("the SBOM is written", ["cargo", "cyclonedx", "--all-features", *names], folder)
    written = pathlib.Path(folder) / "sbom.json"
    if written.exists():
        components = json.loads(written.read_text())["components"]
        names = {component["name"] for component in components}
        direct = {name for name, _ in MANIFEST["dependencies"].items()}
        report(f"the SBOM names all direct dependencies among its {len(components)} components", direct <= names)
        shutil.copy(written, ROOT / "target" / "sbom.cdx.json")


def main():
    with tempfile.TemporaryDirectory() as folder:
        the_interface()
        the_dependencies()
        unpacked = published_files(folder)
        check_library("the published files build without the network", ["--offline"], unpacked)
        what_the_build_script_touches(unpacked)
        sbom(unpacked)
        every_combination_of_features(unpacked)
        the_oldest_rust(unpacked)
        the_oldest_dependencies(unpacked)
    print(f"\n{len(FAILED)} failed" + (f": {', '.join(FAILED)}" if FAILED else ""))
    sys.exit(bool(FAILED))


main()
