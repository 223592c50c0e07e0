"""Identifiers: their form, their order, and how random they are."""

from collections import Counter

from oad.contract.ids import has_prefix, is_harmless, new_id, new_ulid, random_text


def test_ids_ascend_within_a_process_and_sessions_descend():
    messages, sessions = [new_id("msg") for _ in range(100)], [new_id("ses") for _ in range(100)]

    assert messages == sorted(messages)
    assert sessions == sorted(sessions, reverse=True)


def test_an_id_has_its_prefix_and_thirty_characters():
    id = new_id("prt")

    assert len(id) == 30 and has_prefix(id, "prt") and is_harmless(id)


def test_random_text_uses_every_character_alike():
    seen = Counter(random_text(62_000))

    assert len(seen) == 62
    assert min(seen.values()) > 800 and max(seen.values()) < 1200  # six standard deviations


def test_random_text_of_any_alphabet_and_length():
    assert set(random_text(500, "ab")) == {"a", "b"}
    assert random_text(0) == ""
    assert len(new_ulid()) == 26
