"""CPU time and memory of a server's whole process tree, from /proc."""

import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def tree(root: int) -> list[int]:
    """`root` and all that descends from it."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def cpu_seconds(roots: list[int]) -> float:
    """User and system time of the trees, reaped children too."""
    ticks = 0
    for root in roots:
        for pid in tree(root):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICK


def cpu_now(roots: list[int]) -> float:
    """The same to the nanosecond, of threads that live: for what takes less than a tick."""
    total = 0
    for root in roots:
        for pid in tree(root):
            for thread in Path(f"/proc/{pid}/task").glob("*/schedstat"):
                try:
                    total += int(thread.read_text().split()[0])
                except OSError:
                    continue
    return total / 1e9


def memory_octets(roots: list[int]) -> int:
    """Proportional set size of the trees."""
    total = 0
    for root in roots:
        for pid in tree(root):
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) * 1024
    return total
