"""Terminals over real websockets: framing, replay, several viewers, job control, sizes, and the end."""

import contextlib

import psutil
import pytest
import trio

from .pty_client import PtyClient, Refused, connected, create, exit_of, run
from .server import Json, Server, until

PLAIN = {"PS1": "$ ", "ENV": ""}
FLOOD = 100 * 1024 * 1024


@pytest.fixture
async def shell(shared: Server) -> str:
    return await create(shared, "/bin/sh", env=PLAIN)


async def size(client: PtyClient, wanted: str) -> None:
    await client.type("stty size\n")
    await client.sees(f"{wanted}\r\n")  # behind the prompt, when the shell was slower than we


# --- what is shown ---------------------------------------------------------------------------------------------------


async def test_a_fresh_terminal_says_its_cursor_and_then_speaks(shared: Server, shell: str) -> None:
    async with connected(shared, shell) as client:
        await client.type("echo one-$((1+1))\n")
        await client.sees("one-2\r\n")
        await client.type(b"echo bin-$((2+2))\n")
        await client.sees("bin-4\r\n")
        assert len(client.cursors) == 1


async def test_what_was_is_shown_to_later_viewers_from_their_cursor_on(shared: Server) -> None:
    cat, whole = await create(shared, "/bin/cat"), "héé\r\nhéé\r\n"
    async with connected(shared, cat) as first:
        await first.type("héé\n")
        await first.sees(whole)
        for cursor, replay in (("", whole), ("abc", whole), ("7", whole[7:]), ("-1", ""), ("999999", "")):
            async with connected(shared, cat, cursor=cursor) as later:
                await until(lambda client=later: bool(client.cursors), "the cursor comes")
                assert later.text == replay
                assert later.frames[-1] == len(whole)


async def test_all_viewers_see_the_same_and_may_type(shared: Server, shell: str) -> None:
    async with connected(shared, shell) as one, connected(shared, shell) as two:
        await one.type("echo from-$((0+1))\n")
        await two.sees("from-1")
        await two.type("echo from-$((1+1))\n")
        await one.sees("from-2")
        await two.close()
        await two.ended()
        await one.type("echo still-$((1+1))\n")
        await one.sees("still-2")


async def test_a_long_past_is_cut_and_comes_in_pieces(shared: Server) -> None:
    pty = await create(shared, "/bin/sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' z; echo; exec sleep 60")
    async with connected(shared, pty) as early:
        await until(lambda: len(early.text) == 3_000_002, "all is written")
    async with connected(shared, pty) as late:
        await until(lambda: bool(late.cursors), "the replay is complete")
        lengths = [len(frame) for frame in late.frames if isinstance(frame, str)]
        assert (sum(lengths), max(lengths), late.cursors) == (2_097_152, 65_536, [3_000_002])


# --- what it is ------------------------------------------------------------------------------------------------------


async def test_it_has_a_size_from_the_start_and_another_when_told(shared: Server) -> None:
    pty = await create(shared, "/bin/sh", env=PLAIN, size={"rows": 10, "cols": 20})
    async with connected(shared, pty) as client:
        await size(client, "10 20")
        await client.type("trap 'echo changed-$((1+1))' WINCH\n")
        await shared.ask("PATCH", f"/pty/{pty}", {"size": {"rows": 9, "cols": 8}})
        await shared.ask("PUT", f"/pty/{pty}", {"size": {"rows": 33, "cols": 77}})
        await size(client, "33 77")
        await client.sees("changed-2")


@pytest.mark.parametrize("wanted", [{"rows": 0, "cols": 0}, {"rows": -1, "cols": 5}, {"rows": 70_000, "cols": 5}])
async def test_impossible_sizes_change_nothing(wanted: Json, shared: Server, shell: str) -> None:
    await shared.ask("PUT", f"/pty/{shell}", {"size": wanted}, status=400)
    async with connected(shared, shell) as client:
        await size(client, "24 80")


async def test_signals_and_job_control(shared: Server) -> None:
    pty = await create(shared, "/bin/bash", "--norc", "--noprofile", env=PLAIN)
    async with connected(shared, pty) as client:
        await client.sees("$ ")
        await client.type("sleep 600\n")
        await client.sees("sleep 600\r\n")
        await client.type("\x03")
        await client.sees("^C")
        await client.type("echo interrupted-$((100+$?))\n")
        await client.sees("interrupted-230")
        await client.type("sleep 601\n")
        await client.sees("sleep 601\r\n")
        await client.type("\x1a")
        await client.sees("Stopped")
        await client.type("bg; jobs; kill %1; wait; echo back-$((1+1))\n")
        await client.sees("back-2")
        assert "no job control" not in client.text


async def test_ctrl_c_is_for_the_program_alone(shared: Server) -> None:
    script = "trap 'echo caught-$((1+1))' INT; echo ready; while :; do read -r x && echo \"<$x>\"; done"
    pty = await create(shared, "/bin/bash", "-c", script)
    async with connected(shared, pty) as client:
        await client.sees("ready")
        await client.type("\x03")
        await client.sees("caught-2")
        await client.type("on\n")
        await client.sees("<on>")


async def test_its_name_and_environment(shared: Server) -> None:
    script = 'tty; tty </dev/tty; echo "$TERM/$FOO/$OPENCODE_TERMINAL/${PAGER-none}"; echo mine > /dev/tty'
    async with shared.events() as events:
        pty = await create(shared, "/bin/bash", "-c", f"read -r _; {script}", env={"FOO": "bar", "TERM": "dumb"})
        async with connected(shared, pty) as client:
            await client.type("\n")
            assert await exit_of(events, pty) == 0
            await client.ended()
    lines = client.text.split("\r\n")[1:]
    assert lines == ["/dev/console", "/dev/tty", "xterm-256color/bar/1/none", "mine", ""]


# --- its end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("kill -SEGV $$", 139)])
async def test_the_exit_is_told_and_closes_its_viewers(script: str, code: int, shared: Server) -> None:
    async with shared.events() as events:
        pty = await create(shared, "/bin/bash", "-c", f"read -r _; echo last words; {script}")
        async with connected(shared, pty) as one, connected(shared, pty) as two:
            await one.type("\n")
            assert await exit_of(events, pty) == code
            assert [await one.ended(), await two.ended()] == [1000, 1000]
            assert "last words\r\n" in two.text
        await shared.ask("GET", f"/pty/{pty}", status=404)
        await shared.ask("PUT", f"/pty/{pty}", {"size": {"rows": 5, "cols": 5}}, status=404)
        assert pty not in [each["id"] for each in await shared.ask("GET", "/pty")]
        with pytest.raises(Refused) as refused:
            async with connected(shared, pty):
                pass
        assert refused.value.status == 404


async def test_a_program_that_ends_at_once_is_told_of_in_order(shared: Server) -> None:
    async with shared.events() as events:
        pty = await create(shared, "/bin/true")
        assert await exit_of(events, pty) == 0
        told = [event["type"] for event in events.seen if pty in str(event["properties"])]
        assert told == ["pty.created", "pty.exited"]
        assert pty not in [each["id"] for each in await shared.ask("GET", "/pty")]


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"command": "/does/not/exist"}, "/does/not/exist"),
        ({"command": "no-such-program-anywhere"}, "no-such-program-anywhere"),
        ({"command": "/etc/shells"}, "Permission denied"),
        ({"command": "/bin/cat", "cwd": "/does/not/exist"}, "/does/not/exist"),
        ({"command": "/bin/cat", "env": {"A=B": "x"}}, "variable"),
    ],
)
async def test_what_can_not_be_started_leaves_nothing(wanted: Json, reason: str, shared: Server) -> None:
    before = await shared.ask("GET", "/pty")
    refusal = await shared.ask("POST", "/pty", wanted, status=400)
    assert reason in refusal["data"]["message"]
    assert await shared.ask("GET", "/pty") == before
    await until(lambda: len(shared.named("oad-session pty_", "init")) == len(before), "no process is left of it")


async def test_what_is_restricted_is_not_run(shared: Server) -> None:
    for wanted in ({"command": "sudo", "args": ["id"]}, {"command": "/bin/bash", "args": ["-c", "sudo id"]}):
        refusal = await shared.ask("POST", "/pty", wanted, status=403)
        assert "restricted" in refusal["data"]["message"]


# --- a flood ---------------------------------------------------------------------------------------------------------


async def test_a_flood_neither_stalls_the_service_nor_makes_it_grow(shared: Server) -> None:
    (shared.project / "flood").write_bytes(b"0123456789abcdef" * (FLOOD // 16))
    script = "read -r _; cat flood; echo; echo done-$((1+1)); read -r _"
    pty = await create(shared, "/bin/sh", "-c", script)
    before = memory(shared)
    slowest = 0.0
    async with connected(shared, pty) as reader, connected(shared, pty) as stalled:
        stalled.reading = trio.Event()
        await reader.type("\n")
        while "done-2" not in reader.text:
            reader.frames = [frame for frame in reader.frames[-3:] if isinstance(frame, str)]
            asked = trio.current_time()
            await shared.ask("GET", "/global/health")
            slowest = max(slowest, trio.current_time() - asked)
        grown = {pid: round(now - before[pid]) for pid, now in memory(shared).items() if pid in before}
        assert all(megabytes < 24 for megabytes in grown.values()), grown
        assert slowest < 1.5
        stalled.reading.set()
        await stalled.sees("done-2")
        assert len(stalled.text) < FLOOD / 5, "it has skipped what it did not take"
        assert len(stalled.cursors) > 1, "and was told so"
    (shared.project / "flood").unlink()
    await shared.ask("DELETE", f"/pty/{pty}")


def memory(server: Server) -> dict[int, float]:
    """Megabytes of each process of ours."""
    found: dict[int, float] = {}
    for process in server.named("oad-"):
        with contextlib.suppress(psutil.NoSuchProcess):
            found[process.pid] = process.memory_info().rss / 1e6
    return found


async def test_nobody_looks_and_the_program_goes_on(shared: Server) -> None:
    async with shared.events() as events:
        script = "head -c 20000000 /dev/zero | tr '\\0' z; echo; exit 5"
        pty = await create(shared, "/bin/sh", "-c", script)
        assert await exit_of(events, pty) == 5


async def test_run_gives_output_and_exit(shared: Server) -> None:
    assert await run(shared, "echo bye; exit 7") == (7, "bye\r\n")
