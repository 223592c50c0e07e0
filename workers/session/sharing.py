"""Sessions of a project that shares every one get their link with their first turn."""

import structlog

from oad.contract.errors import ApiError
from oad.contract.message import AssistantMessage

from .turn import Turn

_log = structlog.get_logger("oad.share")


async def share_if_wanted(turn: Turn) -> None:
    """Once: a link that was taken back stays so. Subagents' sessions are not shared by themselves."""
    session, messages = turn.session, turn.conversation.messages
    answers = sum(isinstance(message.info, AssistantMessage) for message in messages)
    if turn.scene.share != "auto" or session.share is not None or session.parent_id is not None or answers > 1:
        return
    try:
        await turn.link.call("daemon.share", {})
    except ApiError as error:
        _log.warning("the session is not shared", session=session.id, reason=str(error))
