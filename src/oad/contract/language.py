"""What language servers say, between the worker of a directory and those of its sessions."""

from typing import Final

from .files import Range
from .wire_model import WireModel

ERROR: Final = 1


class Diagnostic(WireModel):
    """Lines and characters count from 0. ``severity``: 1 error, 2 warning, 3 information, 4 hint."""

    range: Range
    message: str
    severity: int | None = None
    code: int | str | None = None
    source: str | None = None


Diagnostics = dict[str, list[Diagnostic]]
"""By absolute path; a file that was found to be clean has an empty list."""


class Touch(WireModel):
    """A file was read, or written (``wait``: its diagnostics are wanted, as far as they come in time)."""

    files: list[str]
    wait: bool
