"""jmapc, a JMAP client of others, unchanged, against `pillarbox serve` over TLS."""

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import jmapc
import pytest
from jmapc import (
    Address,
    Comparator,
    Email,
    EmailAddress,
    EmailBodyPart,
    EmailBodyValue,
    EmailHeader,
    EmailQueryFilterCondition,
    EmailSubmission,
    Envelope,
    Mailbox,
    MailboxQueryFilterCondition,
    Ref,
    UndoStatus,
)
from jmapc.methods import (
    CoreEcho,
    EmailChanges,
    EmailGet,
    EmailQuery,
    EmailQueryChanges,
    EmailSet,
    EmailSubmissionGet,
    EmailSubmissionQuery,
    EmailSubmissionSet,
    IdentityGet,
    MailboxGet,
    MailboxQuery,
    MailboxSet,
    SearchSnippetGet,
    ThreadGet,
)

from servers import PASSWORD, running, wait_until

pytestmark = [pytest.mark.interop]
USERS = ("alice@uiowa.test", "bob@uiowa.test")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("jmapc") / "data") as server:
        yield server


@pytest.fixture(autouse=True)
def trusted(server, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.folder / "tls/server.crt"))


@pytest.fixture
def clients(server) -> Iterator[list[jmapc.Client]]:
    host = f"{server.listen}:{server.port('https')}"
    made = [jmapc.Client.create_with_password(host, user, PASSWORD) for user in USERS]
    yield made
    for client in made:
        client.requests_session.close()


def role(client: jmapc.Client, name: str) -> str:
    answer = client.request(MailboxQuery(filter=MailboxQueryFilterCondition(role=name)), raise_errors=True)
    (found,) = answer.ids
    return found


def letter(client: jmapc.Client, subject: str, text: str, *, to: str = USERS[1]) -> Email:
    return Email(
        mail_from=[EmailAddress(name="Alice", email=USERS[0])],
        to=[EmailAddress(name="Bob Łukasiewicz", email=to)],
        subject=subject,
        keywords={"$draft": True},
        mailbox_ids={role(client, "drafts"): True},
        body_values={"body": EmailBodyValue(value=text)},
        text_body=[EmailBodyPart(part_id="body", type="text/plain")],
        headers=[EmailHeader(name="X-Test-Header", value="yes")],
    )


def send(client: jmapc.Client, subject: str, text: str = "Grüße aus Iowa.\n") -> str:
    """Write a draft and submit it in one request, as jmapc's own example does; the id of the submission."""
    drafts, sent = role(client, "drafts"), role(client, "sent")
    (identity,) = client.request(IdentityGet(), raise_errors=True).data
    envelope = Envelope(mail_from=Address(email=USERS[0]), rcpt_to=[Address(email=USERS[1])])
    results = client.request(
        [
            EmailSet(create={"draft": letter(client, subject, text)}),
            EmailSubmissionSet(
                on_success_update_email={
                    "#send": {"keywords/$draft": None, f"mailboxIds/{drafts}": None, f"mailboxIds/{sent}": True}
                },
                create={"send": EmailSubmission(email_id="#draft", identity_id=identity.id, envelope=envelope)},
            ),
        ],
        raise_errors=True,
    )
    assert [type(one.response).__name__ for one in results] == [
        "EmailSetResponse", "EmailSubmissionSetResponse", "EmailSetResponse",
    ]  # fmt: skip
    return results[1].response.created["send"].id


def find(client: jmapc.Client, **condition) -> list[Email]:
    results = client.request(
        [
            EmailQuery(
                filter=EmailQueryFilterCondition(**condition),
                sort=[Comparator(property="receivedAt", is_ascending=False)],
            ),
            EmailGet(ids=Ref("/ids"), fetch_all_body_values=True),
        ],
        raise_errors=True,
    )
    return results[1].response.data


def test_the_session_is_found_and_echoes(clients):
    client = clients[0]
    assert client.account_id
    assert client.jmap_session.username == USERS[0]
    data = {"param1": "yes", "another": True}
    assert client.request(CoreEcho(data=data)).data == data


def test_a_draft_is_written_sent_and_read(clients):
    alice, bob = clients
    send(alice, "from jmapc")
    wait_until(lambda: find(bob, text="jmapc"), what="bob has it")
    (message,) = find(bob, text="jmapc")
    assert message.subject == "from jmapc"
    assert message.to == [EmailAddress(name="Bob Łukasiewicz", email=USERS[1])]
    assert [value.value for value in message.body_values.values()] == ["Grüße aus Iowa.\n"]
    assert abs(message.received_at - datetime.now(UTC)).total_seconds() < 60
    (kept,) = find(alice, in_mailbox=role(alice, "sent"))
    assert "$draft" not in kept.keywords
    (in_thread,) = bob.request(ThreadGet(ids=[message.thread_id]), raise_errors=True).data
    assert in_thread.email_ids == [message.id]


def test_a_submission_is_shown_with_its_state(clients):
    alice, _ = clients
    submission_id = send(alice, "another")

    def state() -> UndoStatus:
        return alice.request(EmailSubmissionGet(ids=[submission_id]), raise_errors=True).data[0].undo_status

    wait_until(lambda: state() is UndoStatus.FINAL, what="it is sent")
    (found,) = alice.request(EmailSubmissionGet(ids=[submission_id]), raise_errors=True).data
    assert found.undo_status is UndoStatus.FINAL
    assert found.delivery_status[USERS[1]].smtp_reply.startswith("250")
    assert submission_id in alice.request(EmailSubmissionQuery(), raise_errors=True).ids


def test_mailboxes_are_made_renamed_and_removed(clients):
    alice, _ = clients
    made = alice.request(MailboxSet(create={"new": Mailbox(name="From jmapc")}), raise_errors=True).created["new"].id
    alice.request(MailboxSet(update={made: {"name": "Renamed"}}), raise_errors=True)
    (found,) = alice.request(MailboxGet(ids=[made]), raise_errors=True).data
    assert (found.name, found.total_emails) == ("Renamed", 0)
    assert alice.request(MailboxSet(destroy=[made]), raise_errors=True).destroyed == [made]


def test_changes_are_followed(clients):
    alice, bob = clients
    inbox = role(bob, "inbox")
    condition = EmailQueryFilterCondition(in_mailbox=inbox)
    state = bob.request(EmailGet(ids=[]), raise_errors=True).state
    query_state = bob.request(EmailQuery(filter=condition), raise_errors=True).query_state
    send(alice, "new since then")
    wait_until(lambda: find(bob, text="new since then"), what="bob has it")
    changed = bob.request(EmailChanges(since_state=state), raise_errors=True)
    assert len(changed.created) == 1 and not changed.destroyed
    moved = bob.request(EmailQueryChanges(filter=condition, since_query_state=query_state), raise_errors=True)
    assert [one.id for one in moved.added] == changed.created
    bob.request(EmailSet(update={changed.created[0]: {"keywords/$seen": True}}), raise_errors=True)
    assert bob.request(EmailChanges(since_state=changed.new_state), raise_errors=True).updated == changed.created
    assert bob.request(EmailSet(destroy=changed.created), raise_errors=True).destroyed == changed.created


def test_snippets_mark_what_was_found(clients):
    alice, bob = clients
    send(alice, "snippets", "a needle in a haystack\n")
    wait_until(lambda: find(bob, text="needle"), what="bob has it")
    condition = EmailQueryFilterCondition(text="needle")
    results = bob.request(
        [EmailQuery(filter=condition), SearchSnippetGet(ids=Ref("/ids"), filter=condition)], raise_errors=True
    )
    assert results[1].response.data[0].preview == "a <mark>needle</mark> in a haystack"


def test_blobs_go_up_and_attachments_come_down(clients, tmp_path):
    alice, _ = clients
    (tmp_path / "picture.png").write_bytes(bytes(range(256)) * 300)
    blob = alice.upload_blob(tmp_path / "picture.png")
    draft = letter(alice, "with a picture", "see there\n", to=USERS[0])
    draft.attachments = [EmailBodyPart(blob_id=blob.id, type=blob.type, name="picture.png", disposition="attachment")]
    made = alice.request(EmailSet(create={"draft": draft}), raise_errors=True).created["draft"].id
    (message,) = alice.request(EmailGet(ids=[made]), raise_errors=True).data
    assert message.has_attachment
    alice.download_attachment(message.attachments[0], tmp_path / "back.png")
    assert (tmp_path / "back.png").read_bytes() == (tmp_path / "picture.png").read_bytes()


def test_events_tell_of_new_mail(clients):
    alice, bob = clients
    told: list[jmapc.Event] = []
    listener = threading.Thread(target=lambda: told.extend(itertools.islice(bob.events, 1)), daemon=True)
    listener.start()
    sent = itertools.count()

    def has_been_told() -> bool:
        send(alice, f"event {next(sent)}")
        listener.join(timeout=1)
        return not listener.is_alive()

    wait_until(has_been_told, what="an event came")
    bob._events.resp.close()
    assert told[0].data.changed[bob.account_id].email is not None
