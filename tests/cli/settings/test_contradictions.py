from pathlib import Path

import pytest

from oad.cli.settings.load import Sources, load_settings
from oad.cli.settings.origin import BadConfig


def load(place: Path, text: str) -> None:
    file = place / "oad.toml"
    file.write_text(text)
    load_settings(Sources(file, True, {"XDG_CONFIG_HOME": str(place)}))


@pytest.mark.parametrize("name", ["running_turns_per_user", "live_sessions_per_user", "queue_per_user"])
def test_limits_per_user_need_users(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=f"{name}: there is one user only"):
        load(tmp_path, f"[admission]\n{name} = 2\n")
    load(tmp_path, f'[server]\nusers_file = "/etc/oad/users"\n[admission]\n{name} = 2\n')
