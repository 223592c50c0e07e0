import pytest

from oad.workers.tools import file_write
from oad.workers.tools.apply_patch import ApplyPatchArgs, ApplyPatchTool
from oad.workers.tools.tool import Rejected, ToolFailed

from .conftest import Recorder

PATCH = """*** Begin Patch
*** Add File: deep/new.txt
+new
*** Update File: src/a.txt
@@
 alpha
-beta
+BETA
*** Update File: run.sh
*** Move to: bin/run.sh
-old
+new
*** Delete File: gone.txt
*** End Patch"""
tool = ApplyPatchTool()


def prepare(recorder: Recorder) -> None:
    project = recorder.root / "proj"
    (project / "run.sh").write_text("old\n")
    (project / "run.sh").chmod(0o755)
    (project / "gone.txt").write_text("bye\n")


def state(recorder: Recorder) -> dict[str, str]:
    project = recorder.root / "proj"
    return {str(path.relative_to(project)): path.read_text() for path in project.rglob("*") if path.is_file()}


async def test_all_kinds_at_once(recorder: Recorder) -> None:
    prepare(recorder)
    result = await tool.run(ApplyPatchArgs(patch_text=PATCH), recorder.context())
    assert state(recorder) == {
        "deep/new.txt": "new\n",
        "src/a.txt": "alpha\nBETA\ngamma\n",
        "bin/run.sh": "new\n",
    }
    assert (recorder.root / "proj/bin/run.sh").stat().st_mode & 0o777 == 0o755
    assert result.output.endswith("files:\nA deep/new.txt\nM src/a.txt\nM bin/run.sh\nD gone.txt")
    files = result.metadata["files"]
    assert [(each["type"], each["relativePath"], each["additions"], each["deletions"]) for each in files] == [
        ("add", "deep/new.txt", 1, 0),
        ("update", "src/a.txt", 1, 1),
        ("move", "bin/run.sh", 1, 1),
        ("delete", "gone.txt", 0, 1),
    ]
    assert files[2]["movePath"] == f"{recorder.root}/proj/bin/run.sh"
    ((permission, patterns, always, metadata),) = recorder.asked
    assert (permission, always) == ("edit", ["*"])
    assert patterns == ["deep/new.txt", "src/a.txt", "run.sh", "bin/run.sh", "gone.txt"]
    assert metadata["diff"] == result.metadata["diff"]
    edited = [properties["file"] for type, properties in recorder.events if type == "file.edited"]
    assert len(edited) == 5


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ("*** Update File: src/a.txt\n-absent\n+x", "not found"),
        ("*** Update File: missing\n-a\n+x", "File not found"),
        ("*** Delete File: missing", "File not found"),
        ("*** Add File: src/a.txt\n+x", "exists already"),
        ("*** Update File: gone.txt\n*** Move to: src/a.txt", "exists already"),
        ("*** Delete File: src/a.txt\n*** Update File: ./src/a.txt\n-beta", "more than once"),
    ],
)
async def test_one_bad_change_stops_all(recorder: Recorder, patch: str, message: str) -> None:
    prepare(recorder)
    before = state(recorder)
    text = f"*** Begin Patch\n*** Add File: new.txt\n+x\n{patch}\n*** End Patch"
    with pytest.raises(ToolFailed, match=message):
        await tool.run(ApplyPatchArgs(patch_text=text), recorder.context())
    assert state(recorder) == before


async def test_a_refusal_changes_nothing(recorder: Recorder) -> None:
    def refuse(permission: str) -> None:
        raise Rejected("no", ends_turn=True)

    prepare(recorder)
    before = state(recorder)
    recorder.on_ask = refuse
    with pytest.raises(Rejected):
        await tool.run(ApplyPatchArgs(patch_text=PATCH), recorder.context())
    assert state(recorder) == before


async def test_a_failing_write_is_undone(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*args: object, **options: object) -> None:
        raise ToolFailed("disk full.")

    prepare(recorder)
    before = state(recorder)
    real = file_write.remove_file

    async def remove(context: object, path: object, **options: object) -> None:
        if str(path).endswith("gone.txt"):
            await fail()
        await real(context, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(file_write, "remove_file", remove)
    with pytest.raises(ToolFailed, match=r"disk full\. Nothing was changed"):
        await tool.run(ApplyPatchArgs(patch_text=PATCH), recorder.context())
    assert state(recorder) == before
    assert recorder.events == []
