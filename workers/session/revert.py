"""What a revert has hidden goes for good when the next prompt comes."""

from .conversation import Conversation


async def drop_reverted(conversation: Conversation) -> None:
    """Removes the messages, or the parts, from the reverted point on, and the mark from the session."""
    revert = conversation.session.revert
    if revert is None:
        return
    index = next((i for i, m in enumerate(conversation.messages) if m.info.id == revert.message_id), None)
    if index is not None:
        if revert.part_id is not None:
            await conversation.remove_parts_from(revert.message_id, revert.part_id)
            index += 1
        for message in conversation.messages[index:]:
            await conversation.remove_message(message.info.id)
    await conversation.patch({"revert": None}, touch=False)
