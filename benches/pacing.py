#!/usr/bin/env python3
"""Simultaneous calls against an account's per-second limit: how many succeed, how long they take, how often each is sent.

600 calls start at the same moment; the mock server accepts 30 requests per second and answers the others with 429 and
Zoom's sentence about the per-second limit. The client has its default settings, and the calls are not coordinated. The
shortest possible time is 20 seconds.
"""

import json
import subprocess

from common import allow_open_files, build, ratio

CALLS, PER_SECOND = 600, 30


def main():
    allow_open_files(4_096)
    binaries = build()
    run = subprocess.run(
        [binaries / "pacing", str(CALLS), str(PER_SECOND)], capture_output=True, text=True, check=True, timeout=400
    )
    report = json.loads(run.stdout)
    print(f"\nsucceeded          {report['succeeded']} of {CALLS}")
    print(f"all ended after    {report['seconds']} s")
    print(f"requests per call  {report['requests'] / CALLS:.2f}")
    if report["succeeded"] != CALLS:
        raise SystemExit("not all calls succeeded")
    ratio(report["seconds"], CALLS / PER_SECOND, "time, relative to the shortest possible", 4.0)
    ratio(report["requests"], CALLS, "requests per call", 5.0)


if __name__ == "__main__":
    main()
