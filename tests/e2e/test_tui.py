"""The reference's terminal program, unmodified, attached to a real server: what it draws, and what its keys do.

One server and one program serve all tests; each begins on the home screen and asserts on what is drawn.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trio

from .clients import environment, node_modules
from .model import Model
from .server import Json, Server, is_alive, title, until
from .tmux import Terminal

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

Ask = Callable[..., Awaitable[None]]
PASSWORD = "open sesame"
HOME_SCREEN = "Ask anything"
CONFIGURATION = {
    "permission": {"bash": {"*": "allow", "touch *": "ask", "rm *": "ask"}},
    "command": {"greet": {"template": "Greet $1 politely", "description": "Greets"}},
    "lsp": {"picky": {"command": [sys.executable, "picky.py"], "extensions": [".picky"]}},
    "formatter": {"loud": {"command": ["sed", "-i", "s/quiet/LOUD/", "$FILE"], "extensions": [".loud"]}},
}
PICKY = Path(__file__).parents[1] / "workers/lsp/fake_server.py"
REFUSED = re.compile(r": [45]\d\d$")


def _git(project: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


class Place:
    """A server with a repository and a password, and a terminal attached to it."""

    def __init__(self, path: Path, model: Model) -> None:
        home, self.project = path / "server", path / "project"
        for directory in (home, self.project, path / "client"):
            directory.mkdir()
        (self.project / "notes.txt").write_text("first line\nsecond line\n")
        shutil.copy(PICKY, self.project / "picky.py")
        (self.project / "opencode.json").write_text(json.dumps(model.configuration(**CONFIGURATION)))
        _git(self.project, "init", "-b", "trunk")
        _git(self.project, "add", ".")
        _git(self.project, "commit", "-m", "begin")
        self.server = Server(home, self.project, environment={"OPENCODE_SERVER_PASSWORD": PASSWORD})
        self.terminal = Terminal(path)
        self._client_home = path / "client"
        self._port = _free_port()

    async def start(self) -> None:
        await self.server.start("--port", str(self._port), "--print-logs", "--log-level", "debug")

    async def attach(self, *options: str, password: str = PASSWORD) -> None:
        program = str(node_modules("opencode-ai") / ".bin" / "opencode")
        command = [program, "attach", self.server.url, "-p", password, *options]
        await self.terminal.run(command, environment=environment(self._client_home), cwd=self.project)

    async def go_home(self) -> None:
        """To the home screen; attached anew when the test before has left the program unfit."""
        if await self.terminal.shows(HOME_SCREEN):
            return
        await self.terminal.keys("C-x", "n")
        try:
            await self.terminal.until(HOME_SCREEN, timeout_s=10)
        except AssertionError:
            await self.begin()

    async def begin(self) -> None:
        await self.attach()
        await self.terminal.until(HOME_SCREEN, timeout_s=60)

    def close(self) -> None:
        self.terminal.close()
        self.server.discard()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def place_of_all(model: Model) -> Iterator[Place]:
    node_modules("opencode-ai")
    path = Path(tempfile.mkdtemp(prefix="oad-tui-"))
    place = Place(path, model)
    try:
        trio.run(place.start)
        trio.run(place.begin)
        yield place
    finally:
        place.close()
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def server(place_of_all: Place) -> Server:
    return place_of_all.server


@pytest.fixture
async def tui(place_of_all: Place) -> Terminal:
    """On the home screen."""
    await place_of_all.go_home()
    return place_of_all.terminal


@pytest.fixture
def ask(tui: Terminal, model: Model) -> Ask:
    """Types a prompt that plays the given steps, and sends it."""

    async def ask(name: str, *steps: Json) -> None:
        model.register(**{name: list(steps)})
        await enter(tui, f"script:{name}")

    return ask


async def enter(tui: Terminal, text: str) -> None:
    await tui.type(text)
    await tui.keys("Enter")


def call(tool: str, **arguments: Json) -> Json:
    return {"tools": [{"name": tool, "args": arguments}]}


def footer(agent: str = "Build") -> str:
    """Below an answer that is over."""
    return rf"re:▣  {agent} · Fake 1 · [\d.]+m?s"


async def interrupt(tui: Terminal) -> None:
    await tui.keys("Escape")
    await tui.until("esc again to interrupt")
    await tui.keys("Escape")


IDLE = "esc interrupt"


async def newest(server: Server) -> Json:
    return (await server.ask("GET", "/session?limit=1&roots=true"))[0]


# --- start and answers ------------------------------------------------------------------------------------------------


async def test_home_screen_shows_agent_model_and_place(tui: Terminal) -> None:
    await tui.until("Build · Fake 1 Fake", "/project:trunk", "1.18.33")


async def test_answer_streams_and_ends_with_its_footer(ask: Ask, tui: Terminal, model: Model) -> None:
    await ask("slowly", {"text": "alpha beta gamma omega", "chunks": 4, "delay": 0.4})
    await tui.until("alpha", "esc interrupt", without="omega")
    await tui.until("alpha beta gamma omega", footer(), "Scripted title", "120 tokens", without=IDLE)


async def test_thoughts_are_drawn_apart(ask: Ask, tui: Terminal) -> None:
    await ask("thinking", {"reasoning": "Let me see", "text": "It is **so**."})
    await tui.until("Thought", "It is so.", footer())


# --- tools ------------------------------------------------------------------------------------------------------------


async def test_command_is_drawn_with_its_output(ask: Ask, tui: Terminal) -> None:
    await ask("bash", call("bash", command="echo $((6*7))-out", description="Counts"), {"text": "Counted."})
    await tui.until("$ echo $((6*7))-out", "42-out", "Counted.", footer())


async def test_output_of_a_command_is_drawn_while_it_runs(ask: Ask, tui: Terminal, server: Server) -> None:
    command = "echo $((6*7))-early; until [ -e go ]; do sleep 0.05; done; echo $((6*8))-late"
    await ask("live", call("bash", command=command, description="Waits"), {"text": "Waited."})
    await tui.until("42-early", without="48-late")
    (server.project / "go").touch()
    await tui.until("48-late", "Waited.")


async def test_files_are_drawn_as_read_written_and_changed(ask: Ask, tui: Terminal, server: Server) -> None:
    await ask(
        "files",
        call("read", filePath="notes.txt"),
        call("write", filePath="made.txt", content="uno\ndos\n"),
        call("edit", filePath="notes.txt", oldString="second line", newString="changed line"),
        {"text": "Edited."},
    )
    await tui.until(
        "→ Read notes.txt", "# Wrote made.txt", "1 uno", "← Edit notes.txt", "2 - second line", "2 + changed line"
    )
    await tui.until("Edited.", footer())
    assert (server.project / "notes.txt").read_text() == "first line\nchanged line\n"
    assert (server.project / "made.txt").read_text() == "uno\ndos\n"


async def test_searches_and_failures_are_drawn(ask: Ask, tui: Terminal) -> None:
    step: Json = {
        "tools": [
            {"name": "glob", "args": {"pattern": "*.json"}},
            {"name": "grep", "args": {"pattern": "first"}},
            {"name": "bash", "args": {"command": "echo ${HOME:+oops} >&2; exit 3", "description": "Fails"}},
            {"name": "nonsense", "args": {}},
        ]
    }
    await ask("searches", step, {"text": "Searched."})
    await tui.until('Glob "*.json" (1 match)', 'Grep "first" (1 match)', "re:┃ +oops", "invalid [tool=nonsense")
    await tui.until("Searched.", footer())


async def test_errors_in_files_and_what_formatters_made_are_drawn(ask: Ask, tui: Terminal, server: Server) -> None:
    picky, loud = str(server.project / "a.picky"), str(server.project / "a.loud")
    await ask(
        "picky",
        call("write", filePath=picky, content="fine\nBAD thing\n"),
        call("write", filePath=loud, content="silent"),
        call("edit", filePath=loud, oldString="silent", newString="a quiet word"),
        {"text": "There."},
    )
    await tui.until("There.", "Error [2:1] BAD thing", "a LOUD word", footer())
    await tui.until("• picky")
    await enter(tui, "/status")
    await tui.until("1 LSP", "picky")
    await tui.keys("Escape")


async def test_todos_are_drawn_in_the_answer_and_beside_it(ask: Ask, tui: Terminal) -> None:
    todos = [
        {"content": "sow", "status": "completed", "priority": "high"},
        {"content": "reap", "status": "in_progress", "priority": "low"},
    ]
    await ask("todos", call("todowrite", todos=todos), {"text": "Planned."})
    await tui.until("# Todos", r"re:(?s)\[✓\] sow.*\[✓\] sow", r"re:(?s)\[•\] reap.*\[•\] reap", "Planned.")


async def test_subagent_is_drawn_and_can_be_looked_into(ask: Ask, tui: Terminal) -> None:
    task = call("task", description="Look about", prompt="Look under the sofa", subagent_type="general")
    await ask("task", task, {"text": "Looked."})
    await tui.until("General Task — Look about", "Looked.", footer())
    await tui.keys("C-x", "Down")
    await tui.until("You said: Look under the sofa", footer("General"))
    await tui.keys("Up")
    await tui.until("Looked.")


# --- permissions and questions ----------------------------------------------------------------------------------------


async def test_permission_once(ask: Ask, tui: Terminal, server: Server) -> None:
    await ask("once", call("bash", command="touch once.txt", description="Touches"), {"text": "Touched."})
    await tui.until("Permission required", "$ touch once.txt", "Allow once", "Allow always", "Reject")
    assert not (server.project / "once.txt").exists()
    await tui.keys("Enter")
    await tui.until("Touched.", footer(), without="Permission required")
    assert (server.project / "once.txt").exists()


async def test_permission_always_holds_from_then_on(ask: Ask, tui: Terminal, server: Server) -> None:
    for name in ("old.txt", "older.txt"):
        (server.project / name).touch()
    await ask("always", call("bash", command="rm old.txt", description="Removes"), {"text": "Removed."})
    await tui.until("Permission required", "$ rm old.txt")
    await tui.keys("Right", "Enter")
    await tui.until("Always allow", "- rm *", "Confirm")
    await tui.keys("Enter")
    await tui.until("Removed.", footer(), without="Always allow")
    assert not (server.project / "old.txt").exists()

    await ask("again", call("bash", command="rm older.txt", description="Removes"), {"text": "Removed unasked."})
    await tui.until("Removed unasked.")
    assert not (server.project / "older.txt").exists()


async def test_permission_rejected_ends_the_turn(ask: Ask, tui: Terminal, server: Server) -> None:
    await ask("reject", call("bash", command="touch no.txt", description="Touches"), {"text": "Never said."})
    await tui.until("Permission required")
    await tui.keys("Right", "Right", "Enter")
    await tui.until("touch no.txt", "Build · Fake 1 Fake", without=f"re:Permission required|{IDLE}")
    assert not (server.project / "no.txt").exists()
    await enter(tui, "and now")
    assert "Never said." not in await tui.until("You said: and now", footer())


QUESTION = {
    "question": "Which colour?",
    "header": "Colour",
    "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}],
}


async def test_question_is_answered(ask: Ask, tui: Terminal, model: Model) -> None:
    await ask("question", call("question", questions=[QUESTION]), {"text": "As you like."})
    await tui.until("Which colour?", "1. Red", "2. Blue", "enter submit")
    await tui.keys("Down", "Enter")
    await tui.until("# Questions", r"re:Which colour\?.*\n.*Blue", "As you like.", footer(), without="enter submit")
    assert "Blue" in json.dumps(model.requests()[-1]["body"]["messages"][-1])


async def test_question_is_dismissed(ask: Ask, tui: Terminal) -> None:
    await ask("dismissed", call("question", questions=[QUESTION]), {"text": "Never said."})
    await tui.until("Which colour?", "enter submit")
    await tui.keys("Escape")
    await tui.until("Build · Fake 1 Fake", without=f"re:enter submit|{IDLE}")
    await enter(tui, "and now")
    assert "Never said." not in await tui.until("You said: and now", footer())


# --- stopping and failing ---------------------------------------------------------------------------------------------


async def test_escape_twice_interrupts_and_ends_the_process(ask: Ask, tui: Terminal, server: Server) -> None:
    def sleeping() -> bool:
        return any(title(p) == "sleep 4321" for p in server.processes() if is_alive(p))

    command = "echo $((6*7))-begun; sleep 4321"
    await ask("endless", call("bash", command=command, description="Sleeps"), {"text": "Never said."})
    await tui.until("42-begun", "esc interrupt")
    assert sleeping()
    await interrupt(tui)
    await tui.until("▣  Build · Fake 1 · interrupted", without="re:esc (again to )?interrupt")
    assert not sleeping()
    await enter(tui, "and now")
    assert "Never said." not in await tui.until("You said: and now", footer())


async def test_answer_can_be_interrupted_in_the_middle(ask: Ask, tui: Terminal) -> None:
    await ask("stuck", {"text": "I was going to", "hang": True})
    await tui.until("I was going to", "esc interrupt")
    await interrupt(tui)
    await tui.until("I was going to", "▣  Build · Fake 1 · interrupted", without=IDLE)


async def test_errors_of_the_provider_are_drawn(ask: Ask, tui: Terminal) -> None:
    await ask("refused", {"status": 400, "message": "No such luck"})
    await tui.until("re:┃ +No such luck", without=IDLE)


async def test_retries_are_drawn_until_they_succeed(ask: Ask, tui: Terminal) -> None:
    again = {"attempts": [{"status": 500, "message": "Tired now"}, {"text": "Awake again."}]}
    await ask("retry", again)
    await tui.until("re:Tired now \\[retrying.* attempt #1\\]")
    await tui.until("Awake again.", footer())


# --- sessions ---------------------------------------------------------------------------------------------------------


async def test_sessions_are_renamed_listed_and_switched(tui: Terminal, server: Server) -> None:
    await enter(tui, "earlier words")
    await tui.until("You said: earlier words", footer(), "Scripted title")
    await tui.keys("C-r")
    await tui.until("Rename Session", "Scripted title")
    await tui.keys("C-u")
    await enter(tui, "Ancient talk")
    await tui.until("Ancient talk", "You said: earlier words", without="Rename Session")
    assert (await newest(server))["title"] == "Ancient talk"

    await tui.keys("C-x", "n")
    await tui.until(HOME_SCREEN)
    await enter(tui, "later words")
    await tui.until("You said: later words", footer())
    await tui.keys("C-x", "l")
    await tui.until("re:Sessions +esc", "Ancient talk", "● Scripted title")
    await tui.type("Ancient")
    await tui.until("Ancient talk", without="● Scripted title")
    await tui.keys("Enter")
    await tui.until("You said: earlier words", without="re:later words|Sessions +esc")


async def test_session_is_forked(tui: Terminal, server: Server) -> None:
    await enter(tui, "common past")
    await tui.until("You said: common past", footer(), "Scripted title")
    await enter(tui, "/fork")
    await tui.until("Fork session", "● Full session")
    await tui.keys("Enter")
    await tui.until("Scripted title (fork #1)", "You said: common past")


async def choose(tui: Terminal, command: str) -> None:
    """Of the list that opens above the input; entered earlier it would be lost."""
    await tui.type(command)
    await tui.until(f"re:(?i){command} +{command[1:]}")
    await tui.keys("Enter")


@pytest.mark.parametrize("by", ["commands", "keys"])
async def test_undo_and_redo(ask: Ask, tui: Terminal, server: Server, by: str) -> None:
    made, seed = server.project / f"undone-{by}.txt", server.project / f"seed-{by}.txt"
    write = call("write", filePath=made.name, content="made\n")
    command = call("bash", command=f"echo seeded > {seed.name}", description="Seeds")
    await ask(f"undo{by}", write, command, {"text": "Written and seeded."})
    await tui.until("Written and seeded.", footer())
    assert made.exists() and seed.exists()
    await (choose(tui, "/undo") if by == "commands" else tui.keys("C-x", "u"))
    await tui.until(f"script:undo{by}", made.name, "re:1 message(s)? reverted", without="Written and seeded.")
    assert not made.exists() and not seed.exists()
    if by == "commands":
        await tui.keys("C-c")  # empties the input, which the prompt has gone back to
        await choose(tui, "/redo")
    else:
        await tui.keys("C-x", "r")
    await tui.until("Written and seeded.", footer(), without="reverted")
    assert (made.read_text(), seed.read_text()) == ("made\n", "seeded\n")
    await tui.keys("C-c")


async def test_turn_is_undone_with_its_files_and_redone(ask: Ask, tui: Terminal, server: Server) -> None:
    made = server.project / "undone.txt"
    await ask("undo", call("write", filePath=str(made), content="made by a turn\n"), {"text": "Made it."})
    await tui.until("Made it.", footer())
    await tui.keys("C-x", "u")
    await tui.until("re:1 message reverted", "undone.txt", without="Made it\\.")
    assert not made.exists()
    await tui.keys("C-x", "r")
    await tui.until("Made it.", without="re:message reverted")
    await until(made.exists, "the file is there again")
    assert made.read_text() == "made by a turn\n"


async def test_prompt_after_an_undo_takes_the_place_of_what_was(tui: Terminal, server: Server) -> None:
    await enter(tui, "words to keep")
    await tui.until("You said: words to keep", footer())
    await enter(tui, "words to regret")
    await tui.until("You said: words to regret")
    await until_idle(server)
    await tui.keys("C-x", "u")
    await tui.until("re:1 message reverted", "words to regret", without="You said: words to regret")
    await tui.type(" no more")  # the prompt is in the input again
    await tui.keys("Enter")
    await tui.until("You said: words to regret no more", "words to keep", without="re:message reverted")
    await until_idle(server)
    messages = await server.messages((await newest(server))["id"])
    texts = [
        part["text"] for m in messages if m["info"]["role"] == "user" for part in m["parts"] if part["type"] == "text"
    ]
    assert texts == ["words to keep", "words to regret no more"]


async def until_idle(server: Server) -> None:
    async def idle() -> bool:
        return await server.statuses() == {}

    await until(idle, "the turn is over")


async def test_continue_and_session_open_what_was(place_of_all: Place, server: Server) -> None:
    terminal = place_of_all.terminal
    first = await server.create(title="First of two")
    await server.prompt(first, "words of the first")
    second = await server.create(title="Second of two")
    await server.prompt(second, "words of the second")
    await place_of_all.attach("--continue")
    await terminal.until("Second of two", "You said: words of the second", footer())
    await place_of_all.attach("--session", first)
    await terminal.until("First of two", "You said: words of the first", footer())


async def test_compaction(tui: Terminal) -> None:
    await enter(tui, "much ado")
    await tui.until("You said: much ado", footer())
    await enter(tui, "/compact")
    await tui.until("─ Compaction ─", "Scripted summary", footer("Compaction"))


# --- other ways to prompt ---------------------------------------------------------------------------------------------


async def test_shell_mode(tui: Terminal) -> None:
    await tui.keys("!")
    await tui.until("esc exit shell mode")
    await enter(tui, "echo $((6*7))-shell")
    await tui.until("$ echo $((6*7))-shell", "42-shell", without="esc exit shell mode")
    await enter(tui, "and now")
    await tui.until("You said: and now", footer())


async def test_own_command(tui: Terminal) -> None:
    await enter(tui, "/greet Zoe")
    await tui.until("You said: Greet Zoe politely", footer())


async def test_a_file_is_found_and_attached(tui: Terminal, server: Server) -> None:
    (server.project / "lists").mkdir(exist_ok=True)
    (server.project / "lists" / "groceries.txt").write_text("milk\n")
    await tui.type("look at @groc")
    await tui.until("lists/groceries.txt")
    await tui.keys("Enter")
    await tui.until("look at @lists/groceries.txt")
    await tui.keys("Enter")
    await tui.until("You said: look at", footer())
    messages = await server.messages((await newest(server))["id"])
    (file,) = [part for part in messages[0]["parts"] if part["type"] == "file"]
    assert file["url"].endswith("/lists/groceries.txt")


async def test_changes_are_looked_at(tui: Terminal, server: Server) -> None:
    (server.project / "notes.txt").write_text("first line\nanother line\n")
    (server.project / "brand-new.txt").write_text("not there before\n")
    await enter(tui, "/diff")
    await tui.until("second line", "another line", "brand-new.txt", "not there before")
    await tui.keys("Escape")
    await tui.until(HOME_SCREEN)


async def test_another_branch_is_drawn(tui: Terminal, server: Server) -> None:
    _git(server.project, "checkout", "-q", "-b", "twig")
    await tui.until("/project:twig")
    _git(server.project, "checkout", "-q", "trunk")
    await tui.until("/project:trunk")


async def test_other_agent_answers_under_its_name(tui: Terminal) -> None:
    await tui.keys("Tab")
    await tui.until("Plan · Fake 1 Fake")
    await enter(tui, "what next")
    await tui.until("You said: what next", footer("Plan"))
    await tui.keys("Tab")
    await tui.until("Build · Fake 1 Fake")


async def test_other_model_answers_under_its_name(tui: Terminal) -> None:
    await choose_model(tui, "Fake 2")
    await enter(tui, "second opinion")
    await tui.until("You said: second opinion", "▣  Build · Fake 2 ·")
    await choose_model(tui, "Fake 1")


async def choose_model(tui: Terminal, name: str) -> None:
    await tui.keys("C-x", "m")
    await tui.until("re:Select model +esc", "Search")
    await tui.type(name)
    await tui.until(name, without="Search")
    await tui.keys("Enter")
    await tui.until(f"Build · {name} Fake", without="Select model")


# --- driven from outside ----------------------------------------------------------------------------------------------


async def test_other_programs_drive_it(tui: Terminal, server: Server) -> None:
    await server.ask("POST", "/tui/append-prompt", {"text": "written elsewhere"})
    await tui.until("written elsewhere")
    await server.ask("POST", "/tui/clear-prompt")
    await tui.until(HOME_SCREEN, without="written elsewhere")
    await server.ask("POST", "/tui/append-prompt", {"text": "sent elsewhere"})
    await tui.until("sent elsewhere")
    await server.ask("POST", "/tui/submit-prompt")
    await tui.until("You said: sent elsewhere", footer())
    await server.ask("POST", "/tui/execute-command", {"command": "session_new"})
    await tui.until(HOME_SCREEN, without="You said: sent elsewhere")


@pytest.mark.parametrize(
    ("path", "drawn"),
    [("open-models", "Select model"), ("open-themes", "Themes"), ("open-sessions", "Sessions"), ("open-help", "Help")],
)
async def test_other_programs_open_its_dialogs(tui: Terminal, server: Server, path: str, drawn: str) -> None:
    await server.ask("POST", f"/tui/{path}")
    await tui.until(f"re:{drawn} +esc")
    await tui.keys("Escape")
    await tui.until(HOME_SCREEN, without=f"re:{drawn} +esc")


async def test_other_programs_show_notes_and_sessions(tui: Terminal, server: Server) -> None:
    toast = {"title": "News", "message": "from elsewhere", "variant": "info", "duration": 60000}
    await server.ask("POST", "/tui/show-toast", toast)
    await tui.until("News", "from elsewhere")
    session = await server.create(title="Chosen elsewhere")
    await server.prompt(session, "what was said here")
    await server.ask("POST", "/tui/select-session", {"sessionID": session})
    await tui.until("You said: what was said here")


def test_nothing_it_asked_for_was_refused(server: Server) -> None:
    """What the log has of all the tests above."""
    log = [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]
    refused = {line["event"] for line in log if line["logger"] == "oad.gateway" and REFUSED.search(line["event"])}
    assert refused == set()


# --- what goes wrong around it ----------------------------------------------------------------------------------------


def opened_streams(server: Server) -> int:
    return server.log.read_text().count("event stream opened: /global/event")


async def test_stop_of_the_server_is_drawn_and_the_next_one_serves_on(
    ask: Ask, tui: Terminal, place_of_all: Place
) -> None:
    command = "echo $((6*7))-begun; sleep 4321"
    await ask("cut", call("bash", command=command, description="Sleeps"), {"text": "Never said."})
    await tui.until("42-begun", "esc interrupt")
    await place_of_all.server.stop()
    await tui.until("▣  Build · Fake 1 · interrupted", without=IDLE)
    await place_of_all.start()
    await enter(tui, "and now")
    await tui.until("You said: and now", footer())


async def test_after_a_crash_of_everything_escape_ends_what_seems_to_run(
    ask: Ask, tui: Terminal, place_of_all: Place
) -> None:
    await ask("crash", {"text": "I was going to", "hang": True})
    await tui.until("I was going to", "esc interrupt")
    await place_of_all.server.kill_everything()
    streams = opened_streams(place_of_all.server)
    await place_of_all.start()
    await until(lambda: opened_streams(place_of_all.server) > streams, "it is connected again", timeout_s=40)
    await interrupt(tui)
    await tui.until("I was going to", without="re:esc (again to )?interrupt")
    await ask("revived", {"text": "Alive again."})
    await tui.until("Alive again.", footer())


async def test_wrong_password_is_refused(place_of_all: Place) -> None:
    await place_of_all.attach(password="wrong")
    await place_of_all.terminal.until("401", "ended with status")
