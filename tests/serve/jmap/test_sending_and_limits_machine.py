"""Identities, submissions, the queue, vacation and quota, with JMAP, SMTP and IMAP at random: every client is told what is so.

After each step: what a JMAP client made of /changes is what it would get anew; what it made of /queryChanges is what it
would find, whether it keeps a whole result or its beginning; a state is another one if and only if something is
different; what an event source says are these states. A second client asks now and then, and for little at once. Both
believe the answers to what they set themselves; a third only sets.

Standards: RFC 8620 §5.1, §5.2, §5.3, §5.6, §7.1; RFC 8621 §6, §7, §8; RFC 9425 §4.
"""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from jmap_site import Site
from machine import SHORT, ClientsMachine
from object_copy import Json
from sending_world import ALIAS, ALICE, SendingWorld, ask
from test_submission_reports import report

from office import DOMAIN
from pillarbox.model.delivery import DeliveryStatus
from queue_run import LATER, NOBODY, TAKEN

MINUTE, HOUR, DAY = 60, 3_600, 86_400
BOB, ANN, EVE = f"bob@{DOMAIN}", "ann@far.test", "eve@other.test"
RECIPIENTS = (BOB, ALICE, ALIAS, ANN, EVE)
SENDERS = (ALICE, ALICE, ALIAS)
TEXTS = ("", "Alice", "Sales")
HOLD = st.sampled_from((None, 10 * MINUTE, 2 * DAY))
SPANS = (MINUTE, 10 * MINUTE, 2 * HOUR, 2 * DAY, 6 * DAY, 31 * DAY, 91 * DAY)
NUMBER = st.integers(0, 9)
RECIPIENT = st.sampled_from(RECIPIENTS)
RECIPIENT_LIST = st.lists(RECIPIENT, min_size=1, max_size=3, unique=True)
ANSWER = st.sampled_from((TAKEN, LATER, NOBODY))
ADDRESS = st.fixed_dictionaries({"email": RECIPIENT}, optional={"name": st.sampled_from((None, "Ann"))})
ADDRESSES = st.none() | st.lists(ADDRESS, max_size=2)
IDENTITY = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(TEXTS),
        "replyTo": ADDRESSES,
        "bcc": ADDRESSES,
        "textSignature": st.sampled_from(TEXTS),
        "htmlSignature": st.sampled_from(TEXTS),
    },
)
MOMENT = st.sampled_from((None, "2026-11-24T10:30:00Z", "2026-11-24T10:30:00.000Z", "2026-12-24T00:00:00.25Z"))
VACATION = st.fixed_dictionaries(
    {},
    optional={
        "isEnabled": st.booleans(),
        "fromDate": MOMENT,
        "toDate": MOMENT,
        "subject": st.sampled_from((None, "away", "")),
        "textBody": st.sampled_from((None, "Back soon.")),
    },
)
COMMANDS = (
    "UID STORE 1:* +FLAGS (\\Deleted)",
    "UID STORE 1:5 +FLAGS (\\Deleted)",
    "EXPUNGE",
    'UID COPY 1:5 "Archive"',
    'UID MOVE 1:3 "Archive"',
    'UID MOVE 1:* "Drafts"',
)
ACTIONS = ("delivered", "failed", "delayed", "displayed")


def content(sender: str, recipients: list[str], number: int, size: int = 1) -> bytes:
    return (
        f"From: <{sender}>\r\nTo: {', '.join(recipients)}\r\nSubject: {number}\r\n"
        f"Message-ID: <{number}@{DOMAIN}>\r\n\r\n{'word ' * size}\r\n"
    ).encode()


def report_on(draft: int, recipient: str, action: str) -> bytes:
    """What somebody's server, or a reader's program, says of the message of a draft."""
    if action == "displayed":
        kind, said = "disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed"
    else:
        kind, said = "delivery-status", f"Action: {action}\r\nStatus: {'5' if action == 'failed' else '2'}.1.1"
    head = "" if action == "displayed" else "Reporting-MTA: dns; far.test\r\n\r\n"
    part = f"{head}Final-Recipient: rfc822; {recipient}\r\n{said}\r\n".encode()
    return report(kind.encode(), kind.encode(), part).replace(b"<sent@uiowa.test>", f"<{draft}@{DOMAIN}>".encode())


DRAFTS = st.lists(st.tuples(st.sampled_from(SENDERS), RECIPIENT_LIST), min_size=2, max_size=2).map(
    lambda drafts: [content(sender, to, n) for n, (sender, to) in enumerate([(ALICE, [ANN, BOB]), *drafts])]
)
DRAFT = st.sampled_from((0, 0, 0, 1, 2))


class SendingAndLimits(ClientsMachine):
    """What anybody may do."""

    def __init__(self) -> None:
        super().__init__()
        self.world = SendingWorld()

    @initialize(drafts=DRAFTS)
    def open(self, drafts: list[bytes]) -> None:
        self.run(self.world.open(drafts))
        self.is_open = True

    def some(self, type: str, number: int) -> str:
        """The id of one that the first client knows, or of none."""
        known = sorted(self.known(type))
        return known[number % len(known)] if known else "x0"

    # --- identities and vacation -------------------------------------------------------------------------------------

    @rule(email=st.sampled_from((ALICE, ALIAS, ANN)), text=IDENTITY)
    def add_identity(self, email: str, text: Json) -> None:
        self.set("Identity", create={"k": {"email": email, **text}})

    @rule(number=NUMBER, text=IDENTITY)
    def change_identity(self, number: int, text: Json) -> None:
        self.set("Identity", update={self.some("Identity", number): text})

    @precondition(lambda self: len(self.known("Identity")) > 1)
    @rule(number=NUMBER)
    def destroy_identity(self, number: int) -> None:
        self.set("Identity", destroy=[self.some("Identity", number)])

    @rule(patch=VACATION)
    def change_vacation(self, patch: Json) -> None:
        self.set("VacationResponse", update={"singleton": patch})

    # --- submissions -------------------------------------------------------------------------------------------------

    def submission(self, draft: int, identity: int, recipients: list[str] | None, hold: int | None) -> Json:
        made: Json = {"identityId": self.some("Identity", identity), "emailId": self.world.drafts[draft]}
        if recipients is not None:
            parameters = None if hold is None else {"HOLDFOR": str(hold)}
            to = [{"email": one, "parameters": None} for one in recipients]
            made["envelope"] = {"mailFrom": {"email": ALICE, "parameters": parameters}, "rcptTo": to}
        return made

    @rule(draft=DRAFT, identity=NUMBER, twice=st.booleans(), after=st.sampled_from((None, None, "keep", "destroy")))
    def submit(self, draft: int, identity: int, twice: bool, after: str | None) -> None:
        """To whom the header says."""
        one = self.submission(draft, identity, None, None)
        more: Json = {}
        if after == "keep":
            more["onSuccessUpdateEmail"] = {"#k": {"keywords/$draft": None, "keywords/$seen": True}}
        elif after == "destroy" and draft:
            more["onSuccessDestroyEmail"] = ["#k"]
        self.set("EmailSubmission", create={"k": one, **({"l": one} if twice else {})}, **more)

    @rule(draft=DRAFT, recipients=RECIPIENT_LIST, hold=HOLD)
    def submit_later(self, draft: int, recipients: list[str], hold: int | None) -> None:
        """To whom the envelope says."""
        self.set("EmailSubmission", create={"k": self.submission(draft, 0, recipients, hold)})

    @precondition(lambda self: any(one["undoStatus"] == "pending" for one in self.known("EmailSubmission").values()))
    @rule(number=NUMBER)
    def cancel(self, number: int) -> None:
        pending = [id for id, one in self.known("EmailSubmission").items() if one["undoStatus"] == "pending"]
        self.set("EmailSubmission", update={pending[number % len(pending)]: {"undoStatus": "canceled"}})

    @precondition(lambda self: self.known("EmailSubmission"))
    @rule(number=NUMBER, status=st.sampled_from(("canceled", "final", "pending")))
    def set_status(self, number: int, status: str) -> None:
        self.set("EmailSubmission", update={self.some("EmailSubmission", number): {"undoStatus": status}})

    @precondition(lambda self: self.known("EmailSubmission"))
    @rule(number=NUMBER)
    def destroy_submission(self, number: int) -> None:
        self.set("EmailSubmission", destroy=[self.some("EmailSubmission", number)])

    @precondition(lambda self: self.known("EmailSubmission"))
    @rule(draft=DRAFT, number=NUMBER)
    def submit_and_forget(self, draft: int, number: int) -> None:
        """Three at once, after a state that is right."""
        state = self.clients.now.states["EmailSubmission"]
        doomed = [self.some("EmailSubmission", number), self.some("EmailSubmission", number + 1)]
        one = self.submission(draft, 0, [ANN], None)
        self.set("EmailSubmission", ifInState=state, create={"k": one}, destroy=doomed)

    @rule(number=NUMBER)
    def act_on_what_was(self, number: int) -> None:
        """A state that has gone by stops everything, and none else does."""
        for type, patch in (("EmailSubmission", {"undoStatus": "canceled"}), ("Identity", {"name": "late"})):
            state, is_state = self.clients.late.states[type], self.clients.now.states[type]
            answer = self.set(type, ifInState=state, update={self.some(type, number): patch})
            assert answer.get("error") == (None if state == is_state else "stateMismatch")

    # --- the queue ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.known("QueuedMessage"))
    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        self.run(self.world.claim(limit))

    @precondition(lambda self: self.world.claimed)
    @rule(number=NUMBER, answer=ANSWER)
    def finish(self, number: int, answer: DeliveryStatus) -> None:
        self.run(self.world.finish(number, answer))

    @precondition(lambda self: self.world.claimed)
    @rule(number=NUMBER)
    def put_off(self, number: int) -> None:
        self.run(self.world.put_off(number))

    @precondition(lambda self: self.world.claimed)
    @rule()
    def release_what_is_leased(self) -> None:
        """The node comes up again; what its couriers have to say comes late."""
        self.run(self.world.mail.queue.release_own())

    @rule(answer=ANSWER)
    def work_off(self, answer: DeliveryStatus) -> None:
        self.run(self.world.work_off(answer))

    @precondition(lambda self: self.known("QueuedMessage"))
    @rule(number=NUMBER, is_retried=st.booleans())
    def operator(self, number: int, is_retried: bool) -> None:
        self.run(self.world.intervene(number, is_retried=is_retried))

    @precondition(lambda self: self.known("QueuedMessage"))
    @rule(number=NUMBER, is_retried=st.booleans())
    def own_queue(self, number: int, is_retried: bool) -> None:
        id = self.some("QueuedMessage", number)
        self.set("QueuedMessage", **({"update": {id: {"retry": True}}} if is_retried else {"destroy": [id]}))

    @rule(seconds=st.sampled_from(SPANS))
    def time_passes(self, seconds: int) -> None:
        """Old changes are forgotten after a month, old submissions after three: a state may be too old then."""
        self.world.site.office.clock.advance(seconds)
        if seconds > 30 * DAY:
            self.run(self.clients.sweep())

    # --- SMTP and IMAP -----------------------------------------------------------------------------------------------

    @rule(recipients=RECIPIENT_LIST, hold=HOLD, number=NUMBER)
    def send(self, recipients: list[str], hold: int | None, number: int) -> None:
        self.run(self.world.send(recipients, content(ALICE, recipients, number), hold))

    @rule(number=NUMBER, size=st.integers(0, 900))
    def deliver(self, number: int, size: int) -> None:
        self.run(self.world.deliver(content(ANN, [ALICE], number, size)))

    @precondition(lambda self: self.known("EmailSubmission"))
    @rule(draft=DRAFT, recipient=RECIPIENT, action=st.sampled_from(ACTIONS))
    def hear(self, draft: int, recipient: str, action: str) -> None:
        self.run(self.world.deliver(report_on(draft, recipient, action), sender=""))

    @rule(number=NUMBER, size=st.integers(0, 900))
    def append(self, number: int, size: int) -> None:
        octets = content(ALICE, [ANN], number, size)
        self.run(self.world.imap.ask(f"APPEND INBOX {{{len(octets)}+}}\r\n".encode() + octets))

    @rule(command=st.sampled_from(COMMANDS))
    def rearrange(self, command: str) -> None:
        self.run(self.world.imap.ask(command))


TestSendingAndLimits = SendingAndLimits.TestCase
TestSendingAndLimits.settings = SHORT


# --- what the machine has found --------------------------------------------------------------------------------------

DRAFT = content(ALICE, [ANN], 1)


async def submit_one(site: Site) -> tuple[str, str]:
    """A submission, and the state that it led to."""
    (identity,) = (await ask(site, "Identity/get"))["list"]
    made = {"identityId": identity["id"], "emailId": await site.put(DRAFT, "Drafts")}
    answer = await ask(site, "EmailSubmission/set", create={"k": made})
    return answer["created"]["k"]["id"], answer["newState"]


async def test_who_takes_mail_back_is_told_what_became_of_its_recipients(site: Site):
    """RFC 8620 §5.3: what changed beside what was asked for."""
    id, _ = await submit_one(site)
    answer = await ask(site, "EmailSubmission/set", update={id: {"undoStatus": "canceled"}})
    (now,) = (await ask(site, "EmailSubmission/get", ids=[id]))["list"]
    assert answer["updated"] == {id: {"deliveryStatus": now["deliveryStatus"]}}
    assert now["deliveryStatus"][ANN]["delivered"] == "no"


@pytest.mark.parametrize("step", ["put_off", "release"])
async def test_a_courier_that_comes_late_does_not_bring_back_what_is_gone(site: Site, step: str):
    """A client that asks after both is told that it is gone; one that asked in between is told of nothing."""
    await submit_one(site)
    (before,) = [await ask(site, "QueuedMessage/get")]
    queue = site.mail.queue
    (message,) = await queue.claim()
    await queue.cancel(message.id)
    between = (await ask(site, "QueuedMessage/get"))["state"]
    await (queue.release(message) if step == "release" else queue.put_off(message, site.mail.clock.now(), LATER))
    changes = await ask(site, "QueuedMessage/changes", sinceState=before["state"])
    assert (changes["updated"], changes["destroyed"]) == ([], [before["list"][0]["id"]])
    assert changes["newState"] == between


async def test_what_is_set_to_what_it_is_leaves_the_state(site: Site):
    """RFC 8620 §5.1: the same data, the same state."""
    (identity,) = (await ask(site, "Identity/get"))["list"]
    for type, id, patch in (
        ("Identity", identity["id"], {"name": "Alice"}),
        ("VacationResponse", "singleton", {"subject": "away"}),
    ):
        first = await ask(site, f"{type}/set", update={id: patch})
        again = await ask(site, f"{type}/set", update={id: patch})
        assert first["newState"] != first["oldState"]
        assert again["updated"] == {id: None} and again["newState"] == again["oldState"] == first["newState"]


async def test_what_is_kept_otherwise_than_it_was_asked_for_is_told(site: Site):
    (identity,) = (await ask(site, "Identity/get"))["list"]
    bcc = {"bcc": [{"email": ANN}], "name": "Alice"}
    answer = await ask(site, "Identity/set", update={identity["id"]: bcc})
    assert answer["updated"] == {identity["id"]: {"bcc": [{"name": None, "email": ANN}]}}
    dates = {"fromDate": "2026-11-24T10:30:00.000Z", "toDate": "2026-12-24T00:00:00Z"}
    answer = await ask(site, "VacationResponse/set", update={"singleton": dates})
    assert answer["updated"] == {"singleton": {"fromDate": "2026-11-24T10:30:00Z"}}


async def test_without_a_limit_the_quotas_have_one_state(site: Site):
    before = await ask(site, "Quota/get")
    await site.put(DRAFT)
    after = await ask(site, "Quota/get")
    assert before["list"] == after["list"] == [] and before["state"] == after["state"]
    changes = await ask(site, "Quota/changes", sinceState="0-0")
    assert (changes["created"], changes["updated"], changes["destroyed"]) == ([], [], [])
