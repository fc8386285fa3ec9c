#!/usr/bin/env python3
"""Heap allocations of one call, counted by valgrind's dhat: this client compared with three others.

Needs valgrind. As in `instructions.py`, this is the difference between 600 and 100 calls, divided by 500. `--profile
FILE` saves the profile of this client's 600 calls, to be opened in dhat's viewer (valgrind's `dh_view.html`).
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import tempfile

from common import BY_HAND, CLIENTS, NAMES, OURS, build, ratio, server

FEW, MANY = 100, 600


def counted(binary, client, port, calls, profile):
    """Bytes and blocks that were allocated in the whole run."""
    command = ["valgrind", "--tool=dhat", f"--dhat-out-file={profile}"]
    run = subprocess.run(
        [*command, binary, "calls", client, port, str(calls)], capture_output=True, text=True, timeout=600
    )
    total = re.search(r"Total:\s+([\d,]+) bytes in ([\d,]+) blocks", run.stderr)
    if run.returncode != 0 or total is None:
        raise SystemExit(f"{client} failed:\n{run.stderr}")
    return [int(figure.replace(",", "")) for figure in total.groups()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", type=pathlib.Path)
    arguments = parser.parse_args()
    binaries = build()
    per_call = {}
    with server(binaries) as port, tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder) / "profile"
        for client in CLIENTS:
            few, many = (counted(binaries / "compare", client, port, calls, profile) for calls in (FEW, MANY))
            per_call[client] = [(last - first) / (MANY - FEW) for first, last in zip(few, many)]
            if client == OURS and arguments.profile:
                shutil.copy(profile, arguments.profile)
    print(f"\n{'client':40} bytes per call   blocks per call")
    for client in sorted(per_call, key=lambda client: per_call[client][1]):
        size, blocks = per_call[client]
        print(f"{NAMES[client]:40} {size:14,.0f} {blocks:17.1f}")
    ratio(per_call[OURS][1], per_call[BY_HAND][1], "allocations per call, zoom-livestream to reqwest by hand", 1.0)


if __name__ == "__main__":
    main()
