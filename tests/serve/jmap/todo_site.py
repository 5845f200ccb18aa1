"""The Todo of the standard's examples (RFC 8620 §5.7): a data type in memory, and a site that has no other."""

from collections.abc import Sequence

from jmap_site import CORE, Site

from pillarbox.core.feed.states import StateTooOld
from pillarbox.model.errors import NotFound, OverQuota
from pillarbox.serve.jmap.method import Call, Json, SetProblem
from pillarbox.serve.jmap.standard.changes import Changed, Changing, changes_method
from pillarbox.serve.jmap.standard.copy import copy_method
from pillarbox.serve.jmap.standard.get import Getting, get_method
from pillarbox.serve.jmap.standard.query import Found, Moved, Querying, query_methods
from pillarbox.serve.jmap.standard.set import Setting, in_order, one_by_one, patched, set_method

PROPERTIES = ("id", "title", "keywords", "neuralNetworkTimeEstimation", "subTodoIds")
DEFAULTS: Json = {"keywords": {}, "subTodoIds": None}
SERVER_SET = ("id", "neuralNetworkTimeEstimation")


def has_keywords(filter: Json, todo: Json) -> bool:
    """A FilterCondition of `hasKeyword`, or an OR of some."""
    if "operator" in filter:
        return any(has_keywords(condition, todo) for condition in filter["conditions"])
    return "hasKeyword" not in filter or filter["hasKeyword"] in todo["keywords"]


class Todos:
    """A data type in memory: each change takes the next number, and the log knows which object it was."""

    def __init__(self) -> None:
        self.objects: dict[int, Json] = {}
        self.born: dict[int, int] = {}
        self.log: list[int] = []

    def add(self, title: str, *keywords: str) -> str:
        number = len(self.log) + 1
        self.log.append(number)
        self.born[number] = number
        self.objects[number] = {
            "id": f"t{number}",
            "title": title,
            "keywords": dict.fromkeys(keywords, True),
            "neuralNetworkTimeEstimation": 3600 if keywords else 60,
            "subTodoIds": None,
        }
        return f"t{number}"

    def touch(self, number: int) -> None:
        self.log.append(number)

    async def state(self, call: Call) -> str:
        return str(len(self.log))

    async def fetch(self, call: Call, ids: Sequence[str] | None, wanted) -> dict[str, Json]:
        return {one["id"]: one for one in self.objects.values() if ids is None or one["id"] in ids}

    async def changes(self, call: Call, since: int, most: int) -> Changed:
        if since > len(self.log) or since < 2:
            raise StateTooOld("never was")
        numbers = list(dict.fromkeys(self.log[since:]))[:most]
        return Changed(
            str(len(self.log)),
            [f"t{n}" for n in numbers if n in self.objects and self.born[n] > since],
            [f"t{n}" for n in numbers if n in self.objects and self.born[n] <= since],
            [f"t{n}" for n in numbers if n not in self.objects and self.born[n] <= since],
        )

    async def create(self, call: Call, arguments, creations: dict[str, Json]):
        async def one(creation_id: str) -> Json:
            given = creations[creation_id]
            if given.get("title") == "bug":
                raise ZeroDivisionError("a secret of the inside")
            if given.get("title") == "full":
                raise OverQuota("no room")
            subs = [call.resolve(text) for text in given.get("subTodoIds") or ()]
            if any(text.startswith("#") for text in subs):
                raise SetProblem("invalidProperties", properties=["subTodoIds"])
            id = self.add(given["title"], *given.get("keywords", {}))
            self.objects[int(id[1:])]["subTodoIds"] = subs or None
            call.created_ids[creation_id] = id
            return {"id": id}

        return await one_by_one(in_order(creations, ["subTodoIds"]), one)

    async def update(self, call: Call, arguments, updates: dict[str, Json]):
        async def one(id: str) -> Json | None:
            number = int(id[1:]) if id[1:].isdecimal() else 0
            if number not in self.objects:
                raise NotFound("no such Todo")
            made = patched(self.objects[number], updates[id], server_set=SERVER_SET, defaults=DEFAULTS)
            made["subTodoIds"] = [call.resolve(text) for text in made["subTodoIds"] or ()] or None
            changed = {"neuralNetworkTimeEstimation": 5400} if "chopin" in made["keywords"] else None
            self.objects[number] = {**made, **(changed or {})}
            self.touch(number)
            return changed

        return await one_by_one(updates, one)

    async def destroy(self, call: Call, arguments, ids: Sequence[str]):
        async def one(id: str) -> None:
            if self.objects.pop(int(id[1:]) if id[1:].isdecimal() else 0, None) is None:
                raise NotFound("no such Todo")
            self.touch(int(id[1:]))

        return await one_by_one(ids, one)

    async def find(self, call: Call, arguments) -> Found:
        found = [n for n, one in self.objects.items() if has_keywords(arguments.filter or {}, one)]
        return Found(sorted(found, key=lambda n: self.objects[n]["title"]), str(len(self.log)))

    async def moved(self, call: Call, arguments, since: int) -> Moved:
        if since > len(self.log):
            raise StateTooOld("never was")
        changed = frozenset(self.log[since:])
        return Moved(frozenset(n for n in changed if self.born[n] <= since), changed, is_fixed=arguments.filter is None)

    def methods(self):
        querying = Querying(self.find, self.moved, lambda number: f"t{number}", lambda text: int(text[1:]))
        return (
            get_method("Todo", CORE, Getting(self.state, self.fetch, PROPERTIES)),
            changes_method("Todo", CORE, Changing(self.changes)),
            set_method("Todo", CORE, Setting(self.state, self.create, self.update, self.destroy)),
            *query_methods("Todo", CORE, querying),
            copy_method("Todo", CORE),
        )


class TodoSite:
    """What alice's client sees."""

    def __init__(self, site: Site, todos: Todos) -> None:
        self.call, self.fail, self.calls = site.call, site.fail, site.calls
        self.id = site.id
        self.todos = todos
        self.office = site.office
