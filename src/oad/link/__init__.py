"""ZeroMQ under trio: what daemon, gateway and workers share to speak the frames of ``oad.contract.wire``."""

from .socket import PeerGone, TrioSocket, bind_private

__all__ = ["PeerGone", "TrioSocket", "bind_private"]
