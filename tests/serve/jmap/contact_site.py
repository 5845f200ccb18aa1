"""A JMAP site for tests of contacts: short ways to call their methods."""

from jmap_site import CORE, Site

CONTACTS = "urn:ietf:params:jmap:contacts"


class ContactSite:
    """What alice's client sees."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.office = site.office
        self.mail = site.mail
        self.id = site.id

    async def calls(self, *calls: tuple[str, dict]) -> list[list]:
        made = [[name, {"accountId": self.id, **arguments}, f"c{n}"] for n, (name, arguments) in enumerate(calls)]
        answer = await self.site.post(made, using=[CORE, CONTACTS])
        assert answer.status_code == 200, answer.text
        return answer.json()["methodResponses"]

    async def call(self, name: str, **arguments: object) -> dict:
        ((found, answer, _),) = await self.calls((name, arguments))
        assert found == name, answer
        return answer

    async def fail(self, name: str, **arguments: object) -> dict:
        ((found, answer, _),) = await self.calls((name, arguments))
        assert found == "error", answer
        return answer

    async def book(self, **book: object) -> str:
        answer = await self.call("AddressBook/set", create={"k": book})
        assert answer["notCreated"] is None, answer
        return answer["created"]["k"]["id"]

    async def default_book(self) -> str:
        found = (await self.call("AddressBook/get"))["list"]
        return next(one["id"] for one in found if one["isDefault"])

    async def create(self, **card: object) -> dict:
        """What the server adds."""
        answer = await self.call("ContactCard/set", create={"k": card})
        assert answer["notCreated"] is None, answer
        return answer["created"]["k"]

    async def refuse(self, **card: object) -> dict:
        """The SetError."""
        answer = await self.call("ContactCard/set", create={"k": card})
        assert answer["created"] is None, answer
        return answer["notCreated"]["k"]

    async def update(self, id: str, /, patch: dict) -> tuple[dict | None, dict | None]:
        """What changed besides, and the SetError."""
        answer = await self.call("ContactCard/set", update={id: patch})
        return (answer["updated"] or {}).get(id), (answer["notUpdated"] or {}).get(id)

    async def card(self, id: str, *properties: str) -> dict:
        wanted = {"properties": list(properties)} if properties else {}
        answer = await self.call("ContactCard/get", ids=[id], **wanted)
        assert answer["notFound"] == []
        return answer["list"][0]

    async def query(self, filter: dict | None = None, **more: object) -> list[str]:
        return (await self.call("ContactCard/query", filter=filter, **more))["ids"]

    async def upload(self, octets: bytes) -> str:
        answer = await self.site.http.post(f"/jmap/upload/{self.id}", content=octets)
        assert answer.status_code == 201
        return answer.json()["blobId"]

    async def download(self, blob_id: str) -> tuple[int, bytes]:
        answer = await self.site.http.get(f"/jmap/download/{self.id}/{blob_id}/x")
        return answer.status_code, answer.content


def name(given: str, surname: str) -> dict:
    parts = [{"kind": "given", "value": given}, {"kind": "surname", "value": surname}]
    return {"components": parts, "isOrdered": True}
