import pytest

from oad.contract.limit_text import describe, limit_error, limit_refused
from oad.contract.limits import NAMES, LimitHit
from oad.contract.wire_model import wire_name


@pytest.mark.parametrize("name", [*NAMES, "sessions", "live_sessions", "store_mb"])
def test_every_limit_can_be_told(name: str) -> None:
    text = describe(LimitHit(limit=wire_name(name), value=3, peak=4.5, action="turn"))
    assert "limit of 3" in text
    assert "peak 4.5" in text


def test_a_refusal_names_limit_value_and_peak() -> None:
    refusal = limit_refused(LimitHit(limit="queuedPrompts", value=2, peak=2, action="refused"), retry_after_s=1)
    assert (refusal.status, refusal.headers) == (429, {"retry-after": "1"})
    assert refusal.body["name"] == "LimitError"
    assert refusal.body["data"] == refusal.body["data"] | {"limit": "queuedPrompts", "value": 2, "peak": 2}


def test_without_a_time_to_come_again_none_is_named() -> None:
    hit = LimitHit(limit="tokens", value=2, peak=9, action="turn")
    assert limit_refused(hit).headers == {}
    assert limit_error(hit).data == {"message": f"Stopped: {describe(hit)}", "limit": "tokens", "value": 2, "peak": 9}


def test_the_store_has_its_limit_among_the_settings_of_storage() -> None:
    hit = LimitHit(limit="storeMb", value=2, peak=2, action="refused")
    assert limit_refused(hit).body["data"]["setting"] == "[storage] store_mb"
