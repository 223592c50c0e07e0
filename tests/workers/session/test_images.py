"""Pictures in prompts and in results of tools, through a session's worker."""

import base64
from pathlib import Path
from typing import Any

import msgspec
import pytest

from oad.contract.errors import ApiError
from oad.workers.config.settings import ImageSection
from oad.workers.session import images
from oad.workers.tools.attachment import attach
from oad.workers.tools.read import ReadTool
from oad.workers.tools.tool import ToolContext, ToolResult

from ..images.pictures import picture, shown
from .conftest import MakeWorld
from .fakes import World, call, finish, text, tool_parts

BROKEN = "data:image/png;base64," + base64.b64encode(b"no picture").decode()


def url_of(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


def size_of(url: str) -> tuple[int, int]:
    return shown(base64.b64decode(url.partition(";base64,")[2])).size


async def sent(world: World, url: str, mime: str = "image/png") -> Any:
    file = {"type": "file", "mime": mime, "filename": "f", "url": url}
    return (await world.do("prompt", {"parts": [file], "noReply": True}))["parts"][-1]


class NoArgs(msgspec.Struct):
    pass


class Camera:
    name = "camera"
    description = ""
    args = NoArgs

    def __init__(self, *pictures: bytes) -> None:
        self._pictures = pictures

    async def run(self, args: NoArgs, context: ToolContext) -> ToolResult:
        parts = [attach(context, "image/png", data, f"{number}.png") for number, data in enumerate(self._pictures)]
        return ToolResult("", "taken", {}, parts)


async def test_a_picture_that_fits_is_stored_as_it_came(make_world: MakeWorld) -> None:
    world: World = await make_world()
    url = url_of(picture(30, 20))
    part = await sent(world, url)
    assert (part["url"], part["mime"]) == (url, "image/png")


async def test_a_large_one_is_made_smaller(make_world: MakeWorld) -> None:
    world: World = await make_world()
    part = await sent(world, url_of(picture(3000, 300)))
    assert size_of(part["url"]) == (2000, 200)


async def test_by_the_limits_of_the_configuration(make_world: MakeWorld) -> None:
    world: World = await make_world()
    world.scene.services["images"] = ImageSection(max_width=50)
    assert size_of((await sent(world, url_of(picture(100, 100))))["url"]) == (50, 50)
    world.scene.services["images"] = ImageSection(max_width=50, auto_resize=False)
    with pytest.raises(ApiError, match="f can't be sent to a model: 100x100 pixels") as caught:
        await sent(world, url_of(picture(100, 100)))
    assert caught.value.status == 400


async def test_one_from_the_disk(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(picture(3000, 30))
    world: World = await make_world()
    part = await sent(world, (tmp_path / "p.png").as_uri())
    assert size_of(part["url"]) == (2000, 20)


async def test_the_type_is_what_it_truly_is(make_world: MakeWorld) -> None:
    world: World = await make_world()
    part = await sent(world, url_of(picture(30, 20, "JPEG"), "image/png"))
    assert part["mime"] == "image/jpeg"
    assert part["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("url", [BROKEN, "data:image/png;base64,A", url_of(b"<svg/>", "image/svg+xml")])
async def test_what_no_model_can_be_given_is_refused(make_world: MakeWorld, url: str) -> None:
    world: World = await make_world()
    with pytest.raises(ApiError, match="can't be sent to a model"):
        await sent(world, url, url[5:].partition(";")[0])
    assert not world.link.parts
    assert not world.worker.busy


async def test_what_is_no_picture_or_elsewhere_is_left_alone(make_world: MakeWorld) -> None:
    world: World = await make_world()
    for url, mime in (
        ("https://example.org/a.png", "image/png"),
        (url_of(b"%PDF-", "application/pdf"), "application/pdf"),
    ):
        assert (await sent(world, url, mime))["url"] == url


async def test_pictures_of_a_tool(make_world: MakeWorld) -> None:
    camera = Camera(picture(30, 30), b"broken", picture(3000, 30))
    world: World = await make_world(
        [*call("camera", {}), *finish("tool-calls")], [*text("seen"), *finish()], tools=[camera]
    )
    await world.prompt()
    (part,) = tool_parts(world)
    assert [size_of(each["url"]) for each in part["state"]["attachments"]] == [(30, 30), (2000, 20)]
    assert part["state"]["output"].startswith("taken\n\n[An image was left out: 1.png: it is none of PNG")


async def test_the_memory_is_given_back(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(images, "give_back", lambda: given.append("back"))
    world: World = await make_world()
    await sent(world, url_of(picture(30, 20)))
    assert not given
    await sent(world, url_of(picture(300, 300, noise=True)))
    assert given == ["back"]


async def test_one_that_is_read(make_world: MakeWorld, tmp_path: Path) -> None:
    (tmp_path / "p.png").write_bytes(picture(3000, 30))
    read = call("read", {"filePath": str(tmp_path / "p.png")})
    world: World = await make_world([*read, *finish("tool-calls")], [*text("seen"), *finish()], tools=[ReadTool()])
    await world.prompt()
    (part,) = tool_parts(world)
    assert [size_of(each["url"]) for each in part["state"]["attachments"]] == [(2000, 20)]
