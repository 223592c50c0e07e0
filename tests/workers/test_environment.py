"""What the daemon hands over is seen by providers and configuration, and by no command."""

import os

import pytest

from oad.daemon.vault import is_secret
from oad.workers.environment import ENVIRONMENT, Keys, take_keys
from oad.workers.providers.wellknown import WELL_KNOWN
from oad.workers.tools.environment import command_environment


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "")


def test_handed_over_variables_are_seen_and_replaced_by_the_next() -> None:
    take_keys(Keys(environment={"TRIED_API_KEY": "a"}))
    assert ENVIRONMENT["TRIED_API_KEY"] == "a"
    assert "TRIED_API_KEY" not in os.environ
    assert "TRIED_API_KEY" not in command_environment()
    take_keys(Keys())
    assert "TRIED_API_KEY" not in ENVIRONMENT


def test_http_clients_find_a_proxy_that_needs_a_login() -> None:
    take_keys(Keys(environment={"https_proxy": "http://u:p@h:1"}))
    assert os.environ["https_proxy"] == "http://u:p@h:1"
    assert "https_proxy" not in command_environment()
    take_keys(Keys())


def test_the_keys_of_all_known_providers_are_secret() -> None:
    settings = {"AZURE_RESOURCE_NAME"}
    names = {name for row in WELL_KNOWN.values() for name in row.env} - settings
    assert [name for name in names if not is_secret(name, "sk-1")] == []
