"""Known secrets are hidden, in one piece or many, and nothing else is touched."""

import random

import msgspec

from oad.contract.redact import MARK, Redactor, StreamRedactor, is_worth_hiding

KEY = "sk-abcdefgh12345678"


def test_a_known_secret_is_replaced_wherever_it_stands() -> None:
    redactor = Redactor([KEY])
    assert redactor.conceal_text(f"a {KEY}{KEY} b") == f"a {MARK}{MARK} b"
    assert redactor.conceal(f"x={KEY}\n".encode()) == f"x={MARK}\n".encode()


def test_text_without_a_secret_is_the_same_object() -> None:
    text = b"nothing here, not even sk-abcdefgh1234567"
    assert Redactor([KEY]).conceal(text) is text
    assert Redactor().conceal(text) is text


def test_words_and_short_values_are_no_secrets() -> None:
    assert not is_worth_hiding("password")
    assert not is_worth_hiding("assistant")
    assert not is_worth_hiding("sk-1")
    assert is_worth_hiding("passw0rd")
    assert is_worth_hiding("abcdefghijklmnopqrst")


def test_the_longer_of_two_that_begin_alike_is_hidden_whole() -> None:
    redactor = Redactor(["secret-01", "secret-01-and-more"])
    assert redactor.conceal_text("secret-01-and-more secret-01!") == f"{MARK} {MARK}!"


def test_json_stays_json_and_keeps_numbers_and_names() -> None:
    redactor = Redactor(["12345678", 'quo"ted-secret'])
    data = msgspec.json.encode({"12345678": 1712345678000, "a": ["it is 12345678", {"b": 'quo"ted-secret'}]})
    hidden = msgspec.json.decode(redactor.conceal_json(data))
    assert hidden == {"12345678": 1712345678000, "a": [f"it is {MARK}", {"b": MARK}]}


def test_what_is_no_json_is_treated_as_text() -> None:
    assert Redactor([KEY]).conceal_json(f"<{KEY}>".encode()) == f"<{MARK}>".encode()


def test_learning_more_does_not_forget() -> None:
    redactor = Redactor([KEY])
    redactor.learn(["another-secret-1"])
    assert redactor.conceal_text(f"{KEY} another-secret-1") == f"{MARK} {MARK}"
    assert KEY not in repr(redactor)


def test_a_secret_in_two_pieces_is_found() -> None:
    stream = StreamRedactor(Redactor([KEY]))
    first = stream.feed(f"before {KEY[:9]}".encode())
    assert first == b"before "
    assert stream.feed(f"{KEY[9:]} after".encode()) == f"{MARK} after".encode()
    assert stream.finish() == b""


def test_what_only_began_like_a_secret_comes_out_at_the_end() -> None:
    stream = StreamRedactor(Redactor([KEY]))
    assert stream.feed(KEY[:9].encode()) == b""
    assert stream.finish() == KEY[:9].encode()


def test_a_stream_without_secrets_holds_nothing_back() -> None:
    assert StreamRedactor(Redactor()).feed(b"abc") == b"abc"


def test_streams_give_what_the_whole_gives_wherever_they_are_cut() -> None:
    """Secrets of few letters that overlap and contain one another, in texts of the same letters."""
    generator = random.Random(7)
    for _ in range(400):
        secrets = ["".join(generator.choices("ab1", k=generator.randint(8, 12))) for _ in range(4)]
        secrets.append(secrets[0] + "".join(generator.choices("ab1", k=3)))
        redactor = Redactor(secrets)
        pieces = [*secrets, "".join(generator.choices("ab1", k=30)), secrets[0][:5], secrets[1][3:]]
        text = "".join(generator.choices(pieces, k=8)).encode()
        stream, out, position = StreamRedactor(redactor), b"", 0
        while position < len(text):
            size = generator.randint(1, 15)
            out += stream.feed(text[position : position + size])
            position += size
        assert out + stream.finish() == redactor.conceal(text), (secrets, text)
