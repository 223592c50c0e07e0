"""What ``oad serve`` prints: where it listens, where the credential is, and what to paste."""

import os
from typing import Final

import msgspec

from oad import __version__
from oad.contract.credential import Credential
from oad.contract.network import describe_policy
from oad.contract.policy import NetworkPolicy

from .places import Places

_DEFAULT_NETWORK: Final = NetworkPolicy()


class Address(msgspec.Struct, frozen=True):
    """``host`` as it was asked for, ``url`` as a client on this host would write it."""

    url: str
    host: str
    loopback: bool
    announced: str = ""  # by mDNS, under this name


def greeting(
    address: Address, credential: Credential, places: Places, network: NetworkPolicy = _DEFAULT_NETWORK
) -> list[str]:
    """The lines, for standard output; nothing follows them there."""
    lines = [
        f"oad {__version__} listening on {address.url}",
        *_access(address.url, credential, places),
        f"network of sessions: {describe_policy(network)}",
    ]
    if not address.loopback:
        lines.append(f"reachable from other hosts ({address.host}): put TLS in front of it")
    if address.announced:
        lines.append(f"announced in the local network as {address.announced}")
    return lines


def _access(url: str, credential: Credential, places: Places) -> list[str]:
    if not credential:
        return [
            "authentication is OFF (--no-auth): every program on this host may run commands through it",
            f"  opencode attach {url}",
            f"  curl {url}/global/health",
        ]
    if credential.token and credential.token == credential.password:
        file = places.credential_file
        shown = _in_shell(str(file))
        return [
            f"credential: {file} (user {credential.username}; `oad token` prints it)",
            f'  opencode attach {url} -p "$(cat {shown})"',
            f'  curl -u "{credential.username}:$(cat {shown})" {url}/global/health',
        ]
    if credential.password:
        return [
            "credential: as configured in OPENCODE_SERVER_PASSWORD",
            f'  opencode attach {url} -u {credential.username} -p "$OPENCODE_SERVER_PASSWORD"',
            f'  curl -u "{credential.username}:$OPENCODE_SERVER_PASSWORD" {url}/global/health',
        ]
    return [
        "credential: as configured in OA_SERVER_TOKEN",
        f'  opencode attach {url} -p "$OA_SERVER_TOKEN"',
        f'  curl -H "Authorization: Bearer $OA_SERVER_TOKEN" {url}/global/health',
    ]


def _in_shell(path: str) -> str:
    """Inside double quotes and $(…), where a path is quoted as anywhere."""
    import shlex

    home = os.environ.get("HOME", "")
    if home and path.startswith(f"{home}/") and shlex.quote(path) == path:
        return "~" + path[len(home) :]
    return shlex.quote(path)
