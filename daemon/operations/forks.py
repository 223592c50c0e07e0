"""Copies of sessions."""

import msgspec
import trio

from oad.contract.ids import new_id, now_ms
from oad.contract.message import AssistantMessage, CompactionPart, Message, Part
from oad.contract.session import Session, SessionFork, SessionTime, no_tokens
from oad.link import Answer

from ..journal import Journal, Place
from ..sessions import place_of
from .context import Request, Services, json_answer


async def fork_session(request: Request) -> Answer:
    """A copy, under new ids, of everything or of what lies before a message; of a busy session what is complete."""
    services = request.services
    wanted: SessionFork = request.decode(SessionFork)
    source = services.sessions.find(request.params["sessionID"])
    await services.journal.settled()
    # On another thread, as every reading of a whole transcript.
    messages, parts = await trio.to_thread.run_sync(read_all, services, source.id)
    services.check_count()
    now = now_ms()
    fork = msgspec.structs.replace(
        source,
        id=new_id("ses"),
        title=_fork_title(source.title),
        time=SessionTime(created=now, updated=now),
        parent_id=None,
        cost=0,
        tokens=no_tokens(),
        revert=None,
        share=None,
        summary=None,
    )
    services.sessions.save(fork, created=True)
    services.journal.append("oad.session.forked", {"source": source.id}, place_of(fork))
    services.sandboxes.copy(fork, source.id)
    _copy_messages(services.journal, visible(source, messages, parts), parts, place_of(fork), wanted.message_id)
    return json_answer(fork)


def read_all(services: Services, session: str) -> tuple[list[Message], dict[str, list[Part]]]:
    messages = [msgspec.json.decode(data, type=Message) for _, _, data in services.store.messages(session)]
    parts: dict[str, list[Part]] = {}
    for message, _, data in services.store.parts(session):
        parts.setdefault(message, []).append(msgspec.json.decode(data, type=Part))
    return messages, parts


def visible(source: Session, messages: list[Message], parts: dict[str, list[Part]]) -> list[Message]:
    """Without what a revert hides: in a copy nothing could bring it back."""
    revert = source.revert
    at = next((n for n, info in enumerate(messages) if revert is not None and info.id == revert.message_id), None)
    if revert is None or at is None:
        return messages
    if revert.part_id is None:
        return messages[:at]
    kept = parts.get(revert.message_id, [])
    cut = next((n for n, part in enumerate(kept) if part.id == revert.part_id), len(kept))
    parts[revert.message_id] = kept[:cut]
    return messages[: at + 1]


def _fork_title(title: str) -> str:
    head, mark, tail = title.rpartition(" (fork #")
    if mark and tail.endswith(")") and tail[:-1].isdigit():
        return f"{head} (fork #{int(tail[:-1]) + 1})"
    return f"{title} (fork #1)"


def _copy_messages(
    journal: Journal, messages: list[Message], parts: dict[str, list[Part]], target: Place, before: str | None
) -> None:
    renamed: dict[str, str] = {}
    for info in messages:
        if before is not None and info.id >= before:
            break
        if isinstance(info, AssistantMessage) and info.time.completed is None:
            break
        old, info.id = info.id, new_id("msg")
        renamed[old], info.session_id = info.id, target.session
        if isinstance(info, AssistantMessage):
            info.parent_id = renamed.get(info.parent_id, info.parent_id)
        journal.append("message.updated", {"sessionID": target.session, "info": info}, target)
        for part in parts.get(old, []):
            part.id, part.message_id, part.session_id = new_id("prt"), info.id, target.session
            if isinstance(part, CompactionPart) and part.tail_start_id is not None:
                part.tail_start_id = renamed.get(part.tail_start_id, part.tail_start_id)
            properties = {"sessionID": target.session, "part": part, "time": now_ms()}
            journal.append("message.part.updated", properties, target)
