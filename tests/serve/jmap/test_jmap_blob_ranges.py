"""Ranges of blobs that new blobs are made of (RFC 9404 §4.1): offset and length may both be zero."""

import pytest
from jmap_site import CORE, Site

BLOB = "urn:ietf:params:jmap:blob"


async def made_of(site: Site, source: dict) -> dict:
    """What is said of `hel`, a range of `hello`, and `lo`."""
    create = {
        "a": {"data": [{"data:asText": "hello"}]},
        "b": {"data": [{"data:asText": "hel"}, {"blobId": "#a", **source}, {"data:asText": "lo"}]},
    }
    call = ["Blob/upload", {"accountId": site.id, "create": create}, "c"]
    get = ["Blob/get", {"accountId": site.id, "ids": ["#b"]}, "g"]
    (_, made, _), (_, found, _) = (await site.post([call, get], using=(CORE, BLOB))).json()["methodResponses"]
    return found["list"][0] if made["notCreated"] is None else made["notCreated"]["b"]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ({"length": 0}, "hello"),
        ({"offset": 3, "length": 0}, "hello"),
        ({"offset": 5, "length": 0}, "hello"),
        ({"offset": 0, "length": 5}, "helhellolo"),
        ({"offset": 4}, "helolo"),
        ({"offset": None, "length": None}, "helhellolo"),
    ],
)
async def test_a_range_within_the_blob(site: Site, source: dict, text: str):
    found = await made_of(site, source)
    assert (found["data:asText"], found["size"]) == (text, len(text))


@pytest.mark.parametrize(
    "source", [{"offset": 6, "length": 0}, {"offset": 6}, {"length": 6}, {"offset": 5, "length": 1}]
)
async def test_a_range_that_begins_or_ends_past_the_end_is_refused(site: Site, source: dict):
    assert (await made_of(site, source))["type"] == "invalidProperties"
