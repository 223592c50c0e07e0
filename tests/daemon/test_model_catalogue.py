import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from oad.daemon import model_catalogue
from oad.daemon.model_catalogue import ModelCatalogue

ONE = b'{"acme": {"models": {"a": {}}}}'
TWO = b'{"acme": {"models": {"b": {}}}}'


class Mirror(http.server.ThreadingHTTPServer):
    """Serves ``content`` as /models/api.json."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.asked = ONE, list[str]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/models"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Mirror)
        self.server.asked.append(self.path)
        self.send_response(200 if self.path == "/models/api.json" else 404)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_LOOK_S", "_EVERY_S", "_AGAIN_S"):
        monkeypatch.setattr(model_catalogue, name, 0.01)


async def followed(catalogue: ModelCatalogue, until: bytes) -> None:
    """Runs until it has this content."""
    reached = trio.Event()

    async def changed() -> None:
        if catalogue.content == until:
            reached.set()

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(catalogue.run, changed)
            await reached.wait()
            nursery.cancel_scope.cancel()


async def test_nothing_is_configured(tmp_path: Path) -> None:
    catalogue = ModelCatalogue({}, tmp_path)
    await catalogue.run(trio.lowlevel.checkpoint)
    assert (catalogue.version, catalogue.content) == ("", b"")


async def test_a_file_is_read_and_followed(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_bytes(ONE)
    catalogue = ModelCatalogue({"OPENCODE_MODELS_PATH": str(file), "OPENCODE_MODELS_URL": "http://unused"}, tmp_path)
    first = catalogue.version
    assert first and catalogue.content == ONE
    file.with_suffix(".new").write_bytes(TWO)
    file.with_suffix(".new").rename(file)
    await followed(catalogue, TWO)
    assert catalogue.version not in ("", first)
    file.unlink()
    await followed(catalogue, b"")
    assert catalogue.version == ""


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"acme": {}}', b'{"acme": 1}', b"\xff"])
async def test_what_is_no_catalogue_changes_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "mine.json"
    file.write_bytes(ONE)
    catalogue = ModelCatalogue({"OPENCODE_MODELS_PATH": str(file)}, tmp_path)
    file.write_bytes(content)
    assert not catalogue._look()
    assert catalogue.content == ONE


async def test_an_address_is_asked_again_and_again_and_kept(tmp_path: Path, mirror: Mirror) -> None:
    environment = {"OPENCODE_MODELS_URL": mirror.url + "/"}
    catalogue = ModelCatalogue(environment, tmp_path)
    assert catalogue.version == ""
    await followed(catalogue, ONE)
    mirror.content = TWO
    await followed(catalogue, TWO)
    assert set(mirror.asked) == {"/models/api.json"}
    assert ModelCatalogue(environment, tmp_path).content == TWO


async def test_a_failure_leaves_what_was_there(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "models.json").write_bytes(ONE)
    mirror.content = b"<html>"
    catalogue = ModelCatalogue({"OPENCODE_MODELS_URL": mirror.url}, tmp_path)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(catalogue.run, trio.lowlevel.checkpoint)
            while len(mirror.asked) < 3:  # noqa: ASYNC110  it happens in a thread
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    assert catalogue.content == ONE


async def test_with_fetching_off_nobody_is_asked(tmp_path: Path, mirror: Mirror) -> None:
    (tmp_path / "models.json").write_bytes(ONE)
    environment = {"OPENCODE_MODELS_URL": mirror.url, "OPENCODE_DISABLE_MODELS_FETCH": "1"}
    catalogue = ModelCatalogue(environment, tmp_path)
    with trio.move_on_after(0.2):
        await catalogue.run(trio.lowlevel.checkpoint)
    assert (catalogue.content, mirror.asked) == (ONE, [])


@pytest.mark.parametrize("url", ["http://mirror.test", "file:///etc", "nonsense"])
def test_only_addresses_that_can_be_trusted(tmp_path: Path, url: str) -> None:
    with pytest.raises(model_catalogue.Unusable, match="https"):
        ModelCatalogue({"OPENCODE_MODELS_URL": url}, tmp_path)._fetch()
