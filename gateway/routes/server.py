"""The server as a whole: health, credentials of providers, and start-up reads whose answer is always the same."""

from typing import Any, Final

from oad import API_VERSION, __version__
from oad.contract.requests import Auth, UpgradeInput
from oad.contract.upkeep import SweepReport

from ..operation import DELETE, GET, PATCH, POST, PUT, Fixed, Method, Operation, Plain, op
from ..query import TRUTH


def _fixed(name: str, path: str, value: Any, summary: str) -> Operation:
    """A feature that this server does not have, said in the form clients expect."""
    return op(name, GET, path, returns=Fixed(value), target="gateway", summary=summary)


def _auth(name: str, method: Method, body: Any, summary: str) -> Operation:
    return op(name, method, "/auth/{providerID}", body=body, returns=bool, errors=(400,), place="none", summary=summary)


_HOW_TO_UPGRADE: Final = (
    f"oad {__version__} does not replace itself: install the new version where this one was installed from (such as by "
    "`pip install --upgrade oad`) and restart the service. Sessions and credentials are kept."
)

OPERATIONS: tuple[Operation, ...] = (
    op(
        "global.health",
        GET,
        "/global/health",
        returns=Fixed({"healthy": True, "version": API_VERSION}),
        target="gateway",
        place="none",
        summary="Get health",
    ),
    op("global.config.get", GET, "/global/config", returns=dict[str, Any], place="none", summary="Get global config"),
    op(
        "global.config.update",
        PATCH,
        "/global/config",
        body=dict[str, Any],
        returns=dict[str, Any],
        errors=(400, 409),
        place="none",
        summary="Update global config",
    ),
    op(
        "oad.metrics",
        GET,
        "/metrics",
        returns=Plain("text/plain"),
        place="none",
        extension=True,
        summary="Figures of the service, for Prometheus",
    ),
    op(
        "oad.sweep",
        POST,
        "/storage/sweep",
        query={"dryRun": TRUTH},
        returns=SweepReport,
        place="none",
        extension=True,
        deadline_s=0,
        summary="Remove what is left over, or too old or too much, of the server's own data",
    ),
    op("global.dispose", POST, "/global/dispose", returns=bool, place="none", summary="Dispose instances"),
    op(
        "global.upgrade",
        POST,
        "/global/upgrade",
        body=UpgradeInput,
        returns=Fixed({"success": False, "error": _HOW_TO_UPGRADE}),
        status=400,  # as the reference answers where it can't
        target="gateway",
        place="none",
        summary="Tell how to upgrade; nothing is changed",
    ),
    _auth("auth.set", PUT, Auth, "Set auth credentials"),
    _auth("auth.remove", DELETE, None, "Remove auth credentials"),
    _fixed(
        "experimental.capabilities.get", "/experimental/capabilities", {"backgroundSubagents": False}, "Capabilities"
    ),
    _fixed(
        "experimental.console.get",
        "/experimental/console",
        {"consoleManagedProviders": [], "switchableOrgCount": 0},
        "Get console state",
    ),
    _fixed("experimental.workspace.list", "/experimental/workspace", [], "List workspaces"),
    _fixed("experimental.workspace.status", "/experimental/workspace/status", [], "Workspace status"),
)
