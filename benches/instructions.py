#!/usr/bin/env python3
"""Instructions of one call, counted by callgrind: this client compared with three others.

Needs valgrind. Each client makes 100 calls and 600 calls, one after the other over one persistent connection, on one
thread. The difference divided by 500 is the figure for one call, without start-up. The server is a separate process and
is not counted.
"""

import pathlib
import re
import subprocess
import tempfile

from common import BY_HAND, CLIENTS, NAMES, OURS, build, ratio, server

FEW, MANY = 100, 600


def counted(binary, client, port, calls, folder):
    profile = pathlib.Path(folder) / f"{client}.{calls}"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]
    run = subprocess.run(
        [*command, binary, "calls", client, port, str(calls)], capture_output=True, text=True, timeout=600
    )
    if run.returncode != 0:
        raise SystemExit(f"{client} failed:\n{run.stderr}")
    return int(re.search(r"^(?:summary|totals): (\d+)", profile.read_text(), re.MULTILINE)[1])


def main():
    binaries = build()
    per_call = {}
    with server(binaries) as port, tempfile.TemporaryDirectory() as folder:
        for client in CLIENTS:
            few, many = (counted(binaries / "compare", client, port, calls, folder) for calls in (FEW, MANY))
            per_call[client] = (many - few) / (MANY - FEW)
    print(f"\n{'client':40} thousand instructions per call   of reqwest by hand")
    for client in sorted(per_call, key=per_call.get):
        print(f"{NAMES[client]:40} {per_call[client] / 1000:30.1f} {per_call[client] / per_call[BY_HAND]:20.2f}")
    ratio(per_call[OURS], per_call[BY_HAND], "instructions per call, zoom-livestream to reqwest by hand", 0.78)


if __name__ == "__main__":
    main()
