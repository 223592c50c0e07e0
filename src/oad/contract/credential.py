"""What clients must show."""

import msgspec


class Credential(msgspec.Struct, frozen=True):
    """Whatever is set is accepted; with nothing set everyone is. ``password`` is for Basic, ``token`` for Bearer; a
    generated one serves as both."""

    username: str = "opencode"
    password: str = ""
    token: str = ""
    users: dict[str, str] = {}  # further ones, with their tokens

    def __bool__(self) -> bool:
        return bool(self.password or self.token or self.users)
