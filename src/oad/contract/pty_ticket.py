"""What a ticket for a terminal looks like: it names the user whom it was given to, so that every gateway can end with
the user what was opened by it. That it can't be made up is the daemon's business, which remembers all of it."""

from typing import Final
from uuid import uuid4

_OF: Final = "."


def new_ticket(user: str = "") -> str:
    random = str(uuid4())  # 122 bits
    return f"{random}{_OF}{user}" if user else random


def user_of_ticket(text: str) -> str:
    """Empty for one of somebody whom the settings do not name."""
    return text.partition(_OF)[2]
