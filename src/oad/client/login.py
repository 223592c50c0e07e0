"""What a client shows to be let in."""

import base64

import msgspec


class Login(msgspec.Struct, frozen=True):
    """A password goes as Basic, a token as Bearer; with both, the password."""

    username: str = "opencode"
    password: str = ""
    token: str = ""

    def headers(self) -> dict[str, str]:
        if self.password:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {"authorization": f"Bearer {self.token}"} if self.token else {}
