"""What Blob/upload takes (RFC 9404 §4.1)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.grammar.jmap.blob import Range, Upload, parse_upload
from pillarbox.model.errors import SyntaxProblem

GOOD = [
    ({"data": []}, Upload(())),
    ({"data": [], "type": "image/png"}, Upload((), "image/png")),
    ({"data": [{"data:asText": "é", "data:asBase64": None, "offset": None}]}, Upload(("é".encode(),))),
    ({"data": [{"data:asBase64": "YXQ/"}, {"data:asBase64": ""}], "type": None}, Upload((b"at?", b""))),
    (
        {"data": [{"blobId": "U1"}, {"blobId": "#b", "offset": 0, "length": 3}]},
        Upload((Range("U1"), Range("#b", 0, 3))),
    ),
    ({"data": [{"blobId": "U1", "offset": 7, "length": None}]}, Upload((Range("U1", 7),))),
    ({"data": [{"blobId": "U1", "length": 0}]}, Upload((Range("U1", 0, 0),))),
]


@pytest.mark.parametrize(("value", "upload"), GOOD)
def test_uploads(value: object, upload: Upload):
    assert parse_upload(value, most_sources=2) == upload


WRONG = [
    None, [], {}, {"data": {}}, {"data": [1]}, {"data": [], "x": 1}, {"data": [], "type": 1}, {"data": [{}] * 3},
    {"data": [{}]}, {"data": [{"data:asHex": "00"}]}, {"data": [{"data:asText": 5}]}, {"data": [{"data:asText": "\ud800"}]},
    {"data": [{"data:asText": "a", "data:asBase64": "YQ=="}]}, {"data": [{"data:asText": "a", "offset": 0}]},
    {"data": [{"data:asBase64": "YQ"}]}, {"data": [{"data:asBase64": "Y Q="}]}, {"data": [{"data:asBase64": "é"}]},
    {"data": [{"blobId": "U1", "length": -1}]}, {"data": [{"blobId": "U1", "offset": -1}]},
    {"data": [{"blobId": "U1", "offset": True}]}, {"data": [{"blobId": "U1", "offset": 1.5}]},
    {"data": [{"blobId": "U1", "length": 2**53}]}, {"data": [{"blobId": 1}]},
]  # fmt: skip


@pytest.mark.parametrize("value", WRONG)
def test_nothing_is_guessed(value: object):
    with pytest.raises(SyntaxProblem):
        parse_upload(value, most_sources=2)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "type", "data:asText", "data:asBase64", "blobId", "offset", "length"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_value_is_an_upload_or_a_syntax_problem(value: object):
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(parse_upload(value, most_sources=2), Upload)
