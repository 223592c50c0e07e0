import subprocess
import sys
from pathlib import Path

from oad.workers.config.inspection import Findings, inspect
from oad.workers.config.places import Places

from .tree import Tree

WRONG = """\
{
  // ours
  "model": "p/m",
  "permission": {"bash": "maybe"},
  "agent": {
    "a": {
      "steps": "many",
    },
  },
}
"""


def look(tree: Tree, places: Places, **environ: str) -> Findings:
    found = inspect(tree.sub, {"HOME": str(tree.home), **environ}, places)
    root = f"{tree.root}/"
    return Findings([e.replace(root, "") for e in found.errors], [n.replace(root, "") for n in found.notes])


def test_nothing_is_wrong(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", {"model": "p/m"})
    assert look(tree, places) == Findings()


def test_every_file_is_looked_at_and_every_key_has_its_line(tree: Tree, places: Places) -> None:
    tree.write("home/.config/opencode/opencode.json", '{\n"model"\n1}')
    tree.write("repo/opencode.jsonc", WRONG)
    tree.write("repo/a/b/opencode.json", b"[]")
    tree.write("repo/.opencode/agent/x.md", "---\ndescription: d\nsteps: many\n---\nHello")
    found = look(tree, places, OPENCODE_CONFIG="none.json", OPENCODE_PERMISSION='{"read":\n"maybe"}').errors
    assert [error.partition(": ")[0] for error in found] == [
        "home/.config/opencode/opencode.json:3",
        "repo/a/b/none.json",
        "repo/opencode.jsonc:4",
        "repo/opencode.jsonc:7",
        "repo/a/b/opencode.json",
        "repo/.opencode/agent/x.md:3",
        "OPENCODE_PERMISSION:1",
    ]
    assert found[3] == "repo/opencode.jsonc:7: agent.a.steps: Expected number | null, got string"


def test_what_is_ignored_is_a_note(tree: Tree, places: Places) -> None:
    tree.write("repo/opencode.json", '{\n"modle": "p/m",\n"plugin": ["x"],\n"experimental": {\n"batch_tool": true}\n}')
    found = look(tree, places)
    assert found.errors == []
    assert [note.partition(": ")[0] for note in found.notes] == [f"repo/opencode.json:{line}" for line in (2, 5, 3)]


def test_as_a_program(tree: Tree) -> None:
    file = tree.write("repo/opencode.json", '{"model": 1, "theme": "x"}')
    command = [sys.executable, "-m", "oad.workers.config.inspection"]
    done = subprocess.run([*command, str(tree.sub)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, f"{file}:1: model: Expected string | null, got 1\n")
    done = subprocess.run([*command, str(Path("/nowhere"))], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "/nowhere: no such directory\n")
