"""`pillarbox contacts`: with a server and without one."""

import pytest

from servers import Pillarbox, Refusal, running

FILE = "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:u1\r\nFN:Jürgen\r\nEND:VCARD\r\nBEGIN:VCARD\r\nbroken\r\nEND:VCARD\r\n"


@pytest.fixture
def resting(tmp_path):
    """A data folder whose server does not run, where ann has an account."""
    made = Pillarbox(tmp_path / "data", hostname="mail.uni.test", domains=["uni.test"])
    made.add_account("ann@uni.test")
    return made


def test_contacts_are_brought_and_taken_away_without_a_server(resting):
    line = resting.command("contacts", "import", "ann@uni.test", "-", stdin=FILE)
    assert line == "Contacts: 1 new, 0 there already, 1 not taken\n"
    assert "FN:Jürgen" in resting.command("contacts", "export", "ann@uni.test")


def test_contacts_are_brought_and_taken_away_while_it_serves(tmp_path):
    with running(tmp_path / "data") as server:
        file = tmp_path / "cards.vcf"
        file.write_text(FILE)
        found = server.json("contacts", "import", "alice@uiowa.test", str(file), "--book", "Contacts")
        assert found == {
            "book": "Contacts",
            "added": 1,
            "known": 0,
            "refused": 1,
            "problems": ["card 2: expected a content line"],
        }
        assert server.json("contacts", "import", "alice@uiowa.test", str(file))["known"] == 1
        assert "UID:u1" in server.command("contacts", "export", "alice@uiowa.test", "--book", "Contacts")
        with pytest.raises(Refusal, match="no address book is named Friends"):
            server.command("contacts", "export", "alice@uiowa.test", "--book", "Friends")
