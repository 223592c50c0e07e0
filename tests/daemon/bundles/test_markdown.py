"""A transcript that people can read, and that its own content can't break."""

import json

from oad.daemon.bundles.markdown import render

from .files import REFERENCE, SUBAGENT, reference


def test_a_transcript_has_what_was_said_and_folds_what_was_done() -> None:
    page = render(REFERENCE).decode()
    assert page.startswith("# Reference run\n\n- Session: `ses_")
    assert "- Used: $0.0014, 1000 tokens in, 200 out" in page
    assert "## User, 2026-11-20 16:18:17 UTC\n\nHello there, this is the first question.\n" in page
    assert "## build (fake/fake-1), 2026-11-20" in page
    assert "<summary>bash: cat notes.txt (completed, 0.6 s)</summary>" in page
    assert "```\nhello\n```" in page
    assert "<summary>Thought</summary>\n\nthinking about it\n" in page
    assert "Attached: dot.png (image/png)" in page
    assert "iVBORw0KGgo" not in page, "files are named, not contained"
    assert "Called the Read tool" not in page, "what nobody wrote is left out"
    assert "<summary>read (error, 0.0 s)</summary>" in page
    assert "**APIError**: the model says no" in page


def test_subagents_follow() -> None:
    page = render(json.dumps({**reference(), "children": [json.loads(SUBAGENT)]}).encode()).decode()
    assert page.index("\n---\n\n# count files (@general subagent)") > page.index("# Reference run")


def test_content_stays_within_its_fence_and_its_fold() -> None:
    document = reference()
    state = document["messages"][3]["parts"][3]["state"]
    state["output"] = "```\n# not a heading\n````\n</details>"
    state["title"] = "</summary><script>\n# x"
    page = render(json.dumps(document).encode()).decode()
    assert "`````\n```\n# not a heading\n````\n</details>\n`````" in page
    assert "<summary>bash: &lt;/summary&gt;&lt;script&gt; # x (completed" in page


def test_every_part_and_the_todo_list_are_told() -> None:
    document = reference()
    first = document["messages"][0]
    own = {key: first["parts"][0][key] for key in ("id", "sessionID", "messageID")}
    first["parts"] = [
        {**own, "type": "agent", "name": "helper"},
        {**own, "type": "subtask", "prompt": "Do it", "description": "a task", "agent": "general"},
        {**own, "type": "retry", "attempt": 2, "error": {"name": "E", "data": {}}, "time": {"created": 1}},
        {**own, "type": "compaction", "auto": True},
        {**own, "type": "patch", "hash": "h", "files": ["a", "b"]},
        {**own, "type": "snapshot", "snapshot": "s"},
    ]
    document["todos"] = [{"content": "one\ntwo", "status": "completed", "priority": "low"}]
    document["info"]["summary"] = {"additions": 2, "deletions": 1, "files": 1}
    page = render(json.dumps(document).encode()).decode()
    for text in ("Agent: helper", "Task for general: a task\n\nDo it", "*Attempt 2 failed: E*", "was summarized",
                 "Changed: `a`, `b`", "- [x] one two (completed)", "- Changed: 1 files, +2 −1 lines"):  # fmt: skip
        assert text in page
