"""Scripts that Apache James is tested with, played against us: where we answer otherwise, the reason stands here."""

import pytest
from imap_dialogue import fresh_folder, open_stage
from imap_scripts import differences, needs_selected, read_exchanges

from conftest import corpora_folder

FOLDER = corpora_folder() / "james-mpt" / "imap"
SETUP = "SelectedStateSetup"
SIGNED_OUT = {"BadTag", "BogusCommand", "IllegalTag", "JustTag", "NoCommand", "NoTag", "Login", "LoginThreeStrikes",
              "Authenticate", "AuthenticatePlain", "ValidNonAuthenticated", "Welcome"}  # fmt: skip
WITH_SELECTED = {"RenameHierarchy", "RenameInbox", "MoveNoMSG", "AppendToSelected"}

SHARED = "mailboxes of other users (RFC 4314) are not offered"
NOT_OFFERED = "an extension that is not offered"
ENDS = "James ends the connection at a command that it does not know; RFC 3501 §2.2.1 asks for BAD"
NOT_FOR_US: dict[str, str] = {
    **dict.fromkeys(("BadTag", "BogusCommand", "IllegalTag", "JustTag", "NoCommand", "NoTag"), ENDS),
    "Login": "RFC 3501 names are given here as addresses; its accounts are others",
    "LoginThreeStrikes": "failures are counted by address over time, not by connection",
    "AuthenticatePlain": "its accounts are others, and the response comes as a literal, which no RFC knows",
    "ValidAuthenticated": "begins without signing in, which its frame does for it: NO where RFC 3501 §2.2.1 asks for BAD",
    "ValidSelected": "the same",
    "ValidNonAuthenticated": "the same",
    "ListSpecialChar": "its mailboxes are made by its frame",
    "ListWithSharedMailbox": SHARED,
    "RenameSharedMailbox": SHARED,
    "SharedMailbox": SHARED,
    "ACLCommandsOnOtherUser": SHARED,
    "ACLCommandsOnOwner": SHARED,
    "Rights": SHARED,
    "Quota": f"QUOTA (RFC 9208): {NOT_OFFERED}",
    "Metadata": f"METADATA (RFC 5464): {NOT_OFFERED}",
    "MetadataWithBinaryData": f"METADATA: {NOT_OFFERED}",
    "MetadataWithLimitation": f"METADATA: {NOT_OFFERED}",
    "ObjectId": f"OBJECTID (RFC 8474): {NOT_OFFERED}",
    "Replace": f"REPLACE (RFC 8508): {NOT_OFFERED}",
    "FetchSaveDate": f"SAVEDATE (RFC 8514): {NOT_OFFERED}",
    "FetchNILSaveDate": f"SAVEDATE: {NOT_OFFERED}",
    "SearchSaveDate": f"SAVEDATE: {NOT_OFFERED}",
    "SearchOptionAggregations": f"ESEARCH (RFC 4731): {NOT_OFFERED}",
    "SearchOptionSave": f"SEARCHRES (RFC 5182): {NOT_OFFERED}",
    "FetchPartial": f"PARTIAL (RFC 9394): {NOT_OFFERED}",
    "XList": "XLIST is Google's and older than RFC 6154; its special uses are others",
    "SelectedStateSetup": "is played before the others",
    "SelectedStateCleanup": "ends what the setup began",
}
DIFFERENT: dict[str, dict[str, str]] = {}

SCRIPTS = sorted(
    path for path in FOLDER.glob("*.test") if path.stem not in NOT_FOR_US and "SharingAccess" not in path.stem
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
async def test_script(path, tmp_path_factory):
    exchanges = read_exchanges(path)
    async with open_stage(await fresh_folder(tmp_path_factory), imap_bad_commands=1_000) as stage:
        client = stage.connect("1") if path.stem in SIGNED_OUT else await stage.sign_in("1")
        if path.stem in SIGNED_OUT:
            await client.read_line()
        else:
            for name in ("Archive", "Drafts", "Junk", "Sent", "Trash"):
                await client.ask(f"DELETE {name}")
                await client.ask(f"UNSUBSCRIBE {name}")
            if needs_selected(exchanges) or path.stem in WITH_SELECTED:
                assert await differences(stage, read_exchanges(FOLDER / f"{SETUP}.test")) == []
        assert sorted(await differences(stage, exchanges)) == sorted(DIFFERENT.get(path.stem, {}))
