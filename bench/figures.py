"""Takes figures by turns, and says medians and ratios."""

import statistics
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from bench.servers import Server

Figures = dict[str, float]


def compare(
    measure: Callable[[Server, Namespace], Figures],
    rounds: Iterable[AbstractContextManager[list[Server]]],
    options: Namespace,
) -> dict[str, Any]:
    """{figure: {server: median, …, "ratio": ours / peer}} over the rounds, each with its servers."""
    seen: dict[str, dict[str, list[float]]] = {}
    for number, opened in enumerate(rounds, start=1):
        with opened as servers:
            for server in servers:
                figures = measure(server, options)
                print(f"  round {number} {server.name}: {figures}", file=sys.stderr)
                for figure, value in figures.items():
                    seen.setdefault(figure, {}).setdefault(server.name, []).append(value)
    table: dict[str, Any] = {}
    for figure, by_server in seen.items():
        medians = {name: statistics.median(values) for name, values in by_server.items()}
        table[figure] = {name: round(value, 3) for name, value in medians.items()}
        if medians.get("peer") and "ours" in medians:
            table[figure]["ratio"] = round(medians["ours"] / medians["peer"], 3)
    return table
