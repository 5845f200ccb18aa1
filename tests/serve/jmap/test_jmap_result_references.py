"""Arguments that are taken from the results of earlier calls, end to end (RFC 8620 §3.7)."""

import pytest
from jmap_site import Site

LISTS = {"a/b": [[1, [2]], [3]], "m~n": {"*": 5}, "none": []}


async def resolved(site: Site, reference: object, **more: object) -> tuple[str, object]:
    """What `Core/echo` is given for the reference: its value, or the kind of the error."""
    answer = await site.post([["Core/echo", LISTS, "p"], ["Core/echo", {"#x": reference, **more}, "q"]])
    _, (name, arguments, call_id) = answer.json()["methodResponses"]
    assert call_id == "q"
    return name, arguments["type"] if name == "error" else arguments["x"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("", LISTS),
        ("/a~1b/0", [1, [2]]),
        ("/a~1b/0/1/0", 2),
        ("/m~0n", {"*": 5}),
        # A star maps through an array; in an object it is a name.
        ("/m~0n/*", 5),
        ("/none/*", []),
        ("/none/*/id", []),
        # What each item gives, if that is an array, stands item by item in the result: one level at each star.
        ("/a~1b/*", [1, [2], 3]),
        ("/a~1b/*/*", [1, 2, 3]),
        ("/a~1b/*/0", [1, 3]),
    ],
)
async def test_a_path_leads_to_a_value(site: Site, path: str, value: object):
    assert await resolved(site, {"resultOf": "p", "name": "Core/echo", "path": path}) == ("Core/echo", value)


@pytest.mark.parametrize(
    "reference",
    [
        {"resultOf": "p", "name": "Core/echo", "path": "none"},
        {"resultOf": "p", "name": "Core/echo", "path": "/there/is/no/such"},
        {"resultOf": "p", "name": "Core/echo", "path": "/a~2b"},
        {"resultOf": "p", "name": "Core/echo", "path": "/a~1b/-"},
        {"resultOf": "p", "name": "Core/echo", "path": "/a~1b/00"},
        {"resultOf": "p", "name": "Core/echo", "path": "/a~1b/2"},
        {"resultOf": "p", "name": "Core/echo", "path": "/a~1b/*/1"},
        {"resultOf": "p", "name": "Core/echo", "path": "/m~0n/*/x"},
        {"resultOf": "q", "name": "Core/echo", "path": ""},
        {"resultOf": "p", "name": "Core/other", "path": ""},
        {"resultOf": "p", "name": "Core/echo"},
        {"resultOf": "p", "name": "Core/echo", "path": None},
        "p",
        None,
    ],
)
async def test_what_leads_nowhere_fails_the_whole_method(site: Site, reference: object):
    assert await resolved(site, reference) == ("error", "invalidResultReference")


async def test_an_argument_is_given_one_way(site: Site):
    good = {"resultOf": "p", "name": "Core/echo", "path": ""}
    assert await resolved(site, good, x=1) == ("error", "invalidArguments")
    assert await resolved(site, "nowhere", x=1) == ("error", "invalidArguments")


async def test_an_error_is_a_result_like_others_and_of_two_with_one_id_the_first_counts(site: Site):
    answer = await site.post(
        [
            ["No/such", {}, "p"],
            ["Core/echo", {"later": True}, "p"],
            ["Core/echo", {"#x": {"resultOf": "p", "name": "error", "path": "/type"}}, "q"],
            ["Core/echo", {"#x": {"resultOf": "p", "name": "Core/echo", "path": "/later"}}, "r"],
        ]
    )
    *_, found, missed = answer.json()["methodResponses"]
    assert found == ["Core/echo", {"x": "unknownMethod"}, "q"]
    assert missed[:2] == ["error", {"type": "invalidResultReference", "description": missed[1]["description"]}]


async def test_only_arguments_themselves_are_references(site: Site):
    inner = {"#x": {"resultOf": "p", "name": "Core/echo", "path": ""}}
    answer = await site.post([["Core/echo", {"inner": inner}, "p"]])
    assert answer.json()["methodResponses"][0][1] == {"inner": inner}
