"""The surroundings of language servers: what they may write to, and what they are told of their environment."""

from pathlib import Path

from oad.contract.sandbox import common_temporary
from oad.contract.worker import WorkerSpec

from ..config.project import load
from ..exec import Exec
from ..link import Link
from ..tools.environment import command_environment
from .choice import LanguageChoice
from .server import World
from .servers import LanguageServers


def make_servers(spec: WorkerSpec, exec: Exec, link: Link) -> LanguageServers:
    environment = language_environment(Path(common_temporary(spec.confinement)) / "language")

    async def updated() -> None:
        await link.publish("lsp.updated", {}, durable=False)

    def choose() -> LanguageChoice:
        return LanguageChoice(load(spec.directory), path=environment["PATH"], shell=spec.shell)

    return LanguageServers(spec.directory, World(exec, environment, updated), choose)


def language_environment(cache: Path) -> dict[str, str]:
    """Servers may not write to the workspace: their caches and what they build go to one of their own. They use what is
    installed, and download nothing."""
    own = {
        "XDG_CACHE_HOME": cache,
        "GOCACHE": cache / "go-build",
        "CARGO_TARGET_DIR": cache / "target",
        "npm_config_cache": cache / "npm",
    }
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "CARGO_NET_OFFLINE": "true"}
    return {**command_environment(), **{name: str(place) for name, place in own.items()}, **offline}
