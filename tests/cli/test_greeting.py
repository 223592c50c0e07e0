from pathlib import Path

import pytest

from oad.cli.greeting import Address, greeting
from oad.cli.places import Places
from oad.contract.credential import Credential

PLACES = Places(Path("/data dir"), Path("/run/oad"), Path("/log"))
LOCAL = Address("http://127.0.0.1:4096", "127.0.0.1", loopback=True)


def test_names_the_file_and_what_to_paste_but_not_the_secret() -> None:
    text = "\n".join(greeting(LOCAL, Credential(password="hidden", token="hidden"), PLACES))
    assert "listening on http://127.0.0.1:4096\n" in text
    assert "opencode attach http://127.0.0.1:4096 -p \"$(cat '/data dir/credential')\"" in text
    assert "curl -u" in text
    assert "hidden" not in text


@pytest.mark.parametrize(
    ("credential", "variable"),
    [(Credential(password="hidden"), "$OPENCODE_SERVER_PASSWORD"), (Credential(token="hidden"), "$OA_SERVER_TOKEN")],
)
def test_names_the_variable_that_holds_a_configured_one(credential: Credential, variable: str) -> None:
    text = "\n".join(greeting(LOCAL, credential, PLACES))
    assert variable in text
    assert "hidden" not in text


def test_says_loudly_that_nobody_is_asked() -> None:
    assert "authentication is OFF" in "\n".join(greeting(LOCAL, Credential(), PLACES))


def test_says_when_others_can_reach_it() -> None:
    address = Address("http://127.0.0.1:4096", "0.0.0.0", loopback=False)
    assert "0.0.0.0" in greeting(address, Credential(token="t"), PLACES)[-1]
