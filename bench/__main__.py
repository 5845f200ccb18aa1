"""`python -m bench [deliver|fetch|idle|jmap|search|all]`: ours beside Postfix and Dovecot in one run; one JSON document on stdout.

Servers take turns (ours, peer, ours, peer …), each pinned to core 0, the load to core 1; figures are medians over the
rounds, `ratio` is ours / peer. Needs root, Debian's postfix and dovecot (`.ci/run` installs them). `jmap` and `search`
are not part of `all`; the peer of `jmap` is Cyrus (`bench.cyrus`).
"""

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from bench import deliver, fetch, idle, jmap, search
from bench.cyrus import cyrus
from bench.figures import compare
from bench.servers import open_servers, postfix_dovecot

MEASURES = {"deliver": deliver.measure, "fetch": fetch.measure, "idle": idle.measure}
OTHERS = {"jmap": (jmap.measure, cyrus), "search": (search.measure, postfix_dovecot)}
"""With their peers; only when asked for."""
FRESH = {"idle"}
"""Measured on servers that have done nothing before: memory that was freed and kept would hide what is used."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("what", nargs="*", metavar="|".join([*MEASURES, *OTHERS, "all"]))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=6000, help="of `deliver`, each round")
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--octets", type=int, default=4096)
    parser.add_argument(
        "--mailbox", type=int, default=100_000, help="messages in the mailbox of `fetch`, `jmap`, `search`"
    )
    parser.add_argument("--connections", type=int, default=1_000, help="of `idle`")
    parser.add_argument("--only", choices=["ours", "peer"], help="measure one side alone")
    options = parser.parse_args()
    wanted = list(MEASURES) if not options.what or "all" in options.what else options.what
    if unknown := sorted({*wanted} - {*MEASURES, *OTHERS}):
        parser.error(f"no such measure: {', '.join(unknown)}")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found: dict[str, object] = {
        "machine": f"{platform.processor() or platform.machine()}, Python {platform.python_version()}"
    }
    with tempfile.TemporaryDirectory(prefix="pillarbox-bench-") as folder:
        Path(folder).chmod(0o755)
        with contextlib.ExitStack() as stack:
            if {*wanted} & {*MEASURES} - FRESH:
                servers = stack.enter_context(open_servers(Path(folder, "shared"), only=options.only))
            for name in (one for one in wanted if one in MEASURES):
                print(f"measuring {name}", file=sys.stderr)
                rounds = (
                    open_servers(Path(folder, f"{name}{number}"), only=options.only)
                    if name in FRESH
                    else contextlib.nullcontext(servers)
                    for number in range(options.rounds)
                )
                found[name] = compare(MEASURES[name], rounds, options)
        for name in (one for one in wanted if one in OTHERS):
            print(f"measuring {name}", file=sys.stderr)
            measure, peer = OTHERS[name]
            with open_servers(Path(folder, name), only=options.only, peer=peer) as servers:
                rounds = (contextlib.nullcontext(servers) for _ in range(options.rounds))
                found[name] = compare(measure, rounds, options)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
