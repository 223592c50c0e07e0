from oad.cli.monitor.tree import lines_of

from .samples import activity, process, session


def test_trees_by_session() -> None:
    id = session(1).id
    found = activity(
        session(1, state="running", title="a\x1btitle", tokens=1500),
        processes=[
            process(10, 1, "daemon"),
            process(11, 10, "zygote"),
            process(20, 10, "init", session=id, directory="/p"),
            process(21, 20, "session-worker", session=id, directory="/p"),
            process(22, 20, "holder", session=id, directory="/p"),
            process(23, 22, "command", session=id, directory="/p", command="sleep 5"),
            process(30, 10, "init", directory="/q"),
            process(40, 10, "init", session="ses_gone", directory="/r"),
        ],
    )
    lines = list(lines_of(found, found.processes))
    told = [line for line in lines if not line[:7].strip().isdigit()]
    assert told[1:] == ["/q", f"{id}  /p  running, 1.5K tokens: a title", "ses_gone  /r  ending"]
    kinds = [line[31:] for line in lines if line[:7].strip().isdigit()]
    assert [kind.split()[0] for kind in kinds] == [
        "daemon",
        "zygote",
        "init",
        "init",
        "session-worker",
        "holder",
        "command",
        "init",
    ]
    assert lines[0].index("KIND") == lines[1].index("daemon")
    assert [len(kind) - len(kind.lstrip()) for kind in kinds] == [0, 2, 0, 0, 2, 2, 4, 0]
