#!/usr/bin/env python3
"""What another client costs a service that acts for many accounts: bytes on the heap, and time.

10,000 clients are derived from one by `with_access_token` and by `with_token_source`, and 50 are built from scratch for
comparison. Heap means the live bytes of the program's allocator, including the client itself. An access token has 640
bytes, about as many as Zoom's. Nothing is sent; once a client with a token source makes calls, it also holds its token.
"""

import subprocess

from common import build, ratio

CLIENTS, BUILT = 10_000, 50


def main():
    binary = build() / "accounts"
    run = subprocess.run([binary, str(CLIENTS), str(BUILT)], capture_output=True, text=True, timeout=180)
    if run.returncode != 0:
        raise SystemExit(f"no clients were made: {run.stderr}")
    figures = {name: (int(size), float(time)) for name, size, time in (line.split() for line in run.stdout.splitlines())}
    print(f"\n{'a client made by':20}{'bytes of the heap':>20}{'microseconds':>15}")
    for name, (size, time) in figures.items():
        print(f"{name:20}{size:>20,}{time:>15,.1f}")
    ratio(figures["with_access_token"][0], 1024, "heap of a client by with_access_token, to 1 KiB", 1.0)


if __name__ == "__main__":
    main()
