from oad.workers.tools.todowrite import TodoItem, TodowriteArgs, TodowriteTool

from .conftest import Recorder


async def test_list_is_published_and_counted(recorder: Recorder) -> None:
    items = [
        TodoItem(content="a", status="pending", priority="low"),
        TodoItem(content="b", status="completed", priority="low"),
    ]
    result = await TodowriteTool().run(TodowriteArgs(todos=items), recorder.context())
    plain = [
        {"content": "a", "status": "pending", "priority": "low"},
        {"content": "b", "status": "completed", "priority": "low"},
    ]
    assert result.title == "1 todos"
    assert result.metadata == {"todos": plain, "truncated": False}
    assert result.output.startswith('[\n  {\n    "content": "a",\n    "status": "pending",')
    assert recorder.events == [("todo.updated", {"sessionID": "ses_1", "todos": plain})]
    assert recorder.asked == [("todowrite", ["*"], ["*"], {})]
