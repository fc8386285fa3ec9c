#!/usr/bin/env python3
"""Calls per second with 1, 64 and 1,024 in flight: this client compared with three others.

Each client has one thread, and so does the server, in a process of its own. The clients take turns for nine rounds; a
client's figure is the median, over the rounds, of its ratio to reqwest by hand in the same round. Processor time per call
is the client's only, and a busy machine affects it less.
"""

import subprocess

from common import BY_HAND, CLIENTS, NAMES, OURS, allow_open_files, build, median, ratio, server

ROUNDS = 9
CALLS = {1: 2_000, 64: 8_000, 1_024: 8_192}


def per_call(binary, client, port, in_flight, calls):
    """Microseconds: elapsed, and of processor time."""
    command = [binary, "throughput", client, port, str(in_flight), str(calls)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise SystemExit(f"{client} failed: {run.stderr}")
    return [float(figure) for figure in run.stdout.split()]


def table(title, figures):
    print(f"\n{title:40}" + "".join(f"{in_flight:>10,} in flight" for in_flight in CALLS))
    for client in CLIENTS:
        print(f"{NAMES[client]:40}" + "".join(f"{figures[client, in_flight]:20.2f}" for in_flight in CALLS))


def main():
    allow_open_files(4_096)
    binaries = build()
    throughput, processor = {}, {}
    with server(binaries) as port:
        for in_flight, calls in CALLS.items():
            rounds = [
                {client: per_call(binaries / "compare", client, port, in_flight, calls) for client in CLIENTS}
                for _ in range(ROUNDS)
            ]
            for client in CLIENTS:
                throughput[client, in_flight] = median(one[BY_HAND][0] / one[client][0] for one in rounds)
                processor[client, in_flight] = median(one[client][1] / one[BY_HAND][1] for one in rounds)
    print("\nratios to reqwest by hand")
    table("calls per second (more is better)", throughput)
    table("processor time per call (less is better)", processor)
    for in_flight in CALLS:
        # Time per call, so that less is better and an aim is an upper limit, as in the other benchmarks.
        what = f"time per call with {in_flight:,} in flight, zoom-livestream to reqwest by hand"
        ratio(1, throughput[OURS, in_flight], what, 1.05)


if __name__ == "__main__":
    main()
