"""The entrances for files: tools of the model and routes of the API, through which somebody reads, lists or writes.

Each is one row here, tried with every target (test_files.py).
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .cage import Cage, Call, said
from .scene import SECRET

Read = Callable[[Cage, Sequence[str], str], Awaitable[list[str]]]


class Target(NamedTuple):
    """``path`` knows the names of the scene. ``text`` is what lies there, empty for a new file. ``always``: out of
    reach under every profile. ``known``: that there is something of this name is no secret."""

    path: str
    text: str = SECRET
    always: bool = False
    known: bool = False


READING = {
    "an ssh key": Target("{H}/.ssh/id_rsa"),
    "a netrc": Target("{H}/.netrc", known=True),
    "a token of a cloud": Target("{H}/.config/gcloud/token"),
    "a symlinked dotfile": Target("{H}/.aws/credentials"),
    "where the link leads": Target("{H}/elsewhere/credentials"),
    "through a link in the workspace": Target("{W}/links/ssh/id_rsa"),
    "through a link to the file": Target("{W}/links/key", known=True),
    "through dots": Target("{W}/../home/.ssh/id_rsa"),
    "through /proc/self/root": Target("/proc/self/root{H}/.ssh/id_rsa"),
    "through /proc/1/root": Target("/proc/1/root{H}/.ssh/id_rsa", always=True),
    "another session's file": Target("{OTHER}/file"),
    "oad's data": Target("{D}/planted.key", always=True),
    "oad's data through a link": Target("{W}/links/data/planted.key", always=True),
    "oad's credential": Target("{D}/credential", always=True),
    "the host's temporary files": Target("{TMP}/file", always=True),
}
WRITING = {
    "a new file outside": Target("{OUT}/new", ""),
    "a file outside": Target("{OUT}/file", "theirs"),
    "a startup file": Target("{H}/.bashrc", "# mine"),
    "a new key": Target("{H}/.ssh/authorized_keys", ""),
    "through a link": Target("{W}/links/out/new-too", ""),
    "through a link to the file": Target("{W}/links/file", "theirs"),
    "through dots": Target("{W}/../outside/other", "theirs"),
    "through /proc/self/root": Target("/proc/self/root{OUT}/another", "theirs"),
    "another session's file": Target("{OTHER}/writable", "theirs"),
    "oad's data": Target("{D}/planted.text", "theirs", always=True),
    "a git hook": Target("{W}/.git/hooks/pre-commit", ""),
    "an existing hook": Target("{W}/.git/hooks/pre-commit.sample", "# a sample"),
    "git's configuration": Target("{W}/.git/config", "[core]"),
    "opencode's configuration": Target("{W}/opencode.json", "{}"),
    "a plugin": Target("{W}/.opencode/plugin/p.js", "// a plugin"),
}


# --- reading: what is shown of each path, under a profile -------------------------------------------------------------


async def by_read(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    calls = [Call("read", {"filePath": path}) for path in paths]
    return [said(state) for state in await cage.call(calls, profile=profile)]


async def by_grep(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    calls = [Call("grep", {"pattern": SECRET, "path": path}) for path in paths]
    return [said(state) for state in await cage.call(calls, profile=profile)]


async def by_content_route(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    async with cage.server.client() as client:
        return [(await client.get("/file/content", params={"path": path})).text for path in paths]


async def by_find_route(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    """It searches the workspace, in which all paths that are no escapes lie."""
    async with cage.server.client() as client:
        found = (await client.get("/find", params={"pattern": SECRET})).json()
    return [
        " ".join(str(each) for each in found if Path(each["path"]["text"]).name == Path(path).name) for path in paths
    ]


class Reading(NamedTuple):
    """``full``: it has the whole host under the profile "full", which is the control of its own."""

    read: Read
    full: bool = False


READERS: dict[str, Reading] = {
    "read": Reading(by_read, full=True),
    "grep": Reading(by_grep),
    "/file/content": Reading(by_content_route),
    "/find": Reading(by_find_route),
}


# --- listing: names in a directory ------------------------------------------------------------------------------------


async def by_glob(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    calls = [Call("glob", {"pattern": "*", "path": path.rpartition("/")[0]}) for path in paths]
    return [said(state) for state in await cage.call(calls, profile=profile)]


async def by_directory_read(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    return await by_read(cage, [path.rpartition("/")[0] for path in paths], profile)


async def by_list_route(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    async with cage.server.client() as client:
        return [(await client.get("/file", params={"path": path.rpartition("/")[0]})).text for path in paths]


async def by_find_file_route(cage: Cage, paths: Sequence[str], profile: str) -> list[str]:
    """It lists the workspace, of which most paths are none; a file of the workspace that has their name is no find."""
    workspace, shown = cage.scene.workspace, list[str]()
    async with cage.server.client() as client:
        for path in paths:
            names = (await client.get("/find/file", params={"query": Path(path).name, "limit": "200"})).json()
            own = Path(path).parent == workspace
            shown.append(" ".join(n for n in names if own or not (workspace / n).resolve().is_relative_to(workspace)))
    return shown


LISTERS: dict[str, Read] = {
    "glob": by_glob,
    "read": by_directory_read,
    "/file": by_list_route,
    "/find/file": by_find_file_route,
}


# --- writing ----------------------------------------------------------------------------------------------------------

Write = Callable[[Cage, Sequence[tuple[str, str]], str], Awaitable[list[str]]]


async def by_write(cage: Cage, files: Sequence[tuple[str, str]], profile: str) -> list[str]:
    calls = [Call("write", {"filePath": path, "content": "changed"}) for path, _ in files]
    return [said(state) for state in await cage.call(calls, profile=profile)]


async def by_edit(cage: Cage, files: Sequence[tuple[str, str]], profile: str) -> list[str]:
    calls = [Call("edit", {"filePath": path, "oldString": text, "newString": "changed"}) for path, text in files]
    return [said(state) for state in await cage.call(calls, profile=profile)]


async def by_patch(cage: Cage, files: Sequence[tuple[str, str]], profile: str) -> list[str]:
    patches = [f"*** Update File: {p}\n@@\n-{t}\n+changed" if t else f"*** Add File: {p}\n+changed" for p, t in files]
    return await _patch(cage, patches, profile)


async def by_removal(cage: Cage, files: Sequence[tuple[str, str]], profile: str) -> list[str]:
    return await _patch(cage, [f"*** Delete File: {path}" for path, text in files if text], profile)


async def _patch(cage: Cage, patches: Sequence[str], profile: str) -> list[str]:
    calls = [Call("apply_patch", {"patchText": f"*** Begin Patch\n{patch}\n*** End Patch"}) for patch in patches]
    return [said(state) for state in await cage.call(calls, profile=profile)]


async def by_apply_route(cage: Cage, files: Sequence[tuple[str, str]], profile: str) -> list[str]:
    """A patch of git, of paths as they are and of such as lead out of the directory."""
    answers: list[str] = []
    async with cage.server.client() as client:
        for path, text in files:
            patch = _git_patch(path.removeprefix(f"{cage.scene.workspace}/"), text)
            body = json.dumps({"patch": patch})
            answer = await client.post("/vcs/apply", content=body, headers={"content-type": "application/json"})
            answers.append(answer.text)
    return answers


def _git_patch(path: str, text: str) -> str:
    head = f"diff --git a/{path} b/{path}\n"
    if not text:
        return f"{head}new file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+changed\n"
    old = f"-{text}\n\\ No newline at end of file\n"
    return f"{head}--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n{old}+changed\n"


class Writing(NamedTuple):
    write: Write
    full: bool = True


WRITERS: dict[str, Writing] = {
    "write": Writing(by_write),
    "edit": Writing(by_edit),
    "apply_patch": Writing(by_patch),
    "apply_patch, removing": Writing(by_removal),
    "/vcs/apply": Writing(by_apply_route, full=False),
}
