from typing import Any

from oad.contract.message import (
    AssistantMessage,
    CreatedTime,
    Message,
    MessagePath,
    MessageWithParts,
    ModelReference,
    Part,
    PatchPart,
    SnapshotPart,
    StepFinishPart,
    StepStartPart,
    TextPart,
    TurnTime,
    UserMessage,
)
from oad.contract.session import no_tokens
from oad.workers.session.patches import (
    Patch,
    Point,
    all_patches,
    find_point,
    newest_tree,
    patches_after,
    patches_for,
    patches_of,
)


def ids(id: str) -> dict[str, Any]:
    return {"id": f"prt_{id}", "session_id": "ses_1", "message_id": "msg"}


def start(id: str, tree: str | None = None) -> Part:
    return StepStartPart(**ids(id), snapshot=tree)


def end(id: str, tree: str | None) -> Part:
    return StepFinishPart(**ids(id), reason="stop", cost=0, tokens=no_tokens(), snapshot=tree)


def patch(id: str, tree: str, *files: str) -> Part:
    return PatchPart(**ids(id), hash=tree, files=list(files))


def words(id: str) -> Part:
    return TextPart(**ids(id), text=id)


def user(id: str, *parts: Part) -> MessageWithParts:
    info = UserMessage(
        id=id,
        session_id="ses_1",
        time=CreatedTime(created=1),
        agent="build",
        model=ModelReference(provider_id="p", model_id="m"),
    )
    return MessageWithParts(info=info, parts=list(parts))


def answer(id: str, parent: str, *parts: Part) -> MessageWithParts:
    info: Message = AssistantMessage(
        id=id,
        session_id="ses_1",
        parent_id=parent,
        time=TurnTime(created=1),
        model_id="m",
        provider_id="p",
        mode="build",
        agent="build",
        path=MessagePath(cwd="/", root="/"),
        cost=0,
        tokens=no_tokens(),
    )
    return MessageWithParts(info=info, parts=list(parts))


MESSAGES = [
    user("msg_1", words("q1")),
    answer("msg_2", "msg_1", start("s2"), words("t2"), end("e2", "B"), patch("p2", "A", "/x")),
    user("msg_3", words("q3")),
    answer("msg_4", "msg_3", start("s4", "B"), words("t4"), words("u4"), end("e4", "C"), patch("p4", "B", "/y")),
]
FIRST, SECOND = Patch("A", "B", ("/x",)), Patch("B", "C", ("/y",))


def test_a_patch_goes_from_its_hash_to_the_end_of_its_step() -> None:
    assert all_patches(MESSAGES) == [FIRST, SECOND]
    assert patches_for(MESSAGES, "msg_3") == [SECOND]
    assert newest_tree(MESSAGES) == "C"
    assert newest_tree(MESSAGES[:1]) is None


def test_a_step_that_was_cut_off_names_its_end_behind() -> None:
    parts = [start("s", "A"), patch("p", "A", "/x"), SnapshotPart(**ids("n"), snapshot="B")]
    assert patches_of(parts) == [FIRST]
    assert patches_of([patch("p", "A", "/x")]) == []  # nobody knows how it ended


def test_a_message_is_reverted_with_its_prompt_and_all_after_it() -> None:
    assert find_point(MESSAGES, "msg_3", None) == find_point(MESSAGES, "msg_4", None) == Point(2, "msg_3")
    assert patches_after(MESSAGES, Point(2, "msg_3")) == [SECOND]
    assert patches_after(MESSAGES, Point(0, "msg_1")) == [FIRST, SECOND]
    assert find_point(MESSAGES, "msg_9", None) is None


def test_a_part_is_reverted_with_the_changes_of_its_step() -> None:
    point = find_point(MESSAGES, "msg_4", "prt_u4")
    assert point == Point(3, "msg_4", "prt_u4")
    assert patches_after(MESSAGES, point) == [SECOND]
    only_the_patch = find_point(MESSAGES, "msg_4", "prt_p4")
    assert only_the_patch is not None and patches_after(MESSAGES, only_the_patch) == [SECOND]


def test_where_nothing_of_an_answer_would_be_left_the_prompt_goes_too() -> None:
    assert find_point(MESSAGES, "msg_4", "prt_t4") == Point(2, "msg_3")
    assert find_point(MESSAGES, "msg_4", "prt_unknown") is None
