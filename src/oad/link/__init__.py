"""ZeroMQ under trio: what daemon, gateway and workers share to speak the frames of ``oad.contract.wire``."""

from .calls import Calls, LinkLost
from .serving import Answer, Handler, Serving
from .socket import PeerGone, TrioSocket, bind_private

__all__ = ["Answer", "Calls", "Handler", "LinkLost", "PeerGone", "Serving", "TrioSocket", "bind_private"]
