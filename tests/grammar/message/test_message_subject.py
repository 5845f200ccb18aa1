"""The base subject (RFC 5256 §2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.message.subject import base_subject

SUBJECTS = [
    ("Plans", "plans"), ("Re: Plans", "plans"), ("RE: re: Plans", "plans"), ("Fwd: Re: Plans", "plans"),
    ("FW: Plans", "plans"), ("Re[2]: Plans", "plans"), ("[list] Re: [list] Plans", "plans"), ("Plans (fwd)", "plans"),
    ("Plans (fwd) (FWD) ", "plans"), ("[Fwd: Re: Plans]", "plans"), ("[list]", "[list]"), ("Re: [list]", "[list]"),
    ("  A \t tabbed\r\n  fold ", "a tabbed fold"), ("Re:", ""), ("", ""), ("Reply: Plans", "reply: plans"),
    ("=?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=", "grüße"), ("re : Plans", "plans"), ("[a] [b] Plans", "plans"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "base"), SUBJECTS)
def test_what_replies_and_forwards_have_in_common(text, base):
    assert base_subject(text.encode()) == base


@given(st.binary(max_size=200))
def test_any_octets_have_one_and_a_reply_has_the_same(octets):
    base = base_subject(octets)
    assert base_subject(b"Re: " + octets) == base


def test_a_subject_without_end_takes_no_time_without_end():
    for piece in (b"[", b"[a]", b"re:", b"(fwd)", b"[fwd:", b"re[", b" "):
        assert len(base_subject(piece * 1_000_000)) <= 1_000
