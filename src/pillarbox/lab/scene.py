"""What a step of the play shows, and how a play fails."""

import msgspec

from pillarbox.lab.dialogue_text import NOTHING, Told
from pillarbox.model.errors import MailError
from pillarbox.model.passport import Dialogue


class PlayFailed(MailError):
    """A step did not do what it should; the text says which, and why."""


class Scene(msgspec.Struct, frozen=True):
    """What a step shows: a heading, lines of plain words, dialogues, a message."""

    title: str
    words: tuple[str, ...] = ()
    dialogue: Dialogue | None = None
    told: Told = NOTHING
    shown: str = ""
