"""The file that is shipped lists the keys that there are, with their defaults."""

from pathlib import Path

import msgspec

from oad.cli.settings.keys import KEYS
from oad.cli.settings.load import Sources, load_settings
from oad.cli.settings.shipped import read_entries, read_shipped

ENTRIES = read_entries(read_shipped())
# What a new service starts with, although the default is another: closed until the administrator opens it.
OWN = {("network", "mode"): "allow", ("network", "allow"): []}


def test_every_key_is_listed_with_a_meaning() -> None:
    assert list(ENTRIES) == list(KEYS)
    assert [key for key, entry in ENTRIES.items() if not entry.meaning] == []


def test_what_is_commented_out_is_the_default() -> None:
    defaults = {key: msgspec.to_builtins(KEYS[key].default) for key in KEYS}
    listed = {key: entry.value for key, entry in ENTRIES.items() if not entry.is_set}
    assert listed == {
        key: list(value) if isinstance(value, tuple) else value for key, value in defaults.items() if key not in OWN
    }


def test_the_shipped_file_can_be_read_and_opens_nothing(tmp_path: Path) -> None:
    file = tmp_path / "oad.toml"
    file.write_text(read_shipped())
    found = load_settings(Sources(file, required=True, environment={"XDG_CONFIG_HOME": str(tmp_path)}))
    assert set(found.origins) == {key for key, entry in ENTRIES.items() if entry.is_set} == set(OWN)
    assert {key: ENTRIES[key].value for key in OWN} == OWN


def test_reading() -> None:
    text = (
        '[a]\n# Said before.\n# list = [\n#   "x", "y",\n# ]\n# none =   # said behind\n\nset = 1\n# [[b.c]]\n# d = 1\n'
    )
    found = {key[1]: (entry.is_set, entry.meaning, entry.value) for key, entry in read_entries(text).items()}
    assert found == {
        "list": (False, "Said before.", ["x", "y"]),
        "none": (False, "said behind", None),
        "set": (True, "", 1),
    }
