"""Scripts that Apache James is tested with, played against us: where we answer otherwise, the reason stands here."""

import pytest
from imap_dialogue import open_stage
from imap_scripts import differences, needs_selected, read_exchanges

from memory_stage import fresh_folder
from places import corpora_folder

FOLDER = corpora_folder() / "james-mpt" / "imap"
SETUP = "SelectedStateSetup"
SIGNED_OUT = {"BadTag", "BogusCommand", "IllegalTag", "JustTag", "NoCommand", "NoTag", "Login", "LoginThreeStrikes",
              "Authenticate", "AuthenticatePlain", "ValidNonAuthenticated", "Welcome"}  # fmt: skip
WITH_SELECTED = {"RenameHierarchy", "RenameInbox", "RenameSelected", "MoveNoMSG", "AppendToSelected"}

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
    "Quota": "its quota is one of messages too, and its frame sets it",
    "Metadata": f"METADATA (RFC 5464): {NOT_OFFERED}",
    "MetadataWithBinaryData": f"METADATA: {NOT_OFFERED}",
    "MetadataWithLimitation": f"METADATA: {NOT_OFFERED}",
    "Replace": f"REPLACE (RFC 8508): {NOT_OFFERED}",
    "FetchSaveDate": f"SAVEDATE (RFC 8514): {NOT_OFFERED}",
    "FetchNILSaveDate": f"SAVEDATE: {NOT_OFFERED}",
    "SearchSaveDate": f"SAVEDATE: {NOT_OFFERED}",
    "SearchOptionSave": f"SEARCHRES (RFC 5182): {NOT_OFFERED}",
    "FetchPartial": f"PARTIAL (RFC 9394): {NOT_OFFERED}",
    "XList": "XLIST is Google's and older than RFC 6154; its special uses are others",
    "SelectedStateSetup": "is played before the others",
    "SelectedStateCleanup": "ends what the setup began",
}
NO_ITEMS = "RFC 3501 §9 asks for one item at least"
MACRO = "a macro stands by itself, not among items (RFC 3501 §6.4.5)"
PARTIAL = f"PARTIAL (RFC 9394): {NOT_OFFERED}"
SAVED = f"SEARCHRES (RFC 5182): {NOT_OFFERED}"
TAGS = "of HTML that is searched which a reader sees, not its tags"
PREAMBLE = "what stands before the first part is to be ignored (RFC 2046 §5.1.1), in a search too"
NONEXISTENT = "\\HasNoChildren is said of names without a mailbox too (RFC 5258 §4)"
ROOT = "names here have no root but the empty one (RFC 3501 §6.3.8)"
SUPERIORS = "names above a new one are made with it (RFC 3501 §6.3.3, §6.3.5)"
LONG_NAME = "123456789x" * 20 + "1"
LONG = "names may be longer here"
DIFFERENT: dict[str, dict[str, str]] = {
    "AppendExamineInbox": {"a RENAME INBOX tobedeleted": "that INBOX is empty now is told at once, in EXPUNGE"},
    "ConcurrentExistsResponse": {
        r"3b STORE 1 +FLAGS.SILENT (\Flagged)": "the number was not told yet: BAD (RFC 3501 §9, seq-number)",
    },
    "CreateErrorWithLongName": {f"A1 CREATE {LONG_NAME}": LONG, f"A4 RENAME newmailbox {LONG_NAME}": LONG},
    "Create": {"22 CREATE #user": "no namespace here begins with #, so it is a name as any other (RFC 3501 §5.1.2)"},
    "FetchMultipartBodyStructure": {
        "A6 FETCH 1:* ()": NO_ITEMS,
        "A27 FETCH 1:* (BODY BODYSTRUCTURE)": "Content-Location is told as it stands in the header",
    },
    "FetchSimpleBodyStructure": {"A7 FETCH 1:* ()": NO_ITEMS},
    "FetchStructureComplex": {"A10 FETCH 1:* ()": NO_ITEMS},
    "FetchSingleMessage": {"f16 FETCH 1 (ALL)": MACRO, "f17 FETCH 1 (FULL)": MACRO, "f18 FETCH 1 (FAST)": MACRO},
    "Id": {
        'a1 ID ("vendor", "whatever", "version", "3.7.0", "random", "random value")': "RFC 2971 §4 has no commas",
        'a1 ID ("name" "Thunderbird" "version" 102.7.1)': "RFC 2971 §4 has strings only",
    },
    "InboxDeleteMessages": {"a DELETE tobedeleted": "the script expects an answer without its tag"},
    "ListNamespace": {'e2 LIST "#private" ""': ROOT, 'e3 LIST "#private.someone" ""': ROOT},
    "ListPlus": {'a1 LIST "" "listtest" RETURN (MYRIGHTS)': f"LIST-MYRIGHTS (RFC 8440): {NOT_OFFERED}"},
    "ListSubscribed": {
        'A24 LIST (RECURSIVEMATCH SUBSCRIBED) "" "*1"': "the child is told itself (RFC 5258 §3.5: suppress redundant)",
        'A31 LIST (REMOTE) "" "*"': "REMOTE adds to the local mailboxes, and hides none (RFC 5258 §3.1)",
        'A04 LIST (SUBSCRIBED) "" "*"': NONEXISTENT,
        'A06 LIST (SUBSCRIBED) "" "*"': NONEXISTENT,
        'A08 LIST (SUBSCRIBED) "" "*"': NONEXISTENT,
    },
    "MoveNoMSG": {"a4 UID MOVE 1 selected": "a UID that is not there is passed over (RFC 3501 §6.4.8)"},
    "RenameHierarchy": {
        **{f'{tag} LIST "" "*"': SUPERIORS for tag in ("A8", "A10", "A12", "A14", "A16", "A19")},
        "A18 DELETE alpha": SUPERIORS,
    },
    "SearchAtoms": {
        "A47 SEARCH BODY o": TAGS,
        "A48 SEARCH BODY the": PREAMBLE,
        "A150 SEARCH MODSEQ 150000": f"CONDSTORE (RFC 7162): {NOT_OFFERED}",
        "A152 UID SEARCH RETURN (PARTIAL 1:5) UNFLAGGED": PARTIAL,
        "A153 UID SEARCH RETURN (PARTIAL -1:-5) UNFLAGGED": PARTIAL,
        "A153 UID SEARCH RETURN (PARTIAL -5:-1) UNFLAGGED": PARTIAL,
        "A154 UID SEARCH RETURN (PARTIAL 50:100) UNFLAGGED": PARTIAL,
        "A155 UID SEARCH RETURN (PARTIAL -50:-100) UNFLAGGED": PARTIAL,
    },
    "SearchCombinations": {
        "A45 SEARCH FROM o TO o ANSWERED FLAGGED ALL BODY o SENTBEFORE 1-Jan-2009": TAGS,
        'A46 SEARCH OR ( FROM o TO o ANSWERED FLAGGED ALL BODY o SENTBEFORE 1-Jan-2009 ) ( HEADER Delivered-To "" DRAFT )': TAGS,
    },
    "SearchOptionAggregations": {
        "d SEARCH RETURN (MIN) MODSEQ 8": f"CONDSTORE (RFC 7162): {NOT_OFFERED}",
        "h SEARCH RETURN (MIN MAX COUNT SAVE) FLAGGED": SAVED,
        "m UID SEARCH RETURN (ALL SAVE) FLAGGED": SAVED,
        "o UID SEARCH RETURN (MIN MAX SAVE) FLAGGED": SAVED,
        "q UID SEARCH RETURN (MIN MAX COUNT SAVE) FLAGGED": SAVED,
        "t UID SEARCH RETURN (MIN MAX SAVE) ANSWERED": SAVED,
        **{f"{tag} FETCH $ FLAGS": SAVED for tag in ("i", "n", "p", "r", "u")},
    },
    "UidSearchCombinations": {
        "A105 UID SEARCH FROM o TO o ANSWERED FLAGGED ALL BODY o SENTBEFORE 1-Jan-2009": TAGS,
        'A106 UID SEARCH OR ( FROM o TO o ANSWERED FLAGGED ALL BODY o SENTBEFORE 1-Jan-2009 ) ( HEADER Delivered-To "" DRAFT )': TAGS,
    },
    "UidSearchAtoms": {"A107 UID SEARCH BODY o": TAGS, "A108 UID SEARCH BODY the": PREAMBLE},
}

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
