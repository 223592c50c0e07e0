"""Files that come with a prompt."""

import base64
from pathlib import Path
from typing import Any

import pytest

from oad.contract.errors import ApiError
from oad.workers.session.files import read_input, scheme_of
from oad.workers.tools.read import ReadTool

from ..images.pictures import picture
from .conftest import MakeWorld
from .fakes import World


async def parts_of(world: World, url: str, mime: str = "text/plain") -> list[Any]:
    file = {"type": "file", "mime": mime, "filename": "f", "url": url}
    answer = await world.do("prompt", {"parts": [file, {"type": "text", "text": "about"}], "noReply": True})
    parts: list[Any] = answer["parts"]
    return parts


async def test_text_of_a_file(make_world: MakeWorld, tmp_path: Path) -> None:
    file = tmp_path / "a b.txt"
    file.write_text("alpha\nbeta\ngamma\n")
    world: World = await make_world(tools=[ReadTool()])
    called, content, part, about = await parts_of(world, file.as_uri() + "?start=2&end=3")
    assert called["text"] == (
        f'Called the Read tool with the following input: {{"filePath":"{file}","offset":2,"limit":2}}'
    )
    assert called["synthetic"] and content["synthetic"]
    assert "2: beta\n3: gamma" in content["text"] and "alpha" not in content["text"]
    assert (part["type"], part["url"]) == ("file", file.as_uri() + "?start=2&end=3")
    assert about["text"] == "about"


async def test_a_directory(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x").write_text("")
    world: World = await make_world(tools=[ReadTool()])
    _, content, part, _ = await parts_of(world, (tmp_path / "sub").as_uri(), "application/x-directory")
    assert "<type>directory</type>" in content["text"]
    assert part["mime"] == "application/x-directory"


async def test_a_missing_file_is_told(make_world: MakeWorld, tmp_path: Path) -> None:
    world: World = await make_world(tools=[ReadTool()])
    called, failed, about = await parts_of(world, (tmp_path / "no").as_uri())
    assert failed["text"].startswith(f"Read tool failed to read {tmp_path / 'no'}")
    assert world.link.types()[0] == "error"
    assert world.link.events[0][1]["error"]["data"]["message"].startswith("File not found:")
    assert called["synthetic"] and about["text"] == "about"


async def test_a_picture_becomes_a_data_url(make_world: MakeWorld, tmp_path: Path) -> None:
    data = picture(4, 4)
    (tmp_path / "p.png").write_bytes(data)
    world: World = await make_world()
    _, part, _ = await parts_of(world, (tmp_path / "p.png").as_uri(), "image/png")
    assert part["url"] == f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def test_text_of_a_data_url(make_world: MakeWorld) -> None:
    world: World = await make_world()
    called, content, part, _ = await parts_of(world, "data:text/plain;base64,ZGF0YSB0ZXh0IGJvZHk=")
    assert called["text"] == 'Called the Read tool with the following input: {"filePath":"f"}'
    assert content["text"] == "data text body"
    assert part["type"] == "file"


async def test_other_urls_stay_as_they_are(make_world: MakeWorld) -> None:
    world: World = await make_world()
    part, _ = await parts_of(world, "http://127.0.0.1:1/x")
    assert part["url"] == "http://127.0.0.1:1/x"


@pytest.mark.parametrize("url", ["not a url", "", "file:///a%00b", "http://[bad", "data:nothing"])
async def test_what_is_no_url_is_refused(make_world: MakeWorld, url: str) -> None:
    world: World = await make_world()
    with pytest.raises(ApiError) as error:
        await parts_of(world, url)
    assert error.value.status == 400
    assert world.link.events == []
    assert not world.worker.busy


def test_lines() -> None:
    assert read_input("file:///a?start=0&end=4") == {"filePath": "/a", "offset": 1, "limit": 4}
    assert read_input("file:///a?start=3") == {"filePath": "/a", "offset": 3}
    assert read_input("file:///a?start=5&end=2") == {"filePath": "/a", "offset": 5}
    assert read_input("file:///a?start=x&end=-1") == {"filePath": "/a"}


def test_schemes() -> None:
    assert scheme_of("file:///x") == "file"
