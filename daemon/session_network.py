"""The network of a session's commands: none but a loopback of their own, and perhaps the filtering proxy on it.

One network namespace per session, made before its first command and entered by every call holder, so that what one
command serves on loopback the next one can reach. With the policy "allow" a socket listens there, made inside and
handed to the proxy outside: the proxy accepts on it, and nothing of ours has to run in the namespace. The init keeps a
copy, and hands it over again whenever the proxy was restarted; connections wait in it meanwhile.

The init has one thread and no event loop: nothing here blocks for longer than it takes to fork.
"""

import contextlib
import os
import select
import socket
import time
from typing import Final

from oad.contract.policy import NetworkMode
from oad.contract.proxy import PORT, Listen, frame, proxy_environment
from oad.contract.sandbox import Confinement

from . import procs

_BACKLOG: Final = 256
_RETRY_S: Final = 0.3
_ANSWER_BYTES: Final = 4096
_MADE: Final = b"made"
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


class NetworkNotEnforced(ValueError):
    """The policy can't be enforced on this host: nothing may run. The text names the step that failed."""


class SessionNetwork:
    def __init__(self, session: str, confinement: Confinement) -> None:
        self._session = session
        self._confinement = confinement
        self.mode: NetworkMode = confinement.network
        self._namespace = -1
        self._listener = -1
        self._failure = ""
        self._link: socket.socket | None = None  # to the proxy; while it is open the proxy accepts for us
        self._next_try = 0.0

    # --- in the init ----------------------------------------------------------------------------------------------

    def prepare(self) -> bool:
        """Makes the namespace, once; False when that failed, which is told to each command by ``enter``."""
        if self.mode == "on" or self._namespace >= 0:
            return True
        try:
            self._namespace, self._listener = _make_namespace(listen=self.mode == "allow")
            self._failure = ""
        except OSError as error:
            self._failure = f"{error.filename or 'make a network namespace'}: {error.strerror or error}"
            return False
        return True

    def tend(self, poll: select.poll) -> int | None:
        """Hands the listening socket to the proxy when nobody has it. Returns after how many ms to come again."""
        if self._listener < 0 or self._link is not None:
            return None
        wait_s = self._next_try - time.monotonic()
        if wait_s > 0:
            return int(wait_s * 1000) + 1
        self._next_try = time.monotonic() + _RETRY_S
        link = self._hand_over()
        if link is None:
            return int(_RETRY_S * 1000)
        self._link = link
        poll.register(link, select.POLLIN)
        return None

    def owns(self, fd: int) -> bool:
        return self._link is not None and self._link.fileno() == fd

    def on_event(self, poll: select.poll) -> None:
        """The proxy says nothing on this link: it has ended."""
        if self._link is not None:
            poll.unregister(self._link)
            self._link.close()
            self._link = None

    def _hand_over(self) -> socket.socket | None:
        """None when there is no proxy, or none that takes anything now."""
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.setblocking(False)
        with contextlib.ExitStack() as undo:
            undo.callback(link.close)
            with contextlib.suppress(OSError):
                link.connect(self._confinement.proxy)
                message = frame(Listen(self._session, self._confinement.allow))
                if socket.send_fds(link, [message], [self._listener]) == len(message):
                    undo.pop_all()
                    return link
        return None

    # --- in a call's holder, a fork of the init -------------------------------------------------------------------

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What a holder must keep open until ``enter``."""
        return (self._namespace,) if self._namespace >= 0 else ()

    def enter(self) -> None:
        """The calling process, and all that it starts, has the session's network. Raises NetworkNotEnforced."""
        if self.mode == "on":
            return
        try:
            if self._failure:
                raise NetworkNotEnforced(self._explain(self._failure))
            procs.enter_network(self._namespace)
        except OSError as error:
            raise NetworkNotEnforced(self._explain(f"enter the namespace: {error.strerror}")) from error
        os.close(self._namespace)

    def environment(self, given: dict[str, str]) -> dict[str, str]:
        """Of a command: the operator's own proxies are out of its reach, and ours takes their place."""
        match self.mode:
            case "on":
                return given
            case "off":
                return {name: value for name, value in given.items() if name not in _PROXIES}
            case "allow":
                return {**given, **proxy_environment(self._confinement.allow)}

    def _explain(self, step: str) -> str:
        return f"the network policy {self.mode!r} can't be enforced on this host, and nothing runs without it: {step}"


def _make_namespace(*, listen: bool) -> tuple[int, int]:
    """Descriptors of a new network namespace and of a socket that listens in it (-1 unless wanted). Raises OSError.

    By a child, because whoever makes a namespace is in it from then on, and the init must keep the host's."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        pid = os.fork()
        if pid == 0:
            _be_maker(theirs, listen=listen)
        theirs.close()
        answer, fds, _flags, _address = socket.recv_fds(ours, _ANSWER_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
        os.waitpid(pid, 0)
    if answer == _MADE:
        return fds[0], fds[1] if listen else -1
    number, _, step = answer.decode(errors="replace").partition(" ")
    raise OSError(int(number or 0), os.strerror(int(number or 0)), step or "fork")


def _be_maker(told: socket.socket, *, listen: bool) -> None:
    step = "make a network namespace"
    try:
        procs.unshare(procs.CLONE_NEWNET)
        step = "switch on loopback"
        procs.raise_loopback()
        step = "listen for the proxy"
        fds = [os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)]
        if listen:
            fds.append(_listen().detach())
        socket.send_fds(told, [_MADE], fds)
    except OSError as error:
        told.send(f"{error.errno or 0} {step}".encode())
    finally:
        os._exit(0)


def _listen() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", PORT))
    sock.listen(_BACKLOG)
    return sock
