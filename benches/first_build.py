#!/usr/bin/env python3
"""Measures the first build of this repository and compares it with the first build of another revision.

    python3 benches/first_build.py REVISION [--example-only]

Copies REVISION and the working tree into separate folders, fetches the dependencies of both, and runs the README's two
commands in each folder: each command with an empty target folder, and also the second one after the first.

    cargo run --example live_stream
    cargo test --workspace

The figure compared is processor time (user and system) of the command and of every process it starts, including the
tests themselves, because other load on the machine affects it less than elapsed time. The two sides take turns, so that
a change in load affects both. The network is only used to fetch the dependencies.
"""

import os
import resource
import shutil
import subprocess
import sys
import time

from common import ROOT, TARGET, ratio

EXAMPLE = ["cargo", "run", "--example", "live_stream"]
TESTS = ["cargo", "test", "--workspace"]
# The largest crate of the generator. Compiling it a second time would show in the output.
GENERATOR = "progenitor-impl"


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class Side:
    def __init__(self, name, folder):
        self.name, self.sources = name, folder / "sources"
        self.folder = folder
        self.seconds = {}
        shutil.rmtree(folder, ignore_errors=True)
        self.sources.mkdir(parents=True)

    def unpack_revision(self, revision):
        archive = subprocess.run(["git", "archive", revision], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x"], cwd=self.sources, input=archive, check=True)

    def copy_working_tree(self):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        for name in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
            if name and (ROOT / name).is_file():
                (self.sources / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.sources / name)

    def fetch(self):
        subprocess.run(["cargo", "fetch", "--quiet", "--locked"], cwd=self.sources, check=True)

    def run(self, what, command, target):
        """Runs the command, records its processor time, and returns whether it compiled the generator."""
        environment = {
            **os.environ,
            "CARGO_TARGET_DIR": str(self.folder / target),
            "CARGO_NET_OFFLINE": "true",
            "CARGO_TERM_COLOR": "never",
        }
        started, before = time.monotonic(), processor_seconds()
        done = subprocess.run(command, cwd=self.sources, env=environment, capture_output=True, text=True)
        passed, seconds = time.monotonic() - started, processor_seconds() - before
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)} failed at {self.name}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        self.seconds[what] = seconds
        crates = done.stderr.count("   Compiling ")
        print(f"{self.name:12}{what:44}{seconds:7.1f} s ({passed:.0f} s elapsed, {crates} crates)", flush=True)
        return f"Compiling {GENERATOR} " in done.stderr

    def drop(self, target):
        shutil.rmtree(self.folder / target, ignore_errors=True)


def main():
    revision = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), None)
    if revision is None:
        sys.exit(__doc__)
    name = subprocess.run(
        ["git", "rev-parse", "--short=7", f"{revision}^{{commit}}"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    before, now = sides = (Side(name, TARGET / "first-build" / "then"), Side("now", TARGET / "first-build" / "this"))
    before.unpack_revision(revision)
    now.copy_working_tree()
    for side in sides:
        side.fetch()

    for side in sides:
        side.run("example", EXAMPLE, "both")
    if "--example-only" not in sys.argv:
        again = {}
        for side in sides:
            again[side] = side.run("tests, after the example", TESTS, "both")
            side.drop("both")
        for side in sides:
            side.run("tests", TESTS, "tests")
            side.drop("tests")
        for side in sides:
            side.seconds["example, then tests"] = side.seconds["example"] + side.seconds["tests, after the example"]
            twice = "compile the generator again" if again[side] else "do not compile the generator again"
            print(f"{side.name}: after the example, the tests {twice}")

    print(f"\n{'processor seconds':32}{before.name:>10}{'now':>10}{'ratio':>8}")
    for what in before.seconds:
        print(f"{what:32}{before.seconds[what]:>10.1f}{now.seconds[what]:>10.1f}{now.seconds[what] / before.seconds[what]:>8.2f}")
    ratio(now.seconds["example"], before.seconds["example"], "first build of the example, now to then", 1.0)
    if "tests" in now.seconds:
        ratio(now.seconds["tests"], before.seconds["tests"], "first build and run of the tests, now to then", 1.0)
    shutil.rmtree(TARGET / "first-build")


if __name__ == "__main__":
    main()
