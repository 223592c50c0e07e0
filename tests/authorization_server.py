"""An authorization server in a thread: it checks what RFC 6749, 7636 and 8628 have it check, and counts."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import urlopen

CLIENT = "oad-test"


class AuthorizationServer(ThreadingHTTPServer):
    """``expires_in``: seconds of the tokens it gives; ``pending``: how often a device has to ask."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.codes: dict[str, dict[str, str]] = {}
        self.refreshable: set[str] = set()
        self.issued: list[str] = []
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.expires_in = 3600.0
        self.pending = 0
        self.denies = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent, once the person has agreed."""
        callback = asked.get("callback_url") or asked["redirect_uri"]
        state = {"state": asked["state"]} if "state" in asked else {}
        if self.denies:
            return f"{callback}?{urlencode({'error': 'access_denied', 'error_description': 'You said no', **state})}"
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{callback}?{urlencode({'code': code, **state})}"

    def token(self, given: dict[str, str]) -> dict[str, Any]:
        match given.get("grant_type"):
            case "authorization_code":
                asked = self.codes.pop(given["code"], None)
                same = asked and all(asked[name] == given.get(name) for name in ("client_id", "redirect_uri"))
                if not asked or not same or challenge(given["code_verifier"]) != asked["code_challenge"]:
                    return {"error": "invalid_grant", "error_description": "The code is not valid"}
                return self._tokens()
            case "refresh_token":
                if given["refresh_token"] not in self.refreshable:
                    return {"error": "invalid_grant", "error_description": "The refresh token was used already"}
                self.refreshable.discard(given["refresh_token"])
                return self._tokens()
            case "urn:ietf:params:oauth:grant-type:device_code":
                self.pending -= 1
                if self.pending >= 0:
                    return {"error": "authorization_pending"}
                return {"error": "access_denied"} if self.denies else self._tokens()
            case _:
                return {"error": "unsupported_grant_type"}

    def key(self, given: dict[str, str]) -> dict[str, Any]:
        asked = self.codes.pop(given["code"], None)
        if not asked or challenge(given["code_verifier"]) != asked["code_challenge"]:
            return {"error": {"code": 403, "message": "Invalid code"}}
        return {"key": "sk-lasting-key-1"}

    def _tokens(self) -> dict[str, Any]:
        access, refresh = f"access-{secrets.token_urlsafe(12)}", f"refresh-{secrets.token_urlsafe(12)}"
        self.refreshable.add(refresh)
        self.issued.append(access)
        return {"access_token": access, "refresh_token": refresh, "token_type": "bearer", "expires_in": self.expires_in}


class _Handler(BaseHTTPRequestHandler):
    server: AuthorizationServer

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.send_response(302)
        self.send_header("location", self.server.authorize(query))
        self.end_headers()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"])).decode()
        is_json = self.headers["content-type"] == "application/json"
        given = json.loads(raw) if is_json else {name: values[0] for name, values in parse_qs(raw).items()}
        self.server.requests.append((self.path, given))
        if self.path == "/device":
            page = f"{self.server.url}/activate"
            answer = {"device_code": "d" * 12, "user_code": "ABCD-EFGH", "verification_uri": page, "interval": 0.02}
        else:
            answer = self.server.key(given) if self.path == "/keys" else self.server.token(given)
        body = json.dumps(answer).encode()
        self.send_response(400 if "error" in answer else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


class NoPage(Exception):
    """Nothing, or no success, was answered."""


def browse(url: str) -> str:
    """Opens an address as a browser does, redirects followed; returns the page. Raises NoPage."""
    try:
        with urlopen(url, timeout=10) as page:
            return str(page.read().decode())
    except HTTPError as error:
        with error:
            raise NoPage(error.code) from None
    except OSError as error:
        raise NoPage(error) from error


@contextmanager
def authorization_server() -> Iterator[AuthorizationServer]:
    server = AuthorizationServer()
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
