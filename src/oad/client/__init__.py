"""A typed client of the API, in a form for ordinary code and one for trio.

    with Client("http://127.0.0.1:4096", Login(password=...)) as client:
        session = client.sessions.create(title="A first one")
        answer = client.sessions.prompt(session.id, "Say hello")

Whatever goes wrong is a ``Failure``.
"""

from .asynchronous import AsyncClient
from .event import Event
from .failure import Failure
from .login import Login
from .synchronous import Client

__all__ = ["AsyncClient", "Client", "Event", "Failure", "Login"]
