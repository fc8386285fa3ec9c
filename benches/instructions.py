#!/usr/bin/env python3
"""Instructions and heap blocks of one call, counted by valgrind: this client compared with three others.

Each client makes 100 calls and 600 calls, one after the other over one persistent connection, on one thread. The
difference divided by 500 is the figure for one call, without start-up. The server is a separate process and is not
counted.
"""

import re
import subprocess

from common import BY_HAND, CLIENTS, NAMES, OURS, build, ratio, server

FEW, MANY = 100, 600
# What valgrind's tools print at the end.
TOOLS = {"callgrind": r"Collected : (\d+)", "dhat": r"Total: .* in ([\d,]+) blocks"}


def counted(tool, binary, client, port, calls):
    command = ["valgrind", f"--tool={tool}", f"--{tool}-out-file=/dev/null", binary, "calls", client, port, str(calls)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    total = re.search(TOOLS[tool], run.stderr)
    if run.returncode != 0 or total is None:
        raise SystemExit(f"{client} failed:\n{run.stderr}")
    return int(total[1].replace(",", ""))


def main():
    binary = build() / "compare"
    with server(binary.parent) as port:

        def per_call(tool, client):
            few, many = (counted(tool, binary, client, port, calls) for calls in (FEW, MANY))
            return (many - few) / (MANY - FEW)

        figures = {client: [per_call(tool, client) for tool in TOOLS] for client in CLIENTS}
    print(f"\n{'client':40} thousand instructions per call   of reqwest by hand   heap blocks per call")
    for client in sorted(figures, key=figures.get):
        instructions, blocks = figures[client]
        share = instructions / figures[BY_HAND][0]
        print(f"{NAMES[client]:40} {instructions / 1000:30.1f} {share:20.2f} {blocks:22.1f}")
    ratio(figures[OURS][0], figures[BY_HAND][0], "instructions per call, zoom-livestream to reqwest by hand", 0.78)
    ratio(figures[OURS][1], 80, "heap blocks per call, to 80", 1.0)


if __name__ == "__main__":
    main()
