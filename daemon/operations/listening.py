"""Whether somebody listens, told to the worker of a directory, which does some things for listeners only."""

from oad.link import Answer

from .context import Request, json_answer


async def tell_listening(request: Request) -> Answer:
    """Waits until it is otherwise than ``heard`` says, and answers true or false. Of the calling worker's directory."""
    listeners, known = request.services.listeners, request.params.get("heard") == "true"
    while listeners.hears(request.caller) is known:
        await listeners.changed.wait()
    return json_answer(not known)
