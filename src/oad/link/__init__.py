"""ZeroMQ under trio: what daemon, gateway and workers share to speak the frames of ``oad.contract.wire``."""

from .peer import Answer, Peer, Serve, answer_safely, failure
from .socket import PeerGone, TrioSocket, bind_private

__all__ = ["Answer", "Peer", "PeerGone", "Serve", "TrioSocket", "answer_safely", "bind_private", "failure"]
