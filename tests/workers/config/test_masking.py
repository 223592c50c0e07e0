from typing import Any

import pytest

from oad.workers.config.masking import MASK, mask_secrets


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"options": {"apiKey": "x", "baseURL": "u"}}, {"options": {"apiKey": MASK, "baseURL": "u"}}),
        ({"headers": {"X-Anything": "x"}}, {"headers": {"X-Anything": MASK}}),
        ({"environment": {"HOME": "x", "n": 5}}, {"environment": {"HOME": MASK, "n": 5}}),
        ({"oauth": {"clientSecret": "x", "clientId": "y"}}, {"oauth": {"clientSecret": MASK, "clientId": "y"}}),
        ({"a": [{"access_token": "x"}], "tokens": ["y"]}, {"a": [{"access_token": MASK}], "tokens": ["y"]}),
        ({"url": "http://u:p@host/x"}, {"url": f"http://{MASK}@host/x"}),
        (
            {"maxTokens": "5", "apiKey": "", "setCacheKey": "yes"},
            {"maxTokens": "5", "apiKey": "", "setCacheKey": "yes"},
        ),
        ({"small_model": "a/b", "n": None, "b": True}, {"small_model": "a/b", "n": None, "b": True}),
    ],
)
def test_masking(value: Any, expected: Any) -> None:
    assert mask_secrets(value) == expected


def test_the_original_is_left_alone() -> None:
    original = {"options": {"apiKey": "x"}}
    mask_secrets(original)
    assert original == {"options": {"apiKey": "x"}}
