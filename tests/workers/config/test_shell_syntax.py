import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.workers.config.shell_syntax import MAX_BYTES, parse_script


def texts(script: str) -> list[str]:
    return [command.text for command in parse_script(script).commands]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ls", ["ls"]),
        ("a | b && c; d || e & f", ["a", "b", "c", "d", "e", "f"]),
        ("(a; b)", ["a", "b"]),
        ("echo $(rm x) `ls`", ["echo $(rm x) `ls`", "rm x", "ls"]),
        ('echo "in $(rm x)"', ['echo "in $(rm x)"', "rm x"]),
        ("if a; then b; else c; fi", ["a", "b", "c"]),
        ("for f in *; do rm $f; done", ["rm $f"]),
        ("f() { rm x; }", ["rm x"]),
        ("diff <(a) >(b)", ["diff <(a) >(b)", "a", "b"]),
        ("cat <<E\nhi $(whoami)\nE\n", ["cat <<E\nhi $(whoami)\nE", "whoami"]),
        ("X=$(rm y)", ["rm y"]),
        ("export A=$(id)", ["id"]),
        ("a > out 2>&1", ["a > out 2>&1"]),
        ("> out", ["> out"]),
        ("[[ $(a) ]] && ! b", ["a", "b"]),
        ("case x in y) a;; esac", ["a"]),
        ("# only a comment", []),
        ("", []),
    ],
)
def test_simple_commands(script: str, expected: list[str]) -> None:
    assert texts(script) == expected


@pytest.mark.parametrize(
    ("source", "value", "literal"),
    [
        ("plain", "plain", True),
        ("'a b'", "a b", True),
        ('"a b"', "a b", True),
        ('"a\\"b"', 'a"b', True),
        ("a\\ b", "a b", True),
        ("a'b'\"c\"", "abc", True),
        ("$'\\x72\\155'", "rm", True),
        ("5", "5", True),
        ("$HOME/x", "$HOME/x", True),
        ('"$HOME/x"', "$HOME/x", True),
        ("${HOME}/x", "${HOME}/x", True),
        ("$OTHER/x", "$OTHER/x", False),
        ('"$OTHER"', "$OTHER", False),
        ("$HOME/$OTHER", "$HOME/$OTHER", False),
        ("$(ls)", "$(ls)", False),
    ],
)
def test_words(source: str, value: str, literal: bool) -> None:
    word = parse_script(f"cmd {source}").commands[0].words[1]
    assert (word.source, word.value, word.literal) == (source, value, literal)


def test_assignments_and_targets() -> None:
    command = parse_script("A=1 B=2 cmd x < in > 'o u t' 2>> log").commands[0]
    assert command.assignments == ["A=1", "B=2"]
    assert [word.value for word in command.words] == ["cmd", "x"]
    assert [word.value for word in command.targets] == ["in", "o u t", "log"]


def test_what_is_not_understood_is_told() -> None:
    assert parse_script("ls").complete
    assert not parse_script("ls (").complete
    assert not parse_script("a" * (MAX_BYTES + 1)).complete


@pytest.mark.parametrize(
    "text", ["(" * 20_000, "$(" * 20_000, "a|" * 5_000, "'" * 9, "<<" * 500, "\0", "\ud800", "{a," * 9_000]
)
def test_hostile_text(text: str) -> None:
    parse_script(text)


shell_pieces = st.sampled_from(
    ["a", "rm", " ", "'", '"', "$(", ")", "`", "|", "&&", ";", "\n", "<<E", ">", "{", "}", "\\", "$", "#", "é"]
)


@given(st.text() | st.lists(shell_pieces, max_size=30).map("".join))
def test_never_raises(text: str) -> None:
    parse_script(text)
