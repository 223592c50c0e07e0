"""What a server command does not do, told to the person who asked."""

import sys


class Refused(Exception):
    """The server is asked for something that it does not do; the text is for the person who asked."""


def refuse(text: str, status: int) -> int:
    print(f"oad: {text}", file=sys.stderr)
    return status
