"""Background jobs: what a command leaves running gets a handle, and an end."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from .marks import alive
from .server import Json, Server, until
from .test_audit import lines

# How something may be left running, and whether it still holds the call's output.
HOLDERS = {
    "silent": "sleep {mark} &",
    "chatty": "(while :; do echo noise; sleep 0.05; done & exec sleep {mark}) &",
    "setsid": "setsid sleep {mark} &",
    "daemon": "(setsid sleep {mark} </dev/null >/dev/null 2>&1 &);",
    "double fork": "(setsid env -i sh -c '(exec setsid sleep {mark}) & exit' &);",
}


async def leave(server: Server, session: str, command: str) -> Json:
    """Runs a command that leaves something; its tool part, when the call has ended."""
    await server.prompt(session, f"run {command}")
    parts = [part for message in await server.messages(session) for part in message["parts"]]
    return [part for part in parts if part["type"] == "tool"][-1]


async def recorded(server: Server, session: str) -> list[str]:
    """What the audit log says of a session's jobs."""
    return [
        line["action"] for line in lines(server) if line["session"] == session and line["action"].startswith("job.")
    ]


async def jobs(server: Server, session: str) -> list[Json]:
    found: list[Json] = await server.ask("GET", f"/session/{session}/job")
    return found


async def leave_one(server: Server, session: str, mark: str) -> str:
    await leave(server, session, f"sleep {mark} & echo begun")
    (job,) = await jobs(server, session)
    assert len(alive(mark)) == 1
    return str(job["id"])


async def output_until(server: Server, session: str, job: str, text: str) -> Json:
    """The answer that first holds the text, read from the beginning."""
    answers: list[Json] = []

    async def seen() -> bool:
        answers.append(await server.ask("GET", f"/session/{session}/job/{job}/output"))
        return text in answers[-1]["output"]

    await until(seen, f"{text!r} is read")
    return answers[-1]


@pytest.mark.parametrize("name", HOLDERS)
async def test_the_call_returns_and_what_is_left_has_a_handle(server: Server, name: str) -> None:
    session, mark = await server.create(title="left"), f"8511{sum(name.encode()) % 1000:04d}"
    began = time.monotonic()
    part = await leave(server, session, f"echo begun; {HOLDERS[name].format(mark=mark)} exit 3")
    took = time.monotonic() - began
    assert took < 3, took  # a worker and a turn included
    state = part["state"]
    assert state["time"]["end"] - state["time"]["start"] < 1000
    assert (state["status"], state["metadata"]["exit"]) == ("completed", 3)
    assert state["output"].startswith("begun")
    (job,) = await jobs(server, session)
    assert job["id"] in state["output"]
    assert job["id"] == state["metadata"]["job"]
    assert job["callID"] == part["callID"]
    assert "echo begun" in job["command"]
    assert (job["kept"], job["ttl_s"]) == (False, None)
    assert job["age_s"] > 0
    assert job["memory_bytes"] > 0
    receipt = await server.ask("DELETE", f"/session/{session}/job/{job['id']}")
    assert (receipt["jobID"], receipt["survivors"]) == (job["id"], 0)
    assert alive(mark) == []
    assert await jobs(server, session) == []
    await server.ask("DELETE", f"/session/{session}/job/{job['id']}", status=404)
    assert await recorded(server, session) == ["job.started", "job.ended"]


async def test_what_a_deaf_job_does_with_term(server: Server) -> None:
    session, mark = await server.create(title="deaf"), "85120001"
    await leave(server, session, f"setsid sh -c \"trap '' TERM; sleep {mark}; sleep {mark}\" & sleep 0.1")
    (job,) = await jobs(server, session)
    receipt = await server.ask("DELETE", f"/session/{session}/job/{job['id']}")
    assert [sent["signal"] for sent in receipt["signals"]] == ["SIGTERM", "SIGKILL"]
    assert receipt["killed"] >= 1
    assert alive(mark) == []


async def test_output_of_later_is_read(server: Server) -> None:
    session = await server.create(title="output")
    part = await leave(server, session, "(sleep 0.4; echo später; exec sleep 85130001) & echo now")
    (job,) = await jobs(server, session)
    answer = await output_until(server, session, job["id"], "später")
    assert (answer["offset"], answer["running"]) == (0, True)
    rest = await server.ask("GET", f"/session/{session}/job/{job['id']}/output?offset={answer['next']}")
    assert rest["output"] == ""
    path = part["state"]["output"].partition("kept in ")[2].partition(". ")[0]
    assert await trio.Path(path).read_text() == "später\n"
    await server.ask("DELETE", f"/session/{session}/job/{job['id']}")
    ended = await server.ask("GET", f"/session/{session}/job/{job['id']}/output")
    assert (ended["output"], ended["running"]) == ("später\n", False)


async def test_a_flood_is_taken_and_bounded(server: Server) -> None:
    session = await server.create(title="flood")
    await leave(server, session, "(sleep 0.2; head -c 5000000 /dev/zero | tr '\\0' x; echo END; exec sleep 85140001) &")
    (job,) = await jobs(server, session)
    at = f"/session/{session}/job/{job['id']}/output"

    async def reached() -> bool:
        answer = await server.ask("GET", at + "?offset=5000000")
        return "END" in answer["output"]

    await until(reached, "it has written everything")
    first = await server.ask("GET", at)
    assert first["offset"] > 3_900_000
    assert sum(file.stat().st_size for file in (server.data / "scratch").rglob("job_*")) <= 1024 * 1024
    await server.ask("DELETE", f"/session/{session}/job/{job['id']}")


async def test_its_ports_are_listed(server: Server) -> None:
    session = await server.create(title="ports")
    await leave(server, session, "python3 -m http.server --bind 127.0.0.1 0 >/dev/null 2>&1 &")

    async def listens() -> bool:
        (job,) = await jobs(server, session)
        return bool(job["ports"])

    await until(listens, "its port is listed")
    (job,) = await jobs(server, session)
    assert [(port["protocol"], port["address"]) for port in job["ports"]] == [("tcp", "127.0.0.1")]
    assert job["cpu_s"] > 0
    await server.ask("DELETE", f"/session/{session}/job/{job['id']}")


async def test_an_abort_ends_it_unless_it_is_kept(server: Server) -> None:
    session = await server.create(title="abort")
    await leave_one(server, session, "85150001")
    async with server.events() as events:
        assert await server.ask("POST", f"/session/{session}/abort") is True
        assert alive("85150001") == []
        ended = await events.until(lambda event: event["type"] == "job.ended")
        assert ended["properties"]["reason"] == "aborted"
    job = await leave_one(server, session, "85150002")
    assert await server.ask("POST", f"/session/{session}/abort?keep=true") is True
    assert len(alive("85150002")) == 1
    kept = await server.ask("POST", f"/session/{session}/job/{job}/keep", {"ttl_s": 600})
    assert kept["kept"] is True
    assert 590 < kept["ttl_s"] <= 600
    for query in ("", "?mode=soft", "?mode=term"):
        await server.ask("POST", f"/session/{session}/abort{query}")
        assert len(alive("85150002")) == 1, query
    await server.ask("POST", f"/session/{session}/abort?mode=kill")
    assert alive("85150002") == []
    assert await jobs(server, session) == []


async def test_a_kept_job_outlives_the_abort_of_a_running_turn(server: Server) -> None:
    session = await server.create(title="both")
    job = await leave_one(server, session, "85160001")
    await server.ask("POST", f"/session/{session}/job/{job}/keep", {"ttl_s": 600})
    await server.prompt_async(session, "run sleep 85160002")
    await until(lambda: bool(alive("85160002")), "the command runs")
    await server.ask("POST", f"/session/{session}/abort")
    assert (len(alive("85160001")), alive("85160002")) == (1, [])
    await server.ask("DELETE", f"/session/{session}")
    assert alive("85160001") == []


async def test_time_to_live(server: Server) -> None:
    session = await server.create(title="ttl")
    job = await leave_one(server, session, "85170001")
    async with server.events() as events:
        await server.ask("POST", f"/session/{session}/job/{job}/keep", {"ttl_s": 0.3})
        ended = await events.until(lambda event: event["type"] == "job.ended")
        assert ended["properties"] == {"sessionID": session, "jobID": job, "reason": "expired"}
    assert alive("85170001") == []
    for wrong in ({"ttl_s": 0}, {"ttl_s": -1}, {"ttl_s": "x"}, {"ttl_s": 1e9}):
        await server.ask("POST", f"/session/{session}/job/{job}/keep", wrong, status=400)


async def test_events_tell_of_it(server: Server) -> None:
    session = await server.create(title="events")
    async with server.events() as events:
        await leave(server, session, "(sleep 0.5) & echo x")
        started = await events.until(lambda event: event["type"] == "job.started")
        ended = await events.until(lambda event: event["type"] == "job.ended")
    assert started["properties"]["job"]["id"] == ended["properties"]["jobID"]
    assert ended["properties"]["reason"] == "exited"


async def test_the_end_of_the_worker_ends_it_and_says_so(server: Server) -> None:
    session = await server.create(title="worker")
    job = await leave_one(server, session, "85180001")
    async with server.events() as events:
        server.one("oad-session", session, "worker").kill()
        ended = await events.until(lambda event: event["type"] == "job.ended")
        assert ended["properties"] == {"sessionID": session, "jobID": job, "reason": "session", "killed": 0}
    assert alive("85180001") == []
    assert await jobs(server, session) == []
    await server.ask("DELETE", f"/session/{session}/job/{job}", status=404)


async def test_a_pipeline_is_no_job(server: Server) -> None:
    session = await server.create(title="pipeline")
    for _ in range(3):
        part = await leave(server, session, "yes | head -n 100000 | tail -n 1")
        assert "job" not in part["state"]["metadata"]
    assert await jobs(server, session) == []


async def test_a_job_keeps_its_worker(make_server: Callable[..., Server], place: Path) -> None:
    """Two sessions idle beyond the limit: the one without a job is put away, the other not, until its own limit."""
    config = place / "oad.toml"
    config.write_text("[server]\nidle_worker_s = 0.1\n[jobs]\nidle_s = 12\n")
    server = make_server()
    await server.start("--config", str(config))
    busy, idle = await server.create(title="busy"), await server.create(title="idle")
    await leave_one(server, busy, "85190001")
    await server.prompt(idle, "run true")
    await until(lambda: not server.named("oad-session", idle, "worker"), "the idle one is put away")
    assert len(alive("85190001")) == 1
    await until(lambda: not alive("85190001"), "the operator's limit is reached", timeout_s=25)
