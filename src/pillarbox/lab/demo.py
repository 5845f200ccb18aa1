"""`pillarbox demo`: sets the stage, performs the play on the terminal, stays up for everybody's own mail client."""

import asyncio
import signal
import time

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from pillarbox.lab.dialogue_paint import paint
from pillarbox.lab.play import Play, Scene
from pillarbox.lab.stage import Site, Stage, open_stage


async def run_demo(console: Console, *, once: bool) -> None:
    """The whole demo. Raises: PlayFailed, Unavailable."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    console.print(Text("Pillarbox: the whole of e-mail in one program", style="bold"))
    async with open_stage() as stage:
        _introduce(console, stage)
        began = time.monotonic()
        await Play(stage, lambda scene: _show(console, scene)).perform()
        console.print(Text(f"\nAll six steps, in {time.monotonic() - began:.1f} seconds.", style="bold green"))
        if once:
            return
        _invite(console, stage)
        await stop.wait()


def _introduce(console: Console, stage: Stage) -> None:
    rows = [("DNS", stage.dns.address, "knows MX and A of both domains; nobody knows them otherwise")]
    for site in (stage.uiowa, stage.illinois):
        rows.append((site.hostname, site.listen, f"mail for {site.domain}; {site.person.address} has a mailbox here"))
    for name, address, words in rows:
        line = Text("  ")
        line.append(f"{name:<19}", style="bold")
        line.append(f"{address:<18}", style="cyan")
        line.append(words)
        console.print(line, soft_wrap=True)


def _show(console: Console, scene: Scene) -> None:
    console.print()
    console.print(Text(scene.title, style="bold reverse" if console.is_terminal else ""), soft_wrap=True)
    for word in scene.words:
        console.print(Text(f"  {word}"), soft_wrap=True)
    if scene.dialogue is not None:
        paint(console, scene.dialogue)
    if scene.shown:
        if console.is_terminal:
            console.print(Panel(Text(scene.shown.rstrip("\n")), width=min(console.width, 80), border_style="dim"))
        else:
            for line in scene.shown.rstrip("\n").split("\n"):
                console.print(Text(f"  | {line}"), soft_wrap=True)


def _invite(console: Console, stage: Stage) -> None:
    console.print(Text("\nThe servers stay up. Use your own mail program:", style="bold"))
    for site in (stage.uiowa, stage.illinois):
        console.print(Text(_login(site)), soft_wrap=True)
    console.print(Text("Ctrl-C ends everything and removes all files.", style="dim"))


def _login(site: Site) -> str:
    person = site.person
    return (
        f"  {person.name:<6} user {person.address}  password {person.password}\n"
        f"         IMAP {site.listen} port {site.port('imap')} (STARTTLS) or {site.port('imaps')} (TLS)\n"
        f"         SMTP {site.listen} port {site.port('submission')} (STARTTLS) or {site.port('submissions')} (TLS)\n"
        f"         certificate {site.folder / 'tls/server.crt'}\n"
        f"         pillarbox queue list --data {site.folder}"
    )
