"""Results that are kept are those of the present state, and no more than may be kept."""

from office import Office
from pillarbox.core.finding.email_window import FEW
from pillarbox.core.finding.results import Results


def test_a_result_is_good_at_its_state_only():
    results = Results()
    assert results.find("a", 1) is None
    results.keep("a", 1, [3, 2, 1])
    assert list(results.find("a", 1)) == [3, 2, 1]
    assert results.find("a", 2) is None
    results.keep("a", 2, [4])
    assert list(results.find("a", 2)) == [4]
    assert results.find("a", 1) is None


def test_those_longest_at_rest_make_room():
    results = Results(most_ids=5)
    results.keep("a", 1, [1, 2])
    results.keep("b", 1, [1, 2])
    assert results.find("a", 1) is not None
    results.keep("c", 1, [1, 2])
    assert results.find("b", 1) is None and results.find("a", 1) is not None and results.find("c", 1) is not None


def test_what_is_more_than_all_that_may_be_kept_is_answered_and_not_kept():
    results = Results(most_ids=2)
    results.keep("a", 1, [1])
    assert list(results.keep("b", 1, [1, 2, 3])) == [1, 2, 3]
    assert results.find("b", 1) is None and results.find("a", 1) is not None


async def test_a_mailbox_is_leafed_through_as_it_is(office: Office):
    (alice,) = await office.add("alice")
    inbox = await office.mail.mailboxes.get(alice.id, ("INBOX",))
    for _ in range(5):
        await office.take("ann@far.test", "alice")
    windows = office.mail.email_windows
    first = await windows.newest(alice.id, inbox.id, FEW + 1)
    again = await windows.newest(alice.id, inbox.id, FEW + 1)
    assert list(first.ids) == list(again.ids) == list((await windows.newest(alice.id, inbox.id, 5)).ids)
    await office.take("ann@far.test", "alice")
    later = await windows.newest(alice.id, inbox.id, FEW + 1)
    assert list(later.ids)[1:] == list(first.ids) and later.state > first.state
    await office.mail.messages.empty(alice.id, inbox.id)
    assert list((await windows.newest(alice.id, inbox.id, FEW + 1)).ids) == []
