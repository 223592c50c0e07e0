"""Attempts to log in, and the credentials that come of them: one attempt per provider at a time.

What needs nobody to hand over a code goes on by itself from the moment it is begun, so that no client has to wait for
it; one that does is told how it ended.
"""

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Final

import msgspec
import structlog
import trio

from oad.contract.errors import ApiError
from oad.contract.ids import now_ms
from oad.contract.oauth import Authorization, Methods, OAuthMethod, fill_in
from oad.contract.redact import KNOWN

from .attempt import Attempt, check_inputs, credential_of
from .door import Door
from .refusal import login_failed, no_such_login
from .token_request import TokenRefused, Unreachable, post

_log = structlog.get_logger("oad.login")
_DEVICE_GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
_POLL_S: Final = 5.0
LIFETIME_S: Final = 600.0  # of an attempt, if its provider says nothing else

Store = Callable[[str, dict[str, Any]], Awaitable[None]]


async def keep_nothing(provider: str, entry: dict[str, Any]) -> None:
    """A store for where there are no logins."""


class _Running:
    """An attempt with what waits for it."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.over = trio.Event()
        self.scope = trio.CancelScope()


class Logins:
    """``store`` keeps a credential and tells who uses it."""

    def __init__(self, methods: Methods, store: Store, environment: Mapping[str, str]) -> None:
        self._methods = methods
        self._store = store
        self._environment = environment
        self._running: dict[str, _Running] = {}
        self._nursery: trio.Nursery | None = None

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await trio.sleep_forever()

    def methods(self, provider: str) -> tuple[OAuthMethod, ...]:
        return self._methods.get(provider, ())

    def providers(self) -> list[str]:
        return list(self._methods)

    async def authorize(self, provider: str, index: int, inputs: dict[str, str] | None) -> Authorization:
        """Begins, in place of an attempt that is under way. Raises ApiError 400."""
        methods = self.methods(provider)
        if not 0 <= index < len(methods) or self._nursery is None:
            raise no_such_login(provider)
        method = methods[index]
        answers = check_inputs(method, inputs)
        self._drop(provider)
        attempt = Attempt(
            provider,
            index,
            method,
            answers,
            state=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            expires=trio.current_time() + LIFETIME_S,
        )
        KNOWN.learn((attempt.state, attempt.verifier))
        return await self._begin(_Running(attempt), self._nursery)

    async def _begin(self, running: _Running, nursery: trio.Nursery) -> Authorization:
        attempt, method = running.attempt, running.attempt.method
        if method.flow == "device":
            return await self._begin_device(running, nursery)
        if method.flow == "loopback":
            try:
                door = await Door.open(attempt)
            except OSError as error:
                raise login_failed(attempt.provider, f"This host can't listen for the browser: {error}") from error
            nursery.start_soon(self._wait_at, door, running)
        self._running[attempt.provider] = running
        if method.flow == "code":
            text = method.instructions or "Log in there and paste the code that is shown."
            return Authorization(attempt.authorization_url(), "code", text)
        text = method.instructions or "Log in there; the browser then comes back to this host by itself."
        return Authorization(attempt.authorization_url(), "auto", text)

    async def _begin_device(self, running: _Running, nursery: trio.Nursery) -> Authorization:
        attempt, method = running.attempt, running.attempt.method
        fields = {"client_id": method.client_id, "scope": " ".join(method.scopes), **method.parameters}
        answer = await self._ask(attempt, fill_in(method.device_url, attempt.inputs), fields)
        try:
            given = msgspec.convert(answer, _DeviceAnswer)
        except msgspec.ValidationError as error:
            raise login_failed(attempt.provider, f"The provider's answer is of no use: {error}") from error
        attempt.expires = trio.current_time() + min(given.expires_in, 3 * LIFETIME_S)
        KNOWN.learn((given.device_code,))
        self._running[attempt.provider] = running
        nursery.start_soon(self._poll, running, given)
        text = method.instructions or f"Enter code: {given.user_code}"
        page = given.verification_uri_complete or given.verification_uri or given.verification_url
        return Authorization(page, "auto", text)

    async def callback(self, provider: str, index: int, code: str | None) -> None:
        """Returns once the credential is stored. A code may also be given where the browser was to bring it: it may run
        on another host than this. Raises ApiError 400."""
        running = self._running.get(provider)
        if running is None or running.attempt.index != index:
            raise no_such_login(provider)
        attempt = running.attempt
        if attempt.method.flow == "code" or (code and attempt.method.flow == "loopback"):
            await self._exchange(running, attempt.take_code(code, trio.current_time()))
        else:
            await self._ended(running)
        if self._running.get(provider) is running:
            self._drop(provider)

    async def _ended(self, running: _Running) -> None:
        attempt = running.attempt
        await running.over.wait()
        if attempt.reason:
            self._forget(running)
            raise login_failed(attempt.provider, attempt.reason)

    # --- what goes on by itself -----------------------------------------------------------------------------------

    async def _wait_at(self, door: Door, running: _Running) -> None:
        came: list[str] = []
        listening = trio.CancelScope(deadline=running.attempt.expires)

        def take(code: str) -> None:
            came.append(code)
            listening.cancel()

        with self._closing(running), running.scope:
            with listening:
                await door.run(take)
            if came and came[0]:
                with contextlib.suppress(_Failed, ApiError):  # both are told to who waits
                    await self._try(running, running.attempt.take_code(came[0], trio.current_time()))

    async def _poll(self, running: _Running, given: "_DeviceAnswer") -> None:
        attempt = running.attempt
        url = fill_in(attempt.method.token_url, attempt.inputs)
        fields = {"grant_type": _DEVICE_GRANT, "device_code": given.device_code, "client_id": attempt.method.client_id}
        interval = max(given.interval, 0.01)
        with self._closing(running), running.scope, trio.move_on_at(attempt.expires):
            while not attempt.over:
                await trio.sleep(interval)
                try:
                    answer = await post(url, fields, attempt.method, self._environment)
                except TokenRefused as refused:
                    if refused.error == "slow_down":
                        interval += _POLL_S
                    elif refused.error != "authorization_pending":
                        attempt.fail(f"The provider refused: {refused}")
                except Unreachable as error:
                    _log.warning("a login waits for its provider", provider=attempt.provider, error=str(error))
                else:
                    with contextlib.suppress(_Failed, ApiError):
                        attempt.take_code(given.device_code, trio.current_time())
                        await self._keep(running, answer)

    @contextlib.contextmanager
    def _closing(self, running: _Running) -> Generator[None]:
        try:
            yield
        finally:
            running.attempt.fail("The login has expired: begin anew")
            running.over.set()

    # --- from a code to a credential ------------------------------------------------------------------------------

    async def _exchange(self, running: _Running, code: str) -> None:
        """Raises ApiError 400."""
        try:
            await self._try(running, code)
        except _Failed as failure:
            self._forget(running)
            raise login_failed(running.attempt.provider, str(failure)) from failure

    async def _try(self, running: _Running, code: str) -> None:
        """Raises _Failed; the attempt is over then, because its code is."""
        attempt = running.attempt
        url = fill_in(attempt.method.token_url, attempt.inputs)
        try:
            answer = await post(url, attempt.code_request(code), attempt.method, self._environment)
        except (TokenRefused, Unreachable) as error:
            attempt.fail(str(error))
            raise _Failed(str(error)) from error
        await self._keep(running, answer)

    async def _keep(self, running: _Running, answer: dict[str, Any]) -> None:
        attempt = running.attempt
        try:
            entry = credential_of(answer, attempt.method, attempt.inputs, now_ms())
            await self._store(attempt.provider, entry)
        except (ValueError, OSError) as error:
            attempt.fail(str(error))
            raise _Failed(str(error)) from error
        attempt.succeed()
        _log.info("logged in", provider=attempt.provider, method=attempt.method.label)

    async def _ask(self, attempt: Attempt, url: str, fields: dict[str, str]) -> dict[str, Any]:
        try:
            return await post(url, {name: text for name, text in fields.items() if text}, attempt.method, {})
        except (TokenRefused, Unreachable) as error:
            raise login_failed(attempt.provider, str(error)) from error

    def _drop(self, provider: str) -> None:
        running = self._running.pop(provider, None)
        if running is not None:
            running.attempt.fail("Another login was begun")
            running.scope.cancel()
            running.over.set()

    def _forget(self, running: _Running) -> None:
        if self._running.get(running.attempt.provider) is running:
            self._drop(running.attempt.provider)


class _Failed(Exception):
    """The attempt is over, for this reason."""


class _DeviceAnswer(msgspec.Struct):
    """RFC 8628 §3.2."""

    device_code: str
    user_code: str
    verification_uri: str = ""
    verification_url: str = ""  # as some write it
    verification_uri_complete: str = ""
    expires_in: float = LIFETIME_S
    interval: float = _POLL_S
