"""One attempt to log in: a state machine without clock, network or randomness of its own.

It belongs to one provider and one method, ends after a while, and accepts one code only: with the state that it was
begun with where the provider hands that back, so that nobody else's code is taken for the person's own.
"""

import base64
import hashlib
import hmac
from enum import Enum
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from oad.contract.oauth import OAuthMethod, Prompt, SelectPrompt, fill_in, is_safe

from .refusal import bad_input, code_missing, login_failed


class Phase(Enum):
    WAITING = "waiting"  # for the person
    EXCHANGING = "exchanging"  # the code for tokens
    DONE = "done"
    FAILED = "failed"


class Attempt:
    def __init__(
        self,
        provider: str,
        index: int,
        method: OAuthMethod,
        inputs: dict[str, str],
        *,
        state: str,
        verifier: str,
        expires: float,
    ) -> None:
        self.provider = provider
        self.index = index
        self.method = method
        self.inputs = inputs
        self.state = state
        self.verifier = verifier
        self.redirect_uri = method.redirect_uri
        self.expires = expires
        self.phase = Phase.WAITING
        self.reason = ""

    @property
    def over(self) -> bool:
        return self.phase in (Phase.DONE, Phase.FAILED)

    def authorization_url(self) -> str:
        """What the browser opens."""
        challenge = {"code_challenge": challenge_of(self.verifier), "code_challenge_method": "S256"}
        if self.method.style == "key-exchange":
            asked = {"callback_url": self.redirect_uri, **challenge}
        else:
            asked = {
                "response_type": "code",
                "client_id": self.method.client_id,
                "redirect_uri": self.redirect_uri,
                "state": self.state,
                **challenge,
            }
            if self.method.scopes:
                asked["scope"] = " ".join(self.method.scopes)
        url = fill_in(self.method.authorize_url, self.inputs)
        return f"{url}{'&' if '?' in url else '?'}{urlencode(asked | self.method.parameters)}"

    def code_request(self, code: str) -> dict[str, str]:
        """The fields of the request for tokens."""
        if self.method.style == "key-exchange":
            return {"code": code, "code_verifier": self.verifier, "code_challenge_method": "S256"}
        return {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.method.client_id,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }

    def take_code(self, text: str | None, now: float) -> str:
        """The code in what a person has pasted: the code alone, ``code#state``, or the whole address that the browser
        ended at. From now on no other is taken. Raises ApiError 400."""
        self.require_waiting(now)
        if not text or not text.strip():
            raise code_missing(self.provider)
        code, state = _parse(text.strip())
        if not code:
            raise code_missing(self.provider)
        if state is not None and not self.knows(state):
            raise login_failed(self.provider, "The code belongs to another login: begin anew")
        self.phase = Phase.EXCHANGING
        return code

    def knows(self, state: str) -> bool:
        return hmac.compare_digest(state.encode(), self.state.encode())

    def require_waiting(self, now: float) -> None:
        """Raises ApiError 400 when it is too late."""
        if self.phase is Phase.WAITING and now >= self.expires:
            self.fail("The login has expired: begin anew")
        if self.phase is Phase.FAILED:
            raise login_failed(self.provider, self.reason)
        if self.phase is not Phase.WAITING:
            raise login_failed(self.provider, "The code was used already: begin anew")

    def fail(self, reason: str) -> None:
        if not self.over:
            self.phase, self.reason = Phase.FAILED, reason

    def succeed(self) -> None:
        if self.phase is Phase.EXCHANGING:
            self.phase = Phase.DONE


def challenge_of(verifier: str) -> str:
    """RFC 7636, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def check_inputs(method: OAuthMethod, inputs: dict[str, str] | None) -> dict[str, str]:
    """The answers to the prompts of a method; others are dropped. Raises ApiError 400."""
    answers: dict[str, str] = {}
    for prompt in method.prompts:
        if not _is_asked(prompt, answers):
            continue
        value = (inputs or {}).get(prompt.key, "").strip()
        if not value:
            raise bad_input(prompt.key, f"An answer is missing: {prompt.message}")
        if isinstance(prompt, SelectPrompt) and value not in {option.value for option in prompt.options}:
            raise bad_input(prompt.key, f"Not one of the options: {value[:100]}")
        answers[prompt.key] = value
    for url in filter(None, (method.authorize_url, method.device_url, method.token_url)):
        if not is_safe(fill_in(url, answers)):
            field = next((key for key in answers if f"{{{key}}}" in url), "")
            raise bad_input(field, "Expected an https address")
    return answers


def _is_asked(prompt: Prompt, answers: dict[str, str]) -> bool:
    if prompt.when is None:
        return True
    equal = answers.get(prompt.when.key) == prompt.when.value
    return equal if prompt.when.op == "eq" else not equal


def _parse(text: str) -> tuple[str, str | None]:
    if text.startswith(("http://", "https://")):
        query = parse_qs(urlsplit(text).query)
        return query.get("code", [""])[0], query.get("state", [None])[0]
    code, mark, state = text.partition("#")
    return code, state if mark else None


def credential_of(answer: dict[str, Any], method: OAuthMethod, inputs: dict[str, str], now_ms: int) -> dict[str, Any]:
    """An entry of the credential store from a token answer (RFC 6749 §5.1). Raises ValueError."""
    if method.style == "key-exchange":
        return {"type": "api", "key": _text(answer, "key")}
    return {
        "type": "oauth",
        "access": _text(answer, "access_token"),
        "refresh": answer.get("refresh_token") or "",
        "expires": expiry_of(answer, now_ms),
        "login": {"method": method.label, "inputs": inputs},
    }


def expiry_of(answer: dict[str, Any], now_ms: int) -> int:
    """Milliseconds since 1970; 0 where the answer does not say."""
    seconds = answer.get("expires_in")
    try:
        return now_ms + round(float(seconds) * 1000) if seconds is not None else 0
    except (TypeError, ValueError, OverflowError):
        return 0


def _text(answer: dict[str, Any], name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"the provider's answer has no {name}")
    return value
