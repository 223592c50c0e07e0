"""Secrets leave the environment, for this process and for everybody who looks at it."""

import subprocess
import sys

import pytest

from oad.daemon.vault import is_secret, secrets_of, values_of

LOOK = """
import os
from oad.daemon.vault import take_secrets
taken = take_secrets(os.environ)
import subprocess
shown = open("/proc/self/environ").read()
child = subprocess.run(["env"], capture_output=True, text=True).stdout
print(sorted(taken.items()), "canary" in shown, "canary" in child, "PLAIN=1" in shown)
"""


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "db_password", "X_KEY"])
def test_telling_names(name: str) -> None:
    assert is_secret(name, "abc")


@pytest.mark.parametrize(
    ("name", "value"),
    [("PATH", "/bin"), ("GOOGLE_APPLICATION_CREDENTIALS", "/k.json"), ("KEYBOARD", "de"), ("MAX_TOKENS", "100")],
)
def test_other_names_and_paths_stay(name: str, value: str) -> None:
    assert not is_secret(name, value)


def test_an_address_with_a_login_is_secret() -> None:
    assert is_secret("https_proxy", "http://user:pass@proxy:1")
    assert not is_secret("https_proxy", "http://proxy:1")
    assert "pass-1" in values_of({"https_proxy": "http://user:pass-1@proxy:1"})


def test_they_are_gone_from_proc_and_from_children() -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path), "PLAIN": "1", "A_API_KEY": "canary-1"}
    done = subprocess.run([sys.executable, "-c", LOOK], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[('A_API_KEY', 'canary-1')] False False True"


def test_secrets_of_the_credential_store() -> None:
    stored = {
        "a": {"type": "api", "key": "k-1"},
        "b": {"type": "oauth", "access": "a-1", "refresh": "r-1", "expires": 1},
        "c": {"type": "wellknown", "key": "NAME", "token": "t-1"},
    }
    assert sorted(secrets_of(stored)) == ["a-1", "k-1", "r-1", "t-1"]
