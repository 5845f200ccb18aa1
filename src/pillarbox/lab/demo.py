"""`pillarbox demo`: sets the stage, performs the play on the terminal, stays up for everybody's own mail client."""

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from pillarbox.lab.dialogue_paint import paint
from pillarbox.lab.dialogue_text import plain_lines
from pillarbox.lab.play import Play
from pillarbox.lab.scene import Scene
from pillarbox.lab.stage import Site, Stage, open_stage
from pillarbox.lab.web import curl_line
from pillarbox.model.errors import MailError


class Stopped(MailError):
    """Somebody ended the demo before its play was over."""


async def run_demo(console: Console, *, once: bool) -> None:
    """The whole demo. Raises: PlayFailed, Unavailable; Stopped when a signal comes before the play is over."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    console.print(Text("Pillarbox: the whole of e-mail in one program", style="bold"))
    async with open_stage() as stage:
        _introduce(console, stage)
        began = time.monotonic()
        play = Play(stage, lambda scene: _show(console, scene))
        await _unless(stop, play.perform())
        console.print(Text(f"\nAll six steps, in {time.monotonic() - began:.1f} seconds.", style="bold green"))
        if once:
            return
        _invite(console, stage, play.account_id)
        await stop.wait()


async def _unless(stop: asyncio.Event, play: Coroutine[Any, Any, None]) -> None:
    """Play, to its end or until somebody says stop."""
    playing, stopping = asyncio.ensure_future(play), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            raise Stopped("stopped before the play was over")
        await playing
    finally:
        playing.cancel()
        stopping.cancel()
        await asyncio.wait((playing, stopping))


def _introduce(console: Console, stage: Stage) -> None:
    base = stage.uiowa.port_base
    rows = [("name server", stage.dns.address, "knows MX and A of both domains; nobody else does")]
    for site in (stage.uiowa, stage.illinois):
        rows.append((site.hostname, site.listen, f"mail for {site.domain}, with a mailbox of {site.person.address}"))
    rows.append(("ports", f"+ {base}", f"so that nobody needs to be root: {base + 25} is 25"))
    for name, address, words in rows:
        line = Text("  ")
        line.append(f"{name:<19}", style="bold")
        line.append(f"{address:<18}", style="cyan")
        line.append(words)
        console.print(line, soft_wrap=True)


def _show(console: Console, scene: Scene) -> None:
    console.print()
    console.print(
        Text(f" {scene.title} " if console.is_terminal else scene.title, style="bold reverse"), soft_wrap=True
    )
    for word in scene.words:
        console.print(Text(f"  {word}"), soft_wrap=True)
    if scene.dialogue is not None:
        if console.is_terminal:
            paint(console, scene.dialogue, scene.told)
        else:
            for line in plain_lines(scene.dialogue, scene.told):
                console.print(Text(line), soft_wrap=True)
    if scene.shown:
        if console.is_terminal:
            console.print(Panel(Text(scene.shown.rstrip("\n")), width=min(console.width, 80), border_style="dim"))
        else:
            for line in scene.shown.rstrip("\n").split("\n"):
                console.print(Text(f"  | {line}"), soft_wrap=True)


def _invite(console: Console, stage: Stage, account_id: str) -> None:
    console.print(Text("\nThe servers stay up. Use your own mail program:", style="bold"))
    for site in (stage.uiowa, stage.illinois):
        console.print(Text(_login(site)), soft_wrap=True)
    console.print(Text("Bob's mail by HTTP, in a shell:", style="bold"))
    console.print(Text(f"  {curl_line(stage.illinois, account_id)}"), soft_wrap=True)
    console.print(Text("Ctrl-C ends everything and removes all files.", style="dim"))


def _login(site: Site) -> str:
    person = site.person
    return (
        f"  {person.name:<6} user {person.address}  password {person.password}\n"
        f"         IMAP {site.listen} port {site.port('imap')} (STARTTLS) or {site.port('imaps')} (TLS)\n"
        f"         SMTP {site.listen} port {site.port('submission')} (STARTTLS) or {site.port('submissions')} (TLS)\n"
        f"         web  http://{site.listen}:{site.port('http')}/.well-known/jmap"
        f" or https://{site.listen}:{site.port('https')}/.well-known/jmap (JMAP)\n"
        f"         certificate {site.folder / 'tls/server.crt'}\n"
        f"         pillarbox queue list --data {site.folder}"
    )
