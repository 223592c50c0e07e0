from structlog.testing import capture_logs

from oad.workers.config.complaints import Complaints


def test_each_is_told_once() -> None:
    complaints = Complaints("/p")
    with capture_logs() as logs:
        complaints.tell(["a", "b"])
        complaints.tell(["b", "c"])
    assert [(line["problem"], line["directory"]) for line in logs] == [("a", "/p"), ("b", "/p"), ("c", "/p")]
