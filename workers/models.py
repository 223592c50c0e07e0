"""The catalogue of models that this worker goes by: the daemon's, fetched when its version has changed."""

from .link import Link
from .providers.listed import NONE, Catalogue


class _Held:
    catalogue: Catalogue = NONE


def held_catalogue() -> Catalogue:
    """The same object until it changes."""
    return _Held.catalogue


async def follow_catalogue(link: Link, version: str) -> None:
    """``version``: what the daemon says that is in force."""
    if version != _Held.catalogue.version:
        _Held.catalogue = Catalogue(version, await link.call("daemon.models", {})) if version else NONE
