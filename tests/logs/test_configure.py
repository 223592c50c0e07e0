"""In a process of its own: what is configured is the process's."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = """
import logging, os, sys
from pathlib import Path
import structlog
from oad.contract.redact import KNOWN
from oad.contract.trail import Trail, enter
from oad.logs import configure_logs, name_process
early = structlog.get_logger("oad.early")
configure_logs("info", file=Path(sys.argv[1]), stderr=True)
name_process("daemon", name="d-1")
KNOWN.learn(["sk-canary-in-a-log-1"])
early.info("plain", number=1)
enter(Trail("req_1", user="ann"), "ses_1")
early.warning("caused", path=Path("/x"))
early.warning("says itself", session="ses_2", key="sk-canary-in-a-log-1")
logging.getLogger("foreign").error("went %s with sk-canary-in-a-log-1", "wrong")
try:
    1 / 0
except ZeroDivisionError:
    early.exception("failed")
early.debug("not shown")
sys.stderr.flush()
if not os.fork():
    configure_logs("info", file=Path(sys.argv[1]), stderr=False)
    name_process("gateway")
    enter(None)
    early.info("forked")
    os._exit(0)
os.wait()
"""


def test_lines_say_who_wrote_them_and_what_for(tmp_path: Path) -> None:
    file = tmp_path / "log" / "oad.log"
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(file)], capture_output=True, check=True)
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    assert done.stderr.decode().splitlines() == file.read_text().splitlines()[:-1]
    plain, caused, own, foreign, failed, forked = lines
    assert (plain["process"], plain["name"], plain["level"], plain["logger"]) == ("daemon", "d-1", "info", "oad.early")
    assert {"session", "request", "user"} & set(plain) == set()
    assert (caused["session"], caused["request"], caused["user"]) == ("ses_1", "req_1", "ann")
    assert caused["pid"] == plain["pid"]
    assert caused["path"].count("/x") == 1
    assert own["session"] == "ses_2"
    assert (foreign["event"], foreign["request"]) == ("went wrong with [redacted]", "req_1")
    assert "ZeroDivisionError" in failed["exception"]
    assert (forked["process"], "name" in forked, "request" in forked) == ("gateway", False, False)
    assert forked["pid"] != plain["pid"]
    assert "sk-canary" not in file.read_text()
