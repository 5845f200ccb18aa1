"""`pillarbox queue`: outgoing mail that waits."""

from typing import Annotated, Any

import typer

from pillarbox.admin.ask import ask
from pillarbox.admin.options import DataOption, JsonOption
from pillarbox.admin.output import print_json, print_line, print_table

queue = typer.Typer(help="Outgoing mail that waits.", no_args_is_help=True)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As `queue list` shows it.")]
COLUMNS = ("id", "from", "octets", "to", "state", "attempts", "next attempt", "last reply")


@queue.command("list")
def list_queue(data: DataOption, json: JsonOption = False) -> None:
    """List what waits, a line for each recipient."""
    found = ask(data, "queue.list")
    if json:
        return print_json(found)
    return print_table(COLUMNS, _rows(found), empty="the queue is empty")


@queue.command("show")
def show_queued(queue_id: IdArgument, data: DataOption, json: JsonOption = False) -> None:
    """Show one message of the queue."""
    found = ask(data, "queue.show", id=queue_id)
    if json:
        return print_json(found)
    return print_table(COLUMNS, _rows([found]), empty="")


@queue.command("retry")
def retry_queued(queue_id: IdArgument, data: DataOption) -> None:
    """Try a message again now; one that is held is sent."""
    ask(data, "queue.retry", id=queue_id)
    print_line(f"{queue_id} is tried again now")


@queue.command("cancel")
def cancel_queued(queue_id: IdArgument, data: DataOption) -> None:
    """Take a message out of the queue; nobody is told."""
    ask(data, "queue.cancel", id=queue_id)
    print_line(f"{queue_id} will not be sent")


def _is_held(message: dict[str, Any], recipient: dict[str, Any]) -> bool:
    """Whether it waits for its time, not for another attempt."""
    return bool(recipient["state"] == "waiting" and recipient["next_attempt"] == message["held_until"])


def _rows(messages: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            message["id"],
            message["reverse_path"] or "<>",
            str(message["size"]),
            recipient["address"],
            "held" if _is_held(message, recipient) else recipient["state"],
            str(recipient["attempts"]),
            recipient["next_attempt"],
            recipient["last_reply"],
        )
        for message in messages
        for recipient in message["recipients"]
    ]
