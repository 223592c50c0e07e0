"""Which server a command talks to, and with which credential."""

import os

import msgspec

from oad.client import Login
from oad.contract.credential import Credential
from oad.daemon.instance_lock import is_served

from .credential import CredentialUnreadable, configured_credential, read_secret
from .places import Places, UnsafePlace, find_places
from .target_options import TargetOptions


class Target(msgspec.Struct, frozen=True):
    """``is_local``: found by its data directory, so that it sees the same files as this process."""

    url: str
    credential: Credential
    is_local: bool

    @property
    def login(self) -> Login:
        return Login(self.credential.username, self.credential.password, self.credential.token)


class Unreachable(Exception):
    """There is no server there, or it does not let us in."""


def find_target(options: TargetOptions) -> Target:
    """The server that is named, else the one that runs on the data directory. Raises Unreachable."""
    try:
        places = find_places(options.data_dir)
        own = running_at(places)
    except (OSError, UnsafePlace) as error:
        raise Unreachable(str(error)) from error
    url = options.url.rstrip("/") if options.url is not None else own
    if url is None:
        raise Unreachable(f"no server runs on {places.data}: start one with `oad serve`, or name one with --attach")
    # The file's credential is for the server that made it, and must not be shown to any other.
    return Target(url, find_credential(options, places if url == own else None), is_local=options.url is None)


def running_at(places: Places) -> str | None:
    """The URL of the server on this data. The file of one that was killed leads nowhere, or to a stranger."""
    if not is_served(places.data):
        return None
    try:
        return places.address_file.read_text().strip() or None
    except FileNotFoundError:
        return None


def find_credential(options: TargetOptions, places: Places | None) -> Credential:
    """Options, then environment, then the file of the data directory, if given. Raises Unreachable."""
    if options.password or options.token:
        return Credential(options.username or "opencode", options.password or "", options.token or "")
    configured = configured_credential(os.environ)
    if configured:
        return msgspec.structs.replace(configured, username=options.username or configured.username)
    if places is None:
        return Credential()
    try:
        secret = read_secret(places.credential_file)
    except (OSError, CredentialUnreadable) as error:
        raise Unreachable(str(error)) from error
    return Credential(password=secret, token=secret) if secret else Credential()
