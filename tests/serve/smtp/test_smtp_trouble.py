"""Full disks, stores that fail, bugs of ours: nothing is accepted, nothing lost, and no content is read as commands."""

import errno

import apsw
import pytest
import structlog
from smtp_dialogue import Client, messages_of, open_stage, queued

from fault.recording_vfs import Recording, RecordingVfs, write_failure
from memory_stage import fresh_folder
from pillarbox.store.disk import Disk

LARGE = b"Subject: large\r\n\r\n" + b"".join(b"%06d: a line of a large message\r\n" % n for n in range(30_000))


class TroubledDisk(Disk):
    """A disk that fails as it is told to."""

    def __init__(self) -> None:
        self.on_append: BaseException | None = None
        self.on_rename: BaseException | None = None

    def append(self, descriptor, data):
        if self.on_append is not None:
            raise self.on_append
        super().append(descriptor, data)

    def rename(self, old, new):
        if self.on_rename is not None:
            raise self.on_rename
        super().rename(old, new)


async def send(client: Client, text: bytes, *recipients: str) -> bytes:
    """One message; the last reply."""
    assert await client.ask("MAIL FROM:<a@bar.test>") == b"250 2.1.0 Sender ok"
    for recipient in recipients or ("alice@uiowa.test",):
        assert (await client.ask(f"RCPT TO:<{recipient}>"))[:3] in (b"250", b"251")
    assert (await client.ask("DATA")).startswith(b"354 ")
    for start in range(0, len(text), 50_000):
        client.send(text[start : start + 50_000])
    return await client.ask(b".")


@pytest.mark.parametrize(
    ("failure", "reply"),
    [(apsw.FullError, b"452 4.3.1 no room on the disk"), (write_failure, b"451 4.3.0 the store could not do it now")],
)
async def test_a_store_that_cannot_write_refuses_for_now_and_recovers(tmp_path_factory, failure, reply):
    vfs = RecordingVfs(Recording())
    async with open_stage(await fresh_folder(tmp_path_factory), vfs=vfs.name) as stage:
        client = await stage.greet()
        vfs.failure = lambda kind, path: failure() if kind == "write" else None
        assert await send(client, b"Subject: one\r\n\r\n") == reply
        assert await send(client, b"Subject: one\r\n\r\n", "alice@uiowa.test", "bob@uiowa.test") == reply
        vfs.failure = None
        assert (await send(client, b"Subject: two\r\n\r\n")).startswith(b"250 2.0.0 ")
        (message,) = await messages_of(stage.mail, "alice")
        assert b"Subject: two" in message
        assert await messages_of(stage.mail, "bob") == []
        assert await queued(stage.mail) == []


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (OSError(errno.ENOSPC, "full"), b"452 4.3.1 no room on the disk"),
        (OSError(errno.EIO, "broken"), b"451 4.3.0 the content could not be stored or read"),
    ],
)
@pytest.mark.parametrize("step", ["on_append", "on_rename"])
async def test_a_large_content_that_cannot_be_stored_is_read_to_its_end_and_refused(
    tmp_path_factory, step, error, reply
):
    disk = TroubledDisk()
    async with open_stage(await fresh_folder(tmp_path_factory), disk=disk) as stage:
        client = await stage.greet()
        setattr(disk, step, error)
        assert await send(client, LARGE) == reply
        setattr(disk, step, None)
        assert await client.ask("NOOP") == b"250 2.0.0 Ok"
        assert (await send(client, LARGE)).startswith(b"250 2.0.0 ")
        (message,) = await messages_of(stage.mail, "alice")
        assert message.endswith(LARGE)


async def test_after_a_bug_within_content_the_rest_is_not_read_as_commands(tmp_path_factory):
    disk = TroubledDisk()
    disk.on_append = LookupError("on purpose")
    async with open_stage(await fresh_folder(tmp_path_factory), disk=disk) as stage:
        client = await stage.greet()
        assert await client.ask("MAIL FROM:<a@bar.test>") == b"250 2.1.0 Sender ok"
        assert await client.ask("RCPT TO:<alice@uiowa.test>") == b"250 2.1.5 Recipient ok"
        assert (await client.ask("DATA")).startswith(b"354 ")
        with structlog.testing.capture_logs() as logs:
            for start in range(0, len(LARGE), 50_000):
                client.send(LARGE[start : start + 50_000])
            client.send(b"MAIL FROM:<evil@bar.test>\r\nRCPT TO:<bob@uiowa.test>\r\nDATA\r\n\r\nBoo.\r\n.\r\n")
            assert (await client.read_line() or b"").startswith(b"421 4.3.0 ")
            assert await client.read_line() is None
        assert [entry["event"] for entry in logs if entry["event"] == "session.bug"] == ["session.bug"]
        assert await messages_of(stage.mail, "alice") == await messages_of(stage.mail, "bob") == []


async def test_a_bug_after_the_content_ends_the_transaction_alone(tmp_path_factory):
    disk = TroubledDisk()
    disk.on_rename = LookupError("on purpose")
    async with open_stage(await fresh_folder(tmp_path_factory), disk=disk) as stage:
        client = await stage.greet()
        with structlog.testing.capture_logs():
            assert (await send(client, LARGE)).startswith(b"451 4.3.0 Something went wrong here")
        assert await client.ask("RCPT TO:<alice@uiowa.test>") == b"503 5.5.1 MAIL first"
        disk.on_rename = None
        assert (await send(client, LARGE)).startswith(b"250 2.0.0 ")
