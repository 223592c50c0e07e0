"""One program outside the session's sandbox, if a person grants it; never beyond what the operator allows."""

from typing import Final

from oad.contract.policy import Profile

from .tool import ToolContext, ToolFailed

PERMISSION: Final = "sandbox"


async def ask_to_leave(context: ToolContext, command: str, why: str, always: list[str]) -> Profile:
    """The profile to run it under. Raises ToolFailed where nobody may grant it, and as ``context.ask`` does."""
    confinement = context.confinement
    if confinement.profile == "full" or confinement.level == "none":
        return "full"
    if confinement.ceiling != "full":
        raise ToolFailed(
            f"Leaving the sandbox is not possible here: the operator allows {confinement.ceiling} at most."
        )
    metadata = {"command": command, "profile": "full", "justification": why}
    await context.ask(PERMISSION, [command], always=always, metadata=metadata)
    return "full"
