"""The reference's web application in a browser, unmodified, on a real server: what it shows, and what its buttons do.

One page serves all tests: each begins with a new session.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import pytest
import trio
from playwright.sync_api import Page, Response, expect, sync_playwright

from .model import Model
from .server import Json, Server
from .web import application, browser_program, page_of, pointing_at

PATIENCE_MS = 20_000


@dataclass
class Seen:
    """What the page asked the server for and was refused, and what it said went wrong."""

    refused: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page, server: str) -> None:
        def answered(response: Response) -> None:
            if response.url.startswith(server) and response.status >= 400:
                self.refused.append(f"{response.request.method} {response.url}: {response.status}")

        page.on("response", answered)
        page.on("pageerror", lambda error: self.errors.append(str(error)))


@dataclass
class Application:
    page: Page
    seen: Seen
    home: str
    server: Server

    def begin(self) -> None:
        new = self.page.get_by_role("button", name="New session").first
        if new.is_visible():
            new.click()
        else:
            self.page.goto(self.home)
        expect(self.page).to_have_url(re.compile("/new-session"))
        expect(self.page.locator('[contenteditable="true"]')).to_be_visible()

    def prompt(self, text: str) -> None:
        self.page.locator('[contenteditable="true"]').click()
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def shows(self, text: str | re.Pattern[str]) -> None:
        expect(self.page.get_by_text(text).first).to_be_visible()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).first.click()

    def until(self, condition: Callable[[], bool]) -> None:
        """For what the page does not show."""
        end = monotonic() + PATIENCE_MS / 1000
        while not condition():
            assert monotonic() < end, "it did not come true"
            self.page.wait_for_timeout(50)

    def ask(self, method: str, path: str) -> Json:
        return trio.run(self.server.ask, method, path)


@pytest.fixture(scope="module")
def opened(shared: Server) -> Iterator[Application]:
    program = browser_program()
    place = Path(tempfile.mkdtemp(prefix="oad-web-"))
    expect.set_options(timeout=PATIENCE_MS)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        origin = stack.enter_context(application(place))
        playwright = stack.enter_context(sync_playwright())
        # Its sandbox wants a user other than root; its shared memory may be small in a container.
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        )
        stack.callback(browser.close)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(pointing_at(shared.url))
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        seen = Seen()
        seen.watch(page, shared.url)
        yield Application(page, seen, origin + page_of(shared.project), shared)


@pytest.fixture
def app(opened: Application) -> Application:
    opened.begin()
    return opened


@pytest.fixture
def ask(app: Application, model: Model) -> Callable[..., None]:
    """Sends a prompt that plays the given steps."""

    def ask(name: str, *steps: Json) -> None:
        model.register(**{name: list(steps)})
        app.prompt(f"script:{name}")

    return ask


def removal(file: str) -> Json:
    return {"tools": [{"name": "bash", "args": {"command": f"rm {file}", "description": "Removes a file"}}]}


def test_prompt_is_answered_and_the_session_named(app: Application, ask: Callable[..., None]) -> None:
    ask("web_story", {"text": "Once upon a time there was an end.", "chunks": 7})
    app.shows("Once upon a time there was an end.")
    app.shows("Scripted title")
    app.prompt("and now")
    app.shows("You said: and now")


def test_answer_is_seen_while_it_is_made_and_can_be_stopped(app: Application, ask: Callable[..., None]) -> None:
    ask("web_stuck", {"text": "I was going to", "hang": True})
    app.shows("I was going to")
    app.press("Stop")
    app.shows(re.compile("interrupted", re.IGNORECASE))
    assert app.ask("GET", "/session/status") == {}
    app.prompt("and now")
    app.shows("You said: and now")


def test_reasoning_and_tools_are_shown(app: Application, ask: Callable[..., None]) -> None:
    made = app.server.project / "made-in-web.txt"
    call = {"name": "write", "args": {"filePath": str(made), "content": "made\n"}}
    ask("web_write", {"text": "Writing.", "tools": [call]}, {"text": "Written."})
    app.shows("made-in-web.txt")
    app.shows("Written.")
    assert made.read_text() == "made\n"


def test_permission_is_granted(app: Application, ask: Callable[..., None]) -> None:
    worthless = app.server.project / "worthless-in-web"
    worthless.touch()
    ask("web_remove", removal(worthless.name), {"text": "It is gone."})
    app.shows("Permission required")
    assert worthless.exists()
    app.press("Allow once")
    app.shows("It is gone.")
    assert not worthless.exists()


def test_permission_is_denied(app: Application, ask: Callable[..., None]) -> None:
    precious = app.server.project / "precious-in-web"
    precious.touch()
    ask("web_spare", removal(precious.name), {"text": "Never said."})
    app.shows("Permission required")
    app.press("Deny")
    expect(app.page.get_by_text("Permission required")).to_have_count(0)
    assert precious.exists()
    assert app.ask("GET", "/permission") == []


def test_question_is_answered(app: Application, ask: Callable[..., None]) -> None:
    options = [{"label": "Blueish", "description": "Cold"}, {"label": "Reddish", "description": "Warm"}]
    question = {"question": "Which colour?", "header": "Colour", "options": options}
    ask("web_ask", {"tools": [{"name": "question", "args": {"questions": [question]}}]}, {"text": "So be it."})
    app.shows("Which colour?")
    app.page.get_by_text("Reddish").first.click()
    app.press("Submit")
    app.shows("So be it.")


def test_transcript_is_there_after_a_reload(app: Application, ask: Callable[..., None]) -> None:
    ask("web_lasting", {"text": "This will last."})
    app.shows("This will last.")
    app.page.reload()
    app.shows("This will last.")


def test_terminal_runs_commands(app: Application, ask: Callable[..., None]) -> None:
    ask("web_terminal", {"text": "Use the terminal."})
    app.shows("Use the terminal.")
    with app.page.expect_websocket(lambda socket: "/pty/" in socket.url):
        app.page.keyboard.press("Control+`")
    terminal = app.page.locator('[data-component="terminal"]')
    expect(terminal).to_be_visible()
    terminal.click()
    file = app.server.project / "typed-in-web"
    app.page.keyboard.type(f"echo $((6*7)) > {file.name}\n")
    app.until(lambda: file.exists() and file.read_text() == "42\n")


def test_nothing_it_asked_for_was_refused(opened: Application) -> None:
    """In all the tests above."""
    assert opened.seen.refused == []
    assert opened.seen.errors == []
