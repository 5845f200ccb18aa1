"""A JMAP client that knows only what it was told: a copy of all objects of some data types, and of results of queries.

It follows by /changes and /queryChanges, and believes the answers to its own /set (RFC 8620 §5.2, §5.3, §5.6). A client
that reads everything anew is what it is compared with.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from jmap_site import Site

Json = dict[str, Any]
HELD = 3
"""What a client holds of a long result: so many from its beginning."""


class DataType(NamedTuple):
    """One data type, and what is asked of it. `is_told`: there is /changes. `names_updated`: with updatedProperties.
    `leaves_out`: what is set to null is not there at all. `moves_unseen`: the state may move where nothing is different,
    which is allowed, and never the other way round (RFC 8620 §5.1)."""

    name: str
    queries: tuple[Json, ...] = ()
    is_told: bool = True
    names_updated: bool = False
    leaves_out: bool = False
    moves_unseen: bool = False


class Kept(NamedTuple):
    """How a client keeps a result: `most` from its beginning, or all; what it says when it asks what changed in it."""

    most: int | None = None
    says_last: bool = False
    wants_total: bool = False


WHOLE = (Kept(),)
WAYS = (Kept(wants_total=True), Kept(HELD, says_last=True, wants_total=True), Kept(HELD))


class Result:
    """The beginning of a result, or all of it."""

    def __init__(self, type: str, query: Json, kept: Kept) -> None:
        self.type = type
        self.query = query
        self.kept = kept
        self.ids: list[str] = []
        self.state = ""

    def question(self, most: int | None) -> tuple[str, Json]:
        """What changed in it."""
        asked: Json = {**self.query, "sinceQueryState": self.state, "calculateTotal": self.kept.wants_total}
        if self.kept.says_last and self.ids:
            asked["upToId"] = self.ids[-1]
        if most is not None:
            asked["maxChanges"] = most
        return f"{self.type}/queryChanges", asked

    def read(self, answer: Json) -> None:
        """As it is."""
        self.ids, self.state = answer["ids"][: self.kept.most], answer["queryState"]

    def apply(self, changes: Json) -> None:
        """RFC 8620 §5.6; where only the beginning is held, what lies behind it is passed over."""
        removed = set(changes["removed"])
        assert changes["oldQueryState"] == self.state
        self.ids = [id for id in self.ids if id not in removed]
        indexes = [item["index"] for item in changes["added"]]
        assert indexes == sorted(set(indexes)), changes
        for item in changes["added"]:
            assert item["id"] not in self.ids, f"{item} is there already"
            if item["index"] <= len(self.ids):
                self.ids.insert(item["index"], item["id"])
            else:
                assert self.kept.most is not None, f"{item} lies behind the end of {self.ids}"
        self.state = changes["newQueryState"]

    def assert_equals(self, fresh: list[str], total: int | None) -> None:
        """What was told is what is found."""
        found = fresh if self.kept.most is None else fresh[: len(self.ids)]
        assert self.ids == found, (self.type, self.query, self.kept)
        assert total in (None, len(fresh)), (self.type, self.query)


class ObjectCopy:
    """All that one client knows. `most` is its maxChanges, of objects and of results; each result is kept in all `ways`."""

    def __init__(
        self,
        site: Site,
        types: Iterable[DataType],
        using: tuple[str, ...],
        *,
        most: int | None = None,
        ways: tuple[Kept, ...] = WHOLE,
    ) -> None:
        self.site = site
        self.types = tuple(types)
        self.using = using
        self.most = most
        self.objects: dict[str, dict[str, Json]] = {}
        self.states: dict[str, str] = {}
        self.results = [
            Result(type.name, query, kept) for type in self.types for query in type.queries for kept in ways
        ]
        self.totals: list[int | None] = [None] * len(self.results)
        self.has_lost = False
        """Whether something could not be told any more, and was read anew."""

    # asking

    async def ask(self, *calls: tuple[str, Json]) -> list[Json]:
        """Methods in one request, in as many as it takes; their responses, errors among them."""
        found: list[Json] = []
        step = self.site.mail.limits.jmap_calls
        for start in range(0, len(calls), step):
            part = enumerate(calls[start : start + step])
            made = [[name, {"accountId": self.site.id, **given}, f"c{n}"] for n, (name, given) in part]
            answer = await self.site.post(made, using=self.using)
            assert answer.status_code == 200, answer.text
            found += [
                {"error": value["type"], **value} if name == "error" else value
                for name, value, _ in answer.json()["methodResponses"]
            ]
        for value in found:
            assert value.get("error") != "serverFail", value
        return found

    async def set(self, type: str, **arguments: Any) -> Json:
        """Foo/set, whose answer is believed by who knows the state before. No failure of an object is a bug."""
        (answer, *_) = await self.ask((f"{type}/set", arguments))
        for name in ("notCreated", "notUpdated", "notDestroyed"):
            for problem in (answer.get(name) or {}).values():
                assert problem["type"] != "serverFail", answer
        if "error" not in answer and answer["oldState"] == self.states.get(type):
            self._believe(type, arguments, answer)
        return answer

    def _believe(self, type: str, arguments: Json, answer: Json) -> None:
        known = self.objects[type]
        for name, more in (answer["created"] or {}).items():
            known[more["id"]] = {**arguments["create"][name], **more}
        for id, more in (answer["updated"] or {}).items():
            known[id] = {**patched(known[id], (arguments.get("update") or {}).get(id, {})), **(more or {})}
            if any(one.name == type and one.leaves_out for one in self.types):
                known[id] = {name: value for name, value in known[id].items() if value is not None}
        for id in answer["destroyed"] or ():
            del known[id]
        self.states[type] = answer["newState"]

    # all anew

    async def read(self) -> None:
        """Everything."""
        await self.read_objects(self.types)
        await self.read_results(self.results)

    async def read_objects(self, types: Iterable[DataType]) -> None:
        """All of some types."""
        types = tuple(types)
        for type, answer in zip(types, await self.ask(*((f"{one.name}/get", {}) for one in types)), strict=True):
            assert "error" not in answer, answer
            self.objects[type.name] = {one["id"]: one for one in answer["list"]}
            self.states[type.name] = answer["state"]

    async def read_results(self, results: Iterable[Result]) -> None:
        """Some results."""
        results = tuple(results)
        calls = ((f"{one.type}/query", one.query) for one in results)
        for result, answer in zip(results, await self.ask(*calls), strict=True):
            assert "error" not in answer, (result.query, answer)
            assert answer["canCalculateChanges"]
            result.read(answer)

    # what changed

    async def follow(self) -> None:
        """Ask what has changed, and believe it."""
        while await self._follow_objects():
            pass
        await self._follow_results()

    async def _follow_objects(self) -> bool:
        """One step; whether there are more."""
        calls: list[tuple[str, Json]] = []
        for type in self.types:
            if not type.is_told:
                calls.append((f"{type.name}/get", {}))
                continue
            since = {"sinceState": self.states[type.name]}
            reference = {"resultOf": f"c{len(calls)}", "name": f"{type.name}/changes"}
            created = {"#ids": {**reference, "path": "/created"}}
            updated = {"#ids": {**reference, "path": "/updated"}}
            if type.names_updated:
                updated["#properties"] = {**reference, "path": "/updatedProperties"}
            limit = {} if self.most is None else {"maxChanges": self.most}
            calls += [(f"{type.name}/changes", {**since, **limit})]
            calls += [(f"{type.name}/get", created), (f"{type.name}/get", updated)]
        answers = iter(await self.ask(*calls))
        has_more, lost = False, []
        for type in self.types:
            if not type.is_told:
                self._compare(type.name, next(answers))
                continue
            changes, created, updated = next(answers), next(answers), next(answers)
            if changes.get("error") == "cannotCalculateChanges":
                lost.append(type)
            else:
                self._take(type.name, changes, created["list"], updated["list"])
                has_more = has_more or changes["hasMoreChanges"]
        if lost:
            self.has_lost = True
            await self.read_objects(lost)
        return has_more

    def _compare(self, name: str, answer: Json) -> None:
        """Of a type that tells nothing a state says it all."""
        objects = {one["id"]: one for one in answer["list"]}
        if answer["state"] == self.states[name]:
            assert self.objects[name] == objects, f"{name} has changed, its state has not"
        self.objects[name], self.states[name] = objects, answer["state"]

    def _take(self, name: str, changes: Json, created: list[Json], updated: list[Json]) -> None:
        known = self.objects[name]
        assert "error" not in changes, (name, changes)
        assert changes["oldState"] == self.states[name]
        told = [*changes["created"], *changes["updated"], *changes["destroyed"]]
        assert len(told) == len(set(told)), changes
        assert self.most is None or len(told) <= self.most, changes
        assert not known.keys() & set(changes["created"]), f"{changes} of what is known"
        assert known.keys() >= {*changes["updated"], *changes["destroyed"]}, f"{changes} of what was never told of"
        known.update({id: {"id": id} for id in changes["created"]})  # one that is gone by now is still told of
        for one in created:
            known[one["id"]] = one
        for one in updated:
            known[one["id"]] = {**known[one["id"]], **one} if changes.get("updatedProperties") else one
        for id in changes["destroyed"]:
            del known[id]
        self.states[name] = changes["newState"]

    async def _follow_results(self) -> None:
        answers = await self.ask(*(result.question(self.most) for result in self.results))
        lost = []
        self.totals = [None] * len(self.results)
        for n, (result, answer) in enumerate(zip(self.results, answers, strict=True)):
            match answer.get("error"):
                case None:
                    self._check_answer(result, answer)
                    result.apply(answer)
                    self.totals[n] = answer.get("total")
                case "tooManyChanges":
                    assert self.most is not None, answer
                    lost.append(result)
                case "cannotCalculateChanges":
                    self.has_lost = True
                    lost.append(result)
                case _:
                    raise AssertionError((result.query, answer))
        await self.read_results(lost)

    def _check_answer(self, result: Result, answer: Json) -> None:
        count = len(answer["removed"]) + len(answer["added"])
        assert self.most is None or count <= self.most, answer
        assert ("total" in answer) == result.kept.wants_total, answer

    def assert_equals(self, fresh: "ObjectCopy") -> None:
        """What was told is what is there; `fresh` has whole results."""
        for type in self.types:
            assert self.objects[type.name] == fresh.objects[type.name], type.name
        assert self.states == fresh.states
        ways = len(self.results) // max(len(fresh.results), 1)
        for n, (result, total) in enumerate(zip(self.results, self.totals, strict=True)):
            result.assert_equals(fresh.results[n // ways].ids, total)


def patched(value: Json, patch: Mapping[str, Any]) -> Json:
    """RFC 8620 §5.3: each path is set; null takes away what stands below an object, and else is a value."""
    made = dict(value)
    for path, given in patch.items():
        first, slash, rest = path.partition("/")
        if slash:
            made[first] = patched(made[first], {rest: given})
            if given is None:
                made[first] = {name: one for name, one in made[first].items() if name != rest or one is not None}
        else:
            made[first] = given
    return made
