"""A disk that remembers: what was written, what was synced, and so what a power cut may leave.

`RecordingVfs` stands under SQLite, `RecordingDisk` under the file store; both note into one `Recording`, to which a
test adds marks ("this was acknowledged"). `states` then plays the events and gives, for any moment, the files as a cut
there might leave them: all that was synced, and of the rest nothing, all, a beginning, or any part of it, torn at
sector borders. Names of new and renamed files count as synced only when their folder was.
"""

import itertools
import os
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import apsw

from pillarbox.store.disk import Disk

SECTOR = 512
_numbers = itertools.count(1)

Event = tuple[Any, ...]
Failure = Callable[[str, str], BaseException | None]


class Recording:
    """Events in the order in which they were done; appended by any thread."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def mark(self, *what: Any) -> None:
        """Note something of the test's own."""
        self.events.append(("mark", *what))


def sync_failure() -> apsw.IOError:
    """What SQLite has when fsync fails."""
    error = apsw.IOError("fsync failed, on purpose")
    error.extendedresult = apsw.SQLITE_IOERR_FSYNC
    return error


def write_failure() -> apsw.IOError:
    """What SQLite has when a write fails."""
    error = apsw.IOError("write failed, on purpose")
    error.extendedresult = apsw.SQLITE_IOERR_WRITE
    return error


class _File(apsw.VFSFile):
    def __init__(self, vfs: "RecordingVfs", name: Any, flags: list[int]) -> None:
        self._path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._vfs = vfs
        self._note = vfs.recording.events.append
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._vfs.may_fail("write", self._path)
        super().xWrite(data, offset)
        self._note(("write", self._path, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._note(("truncate", self._path, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        begun = len(self._vfs.recording.events)
        self._vfs.may_fail("sync", self._path)
        self._note(("sync", self._path, begun))


class RecordingVfs(apsw.VFS):
    """Give its `name` to the engine as `vfs`. Syncs are noted, not done: the test needs no real one.

    `failure(kind, path)` may answer an exception for a "write" or a "sync". Call `unregister` when all is closed.
    """

    def __init__(self, recording: Recording, *, failure: Failure | None = None) -> None:
        self.name = f"recording-{next(_numbers)}"
        self.recording = recording
        self.failure = failure
        super().__init__(self.name, "")

    def may_fail(self, kind: str, path: str) -> None:
        """Raise what the test wants raised."""
        error = None if self.failure is None else self.failure(kind, path)
        if error is not None:
            raise error

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.recording.events.append(("delete", filename))


class RecordingDisk(Disk):
    """Give it to `FileBlobs` as `disk`."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._note = recording.events.append
        self._open: dict[int, tuple[str, int]] = {}

    def create(self, path: Path) -> int:
        descriptor = super().create(path)
        self._open[descriptor] = (str(path), 0)
        return descriptor

    def append(self, descriptor: int, data: bytes) -> None:
        super().append(descriptor, data)
        path, offset = self._open[descriptor]
        self._note(("write", path, offset, bytes(data)))
        self._open[descriptor] = (path, offset + len(data))

    def sync(self, descriptor: int) -> None:
        self._note(("sync", self._open[descriptor][0], len(self._recording.events)))

    def close(self, descriptor: int) -> None:
        del self._open[descriptor]
        super().close(descriptor)

    def make_folder(self, path: Path) -> None:
        super().make_folder(path)
        self._note(("folder", str(path)))

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self._note(("rename", str(old), str(new)))

    def remove(self, path: Path) -> None:
        super().remove(path)
        self._note(("delete", str(path)))

    def sync_folder(self, path: Path) -> None:
        self._note(("sync folder", str(path), len(self._recording.events)))


class _Octets:
    """One file's content: what is on disk for sure, and what may be."""

    def __init__(self) -> None:
        self.safe = bytearray()
        self.pending: list[tuple[int, Event]] = []
        self.was_synced = False

    def sync(self, begun: int) -> None:
        self.was_synced = True
        for number, event in self.pending:
            if number < begun:
                _apply(self.safe, event)
        self.pending = [one for one in self.pending if one[0] >= begun]

    def after_cut(self, chance: random.Random) -> bytes:
        if not self.pending:
            return bytes(self.safe)
        content = bytearray(self.safe)
        events = [event for _, event in self.pending]
        match chance.randrange(4):
            case 0:
                events = []
            case 1:
                pass
            case 2:
                events = events[: chance.randrange(len(events) + 1)]
            case _:
                events = [_torn(event, chance) for event in events if chance.random() < 0.5]
        for event in events:
            _apply(content, event)
        return bytes(content)


def _torn(event: Event, chance: random.Random) -> Event:
    """A write of which only some sectors were done, if it has more than one."""
    if event[0] != "write" or len(event[3]) <= SECTOR or chance.random() < 0.5:
        return event
    _, path, offset, data = event
    first = chance.randrange(0, len(data), SECTOR)
    last = chance.randrange(first, len(data), SECTOR) + SECTOR
    return ("write", path, offset + first, data[first:last])


def _apply(content: bytearray, event: Event) -> None:
    if event[0] == "truncate":
        del content[event[2] :]
        return
    _, _, offset, data = event
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class _Machine:
    """The disk at one moment."""

    def __init__(self) -> None:
        self.octets: dict[str, _Octets] = {}
        self.renamed: list[tuple[int, str, str]] = []
        self.names: dict[str, str] = {}
        self.folders: dict[str, int] = {}
        self.safe_folders: set[str] = set()

    def play(self, number: int, event: Event) -> None:
        match event:
            case ("write" | "truncate", path, *_):
                self.octets.setdefault(path, _Octets()).pending.append((number, event))
            case ("sync", path, begun):
                self.octets.setdefault(path, _Octets()).sync(begun)
            case ("rename", old, new):
                self.renamed.append((number, old, new))
            case ("folder", path):
                self.folders.setdefault(path, number)
            case ("sync folder", path, begun):
                self._sync_folder(path, begun)
            case ("delete", path):
                self.octets.pop(path, None)
                self.names.pop(path, None)

    def _sync_folder(self, folder: str, begun: int) -> None:
        self.safe_folders |= {f for f, n in self.folders.items() if n < begun and os.path.dirname(f) == folder}
        done = [one for one in self.renamed if one[0] < begun and os.path.dirname(one[2]) == folder]
        self.names.update((new, old) for _, old, new in done)
        self.renamed = [one for one in self.renamed if one not in done]

    def after_cut(self, chance: random.Random) -> dict[str, bytes]:
        names = {path: path for path in self.octets}
        moved = dict(self.names) | {new: old for _, old, new in self.renamed if chance.random() < 0.5}
        for new, old in moved.items():
            names.pop(old, None)
            names[new] = old
        lost = {f for f in self.folders if f not in self.safe_folders and chance.random() < 0.5}
        files = {}
        for name, inode in names.items():
            octets = self.octets[inode]
            was_made = octets.was_synced or chance.random() < 0.5
            if was_made and os.path.dirname(name) not in lost:
                files[name] = octets.after_cut(chance)
        return files


def states(
    recording: Recording, moments: Iterable[int], chance: random.Random
) -> Iterator[tuple[int, dict[str, bytes]]]:
    """(moment, files) for each of the ascending `moments`: the cut comes before the event of that number."""
    machine = _Machine()
    played = 0
    for moment in moments:
        for number in range(played, moment):
            machine.play(number, recording.events[number])
        played = moment
        yield moment, machine.after_cut(chance)
