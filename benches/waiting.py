#!/usr/bin/env python3
"""10,000 calls that wait after a 429 at the same time: the heap that each uses, and how late each is sent again.

The server, a separate process, answers each meeting's first request with 429 and `Retry-After: 20` and the second
with 204. The client keeps no idle connections. The calls start over five seconds, so that their resends measure the
client and not how many connections this machine can open in a second. Heap is the live bytes of the client's allocator
while all calls wait, minus those before the first; lateness is measured at the server, from the end of the wait it
asked for.
"""

import json
import subprocess
import urllib.request

from common import allow_open_files, build, ratio, server

CALLS, START_SECONDS, WAIT_SECONDS = 10_000, 5, 20


def main():
    allow_open_files(16_384)
    binaries = build()
    with server(binaries, str(WAIT_SECONDS)) as port:
        run = subprocess.run(
            [binaries / "waiting", port, str(CALLS), str(START_SECONDS)], capture_output=True, text=True, timeout=180
        )
        if run.returncode != 0:
            raise SystemExit(f"the calls failed: {run.stderr}")
        client = json.loads(run.stdout)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/report", timeout=10) as answer:
            report = json.load(answer)

    late = report["lateness_ms"]
    print(f"\ncalls waiting at once        {client['waiting_at_once']:,} (all after {client['all_waiting_after_s']} s)")
    print(f"refused once, sent once more {report['refused']:,}, {report['resent_once']:,}; succeeded {client['succeeded']:,}")
    print(f"heap of a waiting call       {client['heap_bytes_per_call']:,} bytes")
    print(f"sent again after its time    least {late['least']:.0f} ms, median {late['median']:.0f} ms, "
          f"99 % {late['p99']:.0f} ms, most {late['most']:.0f} ms")
    if not client["waiting_at_once"] == report["resent_once"] == client["succeeded"] == CALLS:
        raise SystemExit("not all calls waited at once, were sent again once and succeeded")
    if late["least"] < 0:
        raise SystemExit("a call was sent again before its time")
    ratio(late["most"], 1000, "latest resend, to 1 s", 1.0)
    ratio(client["heap_bytes_per_call"], 6_400, "heap of a waiting call, to 6,400 bytes", 1.0)


if __name__ == "__main__":
    main()
