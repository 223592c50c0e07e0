"""Telling the model that the network policy, and not the command or the network, was the reason of a failure."""

import re
from typing import Final

from oad.contract.network import Target

from ..egress import Egress
from ..exec import Outcome

_SHOWN_HOSTS: Final = 8
_LOOKED_AT: Final = 20_000  # characters at the end of the output
# How programs and runtimes put it when there is no network at all, or no resolver.
_NO_NETWORK: Final = re.compile(
    r"could not resolve|couldn't resolve|name resolution|name or service not known|network is unreachable"
    r"|network unreachable|no address associated|unable to resolve|failed to lookup|failed to resolve|dns error"
    r"|ENETUNREACH|EAI_AGAIN|ENOTFOUND|getaddrinfo|no such host|cannot assign requested address|unknown host",
    re.IGNORECASE,
)


def network_notes(egress: Egress, outcome: Outcome, output: str) -> list[str]:
    """For the end of a tool's result; empty when the policy had no part in it."""
    if outcome.denied:
        named = ", ".join(f"{Target(d.host, d.port)} ({d.reason})" for d in outcome.denied[:_SHOWN_HOSTS])
        more = f" and {len(outcome.denied) - _SHOWN_HOSTS} more" if len(outcome.denied) > _SHOWN_HOSTS else ""
        return [f"The network policy of this session denied: {named}{more}. {_hosts(egress)}{_ADVICE}"]
    if egress.mode == "on" or outcome.exit == 0 or not _NO_NETWORK.search(output[-_LOOKED_AT:]):
        return []
    if egress.mode == "off":
        return [_OFF + _ADVICE]
    return [f"{_ALLOW} {_hosts(egress)}{_ADVICE}"]


_OFF: Final = "The network policy of this session is 'off': commands have no network but a loopback of their own."
_ALLOW: Final = (
    "The network policy of this session is 'allow': commands reach the network only through the HTTP proxy that "
    "HTTP_PROXY and HTTPS_PROXY name, and names are resolved by it."
)
_ADVICE: Final = " Do not try to get around it; if the task needs more, say so."


def _hosts(egress: Egress) -> str:
    if not egress.allow or not all(egress.allow):
        return "No host is allowed."
    return "Allowed: " + ", and of these: ".join(", ".join(entries) for entries in dict.fromkeys(egress.allow)) + "."
