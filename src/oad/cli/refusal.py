"""What a server command does not do, told to the person who asked."""

import sys


class Refused(Exception):
    """The server is asked for something that it does not do; the text is for the person who asked."""


def refuse(text: str, status: int) -> int:
    for line in text.splitlines():
        print(f"oad: {line}", file=sys.stderr)
    return status
