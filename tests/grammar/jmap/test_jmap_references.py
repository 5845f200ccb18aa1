"""Result references and patches (RFC 8620 §3.7, §5.3, RFC 6901)."""

import contextlib
import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.grammar.jmap import patch
from pillarbox.grammar.jmap.references import InvalidReference, evaluate, resolve
from pillarbox.grammar.jmap.request import Invocation
from pillarbox.model.errors import SyntaxProblem

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc/~*01", max_size=3), inner, max_size=4),
    max_leaves=15,
)
POINTERS = st.lists(st.sampled_from(["a", "*", "0", "1", "~0", "~1", "~", "b", ""]), max_size=5).map(
    lambda t: "".join("/" + x for x in t)
)

CHANGES = Invocation(
    "Foo/changes",
    {
        "accountId": "A1",
        "oldState": "abcdef",
        "newState": "123456",
        "hasMoreChanges": False,
        "created": ["f1", "f4"],
        "updated": [],
        "destroyed": [],
    },
    "t0",
)
THREADS = Invocation(
    "Thread/get",
    {
        "accountId": "A1",
        "state": "123456",
        "list": [
            {"id": "trd194", "emailIds": ["msg1020", "msg1021", "msg1023"]},
            {"id": "trd114", "emailIds": ["msg201", "msg223"]},
        ],
        "notFound": [],
    },
    "t2",
)


def reference(call_id: str, name: str, path: str) -> dict[str, object]:
    return {"resultOf": call_id, "name": name, "path": path}


def test_the_simple_example_of_rfc_8620_3_7():
    arguments = {"accountId": "A1", "#ids": reference("t0", "Foo/changes", "/created")}
    assert resolve(arguments, [CHANGES]) == {"accountId": "A1", "ids": ["f1", "f4"]}


def test_the_example_with_a_star_of_rfc_8620_3_7():
    arguments = {
        "accountId": "A1",
        "#ids": reference("t2", "Thread/get", "/list/*/emailIds"),
        "properties": ["from", "receivedAt", "subject"],
    }
    assert resolve(arguments, [CHANGES, THREADS]) == {
        "accountId": "A1",
        "ids": ["msg1020", "msg1021", "msg1023", "msg201", "msg223"],
        "properties": ["from", "receivedAt", "subject"],
    }


def test_arguments_without_references_are_left_alone():
    arguments = {"ids": ["a"]}
    assert resolve(arguments, []) is arguments


def test_the_first_response_of_a_call_counts():
    first, second = Invocation("A/copy", {"x": 1}, "c"), Invocation("A/set", {"x": 2}, "c")
    assert resolve({"#x": reference("c", "A/copy", "/x")}, [first, second]) == {"x": 1}
    with pytest.raises(InvalidReference):
        resolve({"#x": reference("c", "A/set", "/x")}, [first, second])


@pytest.mark.parametrize(
    "value",
    [
        None,
        "t0",
        {},
        {"resultOf": "t0", "name": "Foo/changes"},
        {**reference("t0", "Foo/changes", "/created"), "more": 1},
        reference("t9", "Foo/changes", "/created"),
        reference("t0", "Foo/get", "/created"),
        reference("t0", "Foo/changes", "created"),
        reference("t0", "Foo/changes", "/nothing"),
        reference("t0", "Foo/changes", "/created/2"),
        reference("t0", "Foo/changes", "/created/01"),
        reference("t0", "Foo/changes", "/created/-"),
        reference("t0", "Foo/changes", "/created/-1"),
        reference("t0", "Foo/changes", "/created/²"),
        reference("t0", "Foo/changes", "/created/" + "9" * 5_000),
        reference("t0", "Foo/changes", "/newState/0"),
        reference("t0", "Foo/changes", "/*"),
        reference("t0", "Foo/changes", "/created/*/x"),
        reference("t0", "Foo/changes", "/cre~2ated"),
    ],
)
def test_a_reference_that_leads_nowhere_is_invalid(value):
    with pytest.raises(InvalidReference):
        resolve({"#ids": value}, [CHANGES])


def test_an_argument_in_both_forms_is_no_invalid_reference():
    with pytest.raises(SyntaxProblem) as caught:
        resolve({"ids": [], "#ids": reference("t0", "Foo/changes", "/created")}, [CHANGES])
    assert not isinstance(caught.value, InvalidReference)


# RFC 6901 §5, the example document.
DOCUMENT = {
    "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_pointers_of_rfc_6901_5(path, found):
    assert evaluate(DOCUMENT, path) == found


def test_a_tilde_that_is_escaped_begins_no_escape():
    assert evaluate({"~1": 1}, "/~01") == 1


def test_a_star_maps_flattens_once_and_is_a_plain_name_in_objects():
    assert evaluate([[1, 2], [[3], 4]], "/*") == [1, 2, [3], 4]
    assert evaluate([[[1], [2]], [[3]]], "/*/*") == [1, 2, 3]
    assert evaluate({"*": 1}, "/*") == 1
    assert evaluate([], "/*/a/b/*") == []
    assert evaluate([{"a": 1}, {"a": 2}], "/*/a") == [1, 2]
    assert evaluate([{"a": ("x", "y")}], "/*/a") == ["x", "y"]


def test_references_that_double_each_other_end_before_the_memory_does():
    responses = [Invocation("Core/echo", {"a": ["x" * 1_000] * 100}, "0")]
    with pytest.raises(InvalidReference):
        for call in range(1, 64):
            before = reference(str(call - 1), "Core/echo", "")
            responses.append(Invocation("Core/echo", resolve({"#a": before, "#b": before}, responses), str(call)))


@settings(deadline=None)
@given(JSON, POINTERS)
def test_any_pointer_into_any_value_leads_somewhere_or_is_invalid(value, path):
    with contextlib.suppress(InvalidReference):
        evaluate(value, path)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["#a", "a", "#", "b"]), JSON | st.builds(reference, st.just("0"), st.just("x"), POINTERS)
    ),
    JSON,
)
def test_any_arguments_are_resolved_or_refused(arguments, value):
    try:
        made = resolve(arguments, [Invocation("x", {"a": value}, "0")])
    except SyntaxProblem:
        return
    assert not any(name.startswith("#") and name[1:] for name in made) or made is arguments


EMAIL = {"id": "e1", "mailboxIds": {"m1": True}, "keywords": {"$seen": True, "a/b": True}, "list": [1, 2]}


@pytest.mark.parametrize(
    ("changes", "after"),
    [
        ({}, {}),
        ({"keywords/$seen": None}, {"keywords": {"a/b": True}}),
        ({"keywords/a~1b": None}, {"keywords": {"$seen": True}}),
        ({"keywords/$nothing": None}, {}),
        ({"nothing": None}, {}),
        ({"mailboxIds/m2": True, "mailboxIds/m1": None}, {"mailboxIds": {"m2": True}}),
        ({"mailboxIds": {"m3": True}}, {"mailboxIds": {"m3": True}}),
        ({"list": [3]}, {"list": [3]}),
        ({"keywords": None}, {"keywords": {}}),
        ({"new": {"x": 1}}, {"new": {"x": 1}}),
    ],
)
def test_a_patch_makes_a_new_object(changes, after):
    before = copy.deepcopy(EMAIL)
    assert patch.apply(EMAIL, changes, defaults={"keywords": {}}) == {**EMAIL, **after}
    assert before == EMAIL


def test_null_without_a_default_takes_the_property_away():
    assert "keywords" not in patch.apply(EMAIL, {"keywords": None})
    assert patch.apply({"a": {"keywords": 1}}, {"a/keywords": None}, defaults={"keywords": 2}) == {"a": {}}


@pytest.mark.parametrize(
    "changes",
    [
        None,
        [],
        "x",
        {"list/0": 3},
        {"list/0/x": 3},
        {"nothing/x": 1},
        {"keywords/x/y": 1},
        {"id/x": 1},
        {"mailboxIds": {}, "mailboxIds/m1": True},
        {"mailboxIds/m1/x": 1, "mailboxIds/m1": True},
        {"a": 1, "a.b": 2, "a/b": 3},
        {"key~words": 1},
        {"a~2": 1},
    ],
)
def test_an_invalid_patch_is_refused(changes):
    with pytest.raises(SyntaxProblem):
        patch.apply(EMAIL, changes)


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", max_size=2), JSON), JSON)
def test_any_patch_is_applied_or_refused(target, changes):
    before = copy.deepcopy(target)
    with contextlib.suppress(SyntaxProblem):
        patch.apply(target, changes)
    assert target == before


@settings(deadline=None)
@given(st.dictionaries(st.text("abc", max_size=2), JSON.filter(lambda value: value is not None)))
def test_a_whole_object_is_a_patch_that_makes_it(value):
    assert patch.apply({}, value) == value
