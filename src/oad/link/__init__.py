"""ZeroMQ under trio: what daemon, gateway and workers share to speak the frames of ``oad.contract.wire``."""

from .calls import Calls, LinkLost
from .peer import Peer
from .serving import Answer, Handler, Serving, carry_out, refusal
from .socket import PeerGone, TrioSocket, bind_private
from .stream import Send, Stream, StreamEnd

__all__ = [
    "Answer",
    "Calls",
    "Handler",
    "LinkLost",
    "Peer",
    "PeerGone",
    "Send",
    "Serving",
    "Stream",
    "StreamEnd",
    "TrioSocket",
    "bind_private",
    "carry_out",
    "refusal",
]
