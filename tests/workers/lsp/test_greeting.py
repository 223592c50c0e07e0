from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.workers.lsp.choice import Chosen
from oad.workers.lsp.greeting import Greeting
from oad.workers.lsp.table import TABLE, Server


def greeting(root: Path, server: Server, program: str = "x") -> Greeting:
    return Greeting(Chosen(server, program, str(root)))


def known(id: str) -> Server:
    return next(each for each in TABLE if each.id == id)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def test_pyright_is_told_of_the_projects_interpreter(tmp_path: Path) -> None:
    assert greeting(tmp_path, known("pyright")).initialize()["initializationOptions"] == {}
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("")
    told = greeting(tmp_path, known("pyright"))
    assert told.initialize()["initializationOptions"] == {"pythonPath": str(python)}
    items = {"items": [{"section": "python"}, {"section": "python.analysis"}, {"scopeUri": "file:///"}]}
    settings = {"python": {"pythonPath": str(python)}}
    assert told.answer("workspace/configuration", raw(items)) == [settings["python"], None, settings]
    assert told.after()[1] == ("workspace/didChangeConfiguration", {"settings": settings})


def test_what_is_configured_stays(tmp_path: Path) -> None:
    (tmp_path / "node_modules/typescript/lib").mkdir(parents=True)
    (tmp_path / "node_modules/typescript/lib/tsserver.js").write_text("")
    server = known("typescript")
    options = greeting(tmp_path, server).initialize()["initializationOptions"]
    assert options["tsserver"]["path"].startswith(str(tmp_path))
    own = msgspec.structs.replace(server, initialization={"tsserver": {"path": "/mine", "logVerbosity": "off"}})
    assert greeting(tmp_path, own).initialize()["initializationOptions"] == own.initialization
    odd = msgspec.structs.replace(server, initialization={"tsserver": 1})
    assert greeting(tmp_path, odd).initialize()["initializationOptions"] == {"tsserver": 1}


def test_typescript_beside_its_server(tmp_path: Path) -> None:
    library = tmp_path / "modules/typescript/lib/tsserver.js"
    program = tmp_path / "modules/typescript-language-server/lib/cli.mjs"
    for file in (library, program):
        file.parent.mkdir(parents=True)
        file.write_text("")
    (tmp_path / "link").symlink_to(program)
    told = greeting(tmp_path, known("typescript"), str(tmp_path / "link"))
    assert told.initialize()["initializationOptions"] == {"tsserver": {"path": str(library)}}


def test_answers(tmp_path: Path) -> None:
    told = greeting(tmp_path, Server("x", ("x",), (".x",)))
    assert told.answer("client/registerCapability", raw({})) is None
    assert told.answer("workspace/applyEdit", raw({}))["applied"] is False
    (folder,) = told.answer("workspace/workspaceFolders", raw(None))
    assert folder == {"name": tmp_path.name, "uri": tmp_path.as_uri()}
    assert [method for method, _ in told.after()] == ["initialized"]
    with pytest.raises(KeyError):
        told.answer("window/showDocument", raw({}))
    with pytest.raises(msgspec.ValidationError):
        told.answer("workspace/configuration", raw({"items": 1}))
