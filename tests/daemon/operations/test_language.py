from pathlib import Path

import msgspec
from live import LinkWorker, Live, live_daemon

from oad.contract.session import Session
from oad.contract.wire import Call
from oad.daemon.operations.context import Request
from oad.daemon.operations.language import touch
from oad.link import Answer


async def create(live: Live, **body: object) -> Session:
    return msgspec.json.decode((await live.ask("session.create", body)).body, type=Session)


async def answer(worker: LinkWorker, call: Call, body: bytes) -> Answer:
    return Answer(msgspec.json.encode([worker.spec.name, call.params, body.decode()]))


async def test_only_for_sessions_that_may_do_as_much(tmp_path: Path) -> None:
    async with live_daemon(tmp_path) as live:
        live.spawner.operations["lsp.touch"] = answer

        async def ask(**body: object) -> object:
            session = await create(live, **body)
            request = Request("lsp.touch", {"directory": "/elsewhere"}, b"files", live.services, caller=session.id)
            return msgspec.json.decode((await touch(request)).body)

        whole = await ask()
        assert isinstance(whole, list)
        directory = whole[0]
        assert whole == [directory, {"directory": directory}, "files"]
        assert directory != "/elsewhere"
        assert await ask(sandbox={"profile": "read-only"}) == whole
        assert await ask(sandbox={"network": "off"}) == {}
        assert await ask(sandbox={"allow": ["a.example"]}) == {}
