"""What the benchmarks share: building `compare`, its server, and printing a ratio."""

import os
import pathlib
import resource
import statistics
import subprocess
import sys
from contextlib import contextmanager

BENCHES = pathlib.Path(__file__).resolve().parent
ROOT = BENCHES.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target" / "benches")).resolve()

OURS, BY_HAND, FLOOR, OTHER = CLIENTS = "ours", "reqwest", "hyper", "zoom-api"
NAMES = {
    OURS: "zoom-livestream",
    BY_HAND: "reqwest 0.13, multipart::Form by hand",
    FLOOR: "hyper 1, body prepared beforehand",
    OTHER: "zoom-api 0.10 (sends JSON)",
}


def build():
    """Builds the release binaries and returns their folder."""
    command = ["cargo", "build", "--release", "--target-dir", str(TARGET)]
    subprocess.run(command, cwd=BENCHES / "compare", check=True)
    return TARGET / "release"


def allow_open_files(count):
    """Raises the limit of open files for this process and those it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft != unlimited and soft < count:
        most = count if hard == unlimited else min(count, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        if most < count:
            sys.exit(f"{count} open files are needed and this system allows {hard}")


@contextmanager
def server(binaries, *arguments):
    """A server on loopback, in a process of its own; yields its port."""
    process = subprocess.Popen([binaries / "compare", "serve", *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


def ratio(ours, theirs, what, aim):
    """The last line of a benchmark."""
    value = ours / theirs
    verdict = "met" if value <= aim else "NOT MET"
    print(f"\n{what}: ratio {value:.2f}, aim at most {aim:.2f}: {verdict}")


median = statistics.median
