#!/usr/bin/env python3
"""What the first build of this repository costs, beside what it cost at another revision.

    python3 benches/first_build.py REVISION [--example-only]

Unpacks REVISION and what is committed or changed here now into folders of their own, fetches what both need, and runs
the README's two commands in each, each from an empty target folder and then the second one after the first:

    cargo run --example live_stream
    cargo test --workspace

What counts is processor time (user and system) of the command and everything that it starts, running the tests included:
a busy machine stretches it less than the time that passes. The two sides take turns, so that a machine that grows
busier meets both. Nothing is sent anywhere but for fetching.
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
# The largest crate of what generates the client: one that is compiled twice is paid for twice.
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
        """Runs the command, notes its processor time, and says how often the generator was compiled."""
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
        print(f"{self.name:12}{what:44}{seconds:7.1f} s ({passed:.0f} s passed, {crates} crates)", flush=True)
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
    ratio(now.seconds["example"], before.seconds["example"], "the example's first build, now to then", 0.75)
    if "tests" in now.seconds:
        ratio(now.seconds["tests"], before.seconds["tests"], "the tests' first build, now to then", 0.80)
    shutil.rmtree(TARGET / "first-build")


if __name__ == "__main__":
    main()
