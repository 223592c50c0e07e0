"""What is noted of prompts, in a file that outlives the daemon, or is set aside."""

from pathlib import Path

from oad.daemon.register import Delivery, DeliveryKey, Register
from oad.link import Answer

KEY = DeliveryKey("ann", "session.prompt", "k")


async def test_it_outlives_its_daemon(tmp_path: Path) -> None:
    first = Register(tmp_path / "admission.db")
    await first.begin(KEY, Delivery(b"digest", "msg_1"), 1)
    await first.add_waiting("ses_b")
    await first.add_waiting("ses_a")
    await first.add_waiting("ses_a")
    first.close()
    second = Register(tmp_path / "admission.db")
    assert await second.find(KEY) == Delivery(b"digest", "msg_1")
    await second.finish(KEY, Answer(b"body", 200, {"a": "b"}))
    assert await second.find(KEY) == Delivery(b"digest", "msg_1", Answer(b"body", 200, {"a": "b"}))
    await second.forget(KEY)
    assert await second.find(KEY) is None
    await second.remove_waiting("ses_none")
    assert await second.take_waiting() == ["ses_a", "ses_b"]
    assert await second.take_waiting() == []
    second.close()


async def test_answers_go_by_age_and_number(tmp_path: Path) -> None:
    register = Register(tmp_path / "admission.db")
    for number in range(10):
        key = DeliveryKey("", "op", str(number))
        await register.begin(key, Delivery(b"", ""), number)
        if number != 3:
            await register.finish(key, Answer())
    assert await register.prune(2, 5) == 4  # 0 and 1 by age, 2 and 4 by number; 3 is not answered yet
    left = [n for n in range(10) if await register.find(DeliveryKey("", "op", str(n)))]
    assert left == [3, 5, 6, 7, 8, 9]
    register.close()


async def test_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "admission.db"
    file.write_bytes(b"no database at all, though it is long enough to be taken for one" * 50)
    register = Register(file)
    assert await register.take_waiting() == []
    assert file.with_suffix(".damaged").exists()
    register.close()
