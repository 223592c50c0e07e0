"""What the operator decides for all sessions: sandbox, network, limits, asks, audit, shell requests.

Sections of oad.toml. A session may ask for less than these allow (create body, PATCH), never for more.
"""

from typing import Annotated, Final, Literal

import msgspec

from .oauth import Methods
from .telemetry import LogPolicy, TracingPolicy

Profile = Literal["read-only", "workspace", "full"]
Level = Literal["namespaces", "landlock", "none"]
NetworkMode = Literal["off", "allow", "on"]
OnAsk = Literal["wait", "deny", "allow"]
CommandPriority = Literal["normal", "low", "idle"]
Priority = Literal[CommandPriority, "polite"]  # what is behind them for people who wait

_Positive = Annotated[int, msgspec.Meta(gt=0)]
_Seconds = Annotated[float, msgspec.Meta(gt=0)]

# Below the home directory; what is not there is skipped, what is a symlink is hidden where it leads.
SECRET_PLACES = (
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".kube",
    ".docker",
    ".netrc",
    ".git-credentials",
    ".pypirc",
    ".npmrc",
    ".password-store",
    ".local/share/keyrings",
    ".local/share/opencode/auth.json",
    ".mozilla",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".thunderbird",
)


class SandboxPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[sandbox]``. ``ceiling`` is the most that an agent or a client may choose; paths may begin with ``~``."""

    level: Level = "namespaces"
    profile: Profile = "workspace"
    ceiling: Profile = "full"
    root: Literal["host", "minimal"] = "host"
    hide: tuple[str, ...] = SECRET_PLACES
    expose: tuple[str, ...] = ()  # visible although hidden by default, read-only
    writable: tuple[str, ...] = ()  # further places that every session may write to, such as caches


class NetworkPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[network]``. ``allow`` lists ``host`` or ``host:port``; ``*.example.org`` covers subdomains."""

    mode: NetworkMode = "on"
    allow: tuple[str, ...] = ()


class LimitPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[limits]``, per session unless said otherwise; None is unlimited. What a session may lower: contract.limits."""

    memory_mb: _Positive | None = None
    cpu: Annotated[float, msgspec.Meta(gt=0)] | None = None  # cores, over any two seconds
    processes: _Positive | None = None  # and threads, as the kernel counts them
    open_files: _Positive | None = None  # per process
    file_size_mb: _Positive | None = None
    written_mb: _Positive | None = None  # by all commands of the session
    command_output_mb: _Positive | None = None
    session_output_mb: _Positive | None = None
    command_s: _Seconds | None = None
    turn_s: _Seconds | None = None
    session_s: _Seconds | None = None  # of running turns, added up
    steps: _Positive | None = None  # of one turn
    tool_calls: _Positive | None = None  # of one turn
    tokens: _Positive | None = None  # of the session, its subagents included
    cost: Annotated[float, msgspec.Meta(gt=0)] | None = None  # dollars, of the session, its subagents included
    queued_prompts: _Positive | None = 32
    repeated_calls: _Positive | None = 25  # the same call in a row, over steps and turns
    alternating_calls: _Positive | None = 20  # rounds of the same two or three calls, over steps and turns
    step_characters: _Positive | None = 2_000_000  # of text and thought without an end of the step
    asks: _Positive | None = 100  # of one turn
    sessions: _Positive | None = None  # of the service
    live_sessions: _Positive | None = None  # of the service
    priority: CommandPriority = "low"  # of commands, for the processor's time, against the service's own processes


class AskPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[asks]``. ``wait_s`` None: for ever while a client listens; ``unheard_s``: how long without any listener. A
    session may ask for what is stricter: deny before wait before allow, and a shorter wait."""

    on_ask: OnAsk = "wait"
    wait_s: _Seconds | None = None
    unheard_s: _Seconds = 60.0


class JobPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[jobs]``: what commands leave running. ``ttl_s`` is the longest that one may be kept for; ``idle_s``: they are
    ended when their session has had nothing else to do for so long, None: never."""

    ttl_s: _Seconds = 86_400.0
    idle_s: _Seconds | None = None


class AuditPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[audit]``. ``required``: what can't be recorded is refused."""

    enabled: bool = True
    required: bool = False
    max_file_mb: _Positive = 64
    keep_files: _Positive = 20


class ShellPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[shell]``: what clients may run directly. ``allow``, when given, lists all that is allowed, as patterns."""

    restricted: bool = True
    allow: tuple[str, ...] | None = None


DEFAULT_SHELL: Final = ShellPolicy()


class SnapshotPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[snapshots]``: what is kept of a project's files, to undo what sessions did. Beyond a limit there are none."""

    enabled: bool = True
    files: _Positive = 100_000  # in the worktree, without what git ignores
    file_mb: _Positive = 10  # larger files are left out
    tree_mb: _Positive = 1024  # to be taken in at once
    store_mb: _Positive = 4096  # of a project, on disk
    keep_days: _Positive = 7  # for older turns there is no undo


class SharePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[share]``: pages on this server which show a session to whoever has the link. ``url`` is what links begin with,
    where clients reach the server under another address than its own; ``expire_h``: hours, None is never."""

    enabled: bool = True
    url: str = ""
    expire_h: Annotated[float, msgspec.Meta(gt=0)] | None = None


class AdmissionPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[admission]``: how much runs at a time, and what happens to what comes beyond it. None is unlimited. What a
    subagent does belongs to the turn that gave the task. ``limits.live_sessions`` is the limit of processes."""

    running_turns: _Positive | None = None  # of the service
    running_turns_per_user: _Positive | None = None
    live_sessions_per_user: _Positive | None = None
    free_memory_mb: Annotated[int, msgspec.Meta(ge=0)] = 128  # what must be left for a session to be started
    queue: Annotated[int, msgspec.Meta(ge=0)] = 100  # prompts that may wait; 0: they are refused at once
    queue_per_user: _Positive | None = None
    queue_s: _Seconds = 3600.0  # the longest that a prompt waits
    requests_per_s: Annotated[float, msgspec.Meta(gt=0)] | None = None  # of each user, on average
    requests_at_once: _Positive = 200  # of each user, before the average counts
    idempotency_s: _Seconds = 86_400.0  # how long the answer to an Idempotency-Key is kept
    idempotency_keys: _Positive = 10_000  # of which so many are kept, the newest


class StoragePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[storage]``: how much is kept, and for how long. Sessions go with all that they have, or stay whole."""

    events: _Positive = 200_000  # of all sessions, for clients that come back
    events_mb: _Positive = 256
    events_days: _Positive = 30
    output_mb: _Positive = 2048  # whole outputs of commands that were too long for the transcript
    output_days: _Positive = 30
    temporary_days: _Positive = 10  # /tmp of a session that has not been used for so long is emptied
    log_mb: _Positive = 64  # of one file
    log_files: _Positive = 4  # full ones
    sessions_days: _Positive | None = None  # sessions not used for so long are deleted; None: never
    archived_days: _Positive | None = None  # archived ones
    min_free_mb: Annotated[int, msgspec.Meta(ge=0)] = 100  # on the disk of the data; below it new prompts are refused
    ballast_mb: Annotated[int, msgspec.Meta(ge=0)] = 8  # given back so that something can be deleted on a full disk
    store_mb: _Positive | None = None  # of the store; beyond it new sessions and prompts are refused
    migration_copies: _Positive = 2  # of the store, made before an upgrade changes it


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sandbox: SandboxPolicy = SandboxPolicy()
    network: NetworkPolicy = NetworkPolicy()
    limits: LimitPolicy = LimitPolicy()
    asks: AskPolicy = AskPolicy()
    audit: AuditPolicy = AuditPolicy()
    shell: ShellPolicy = ShellPolicy()
    jobs: JobPolicy = JobPolicy()
    oauth: Methods = {}
    snapshots: SnapshotPolicy = SnapshotPolicy()
    share: SharePolicy = SharePolicy()
    storage: StoragePolicy = StoragePolicy()
    logs: LogPolicy = LogPolicy()
    tracing: TracingPolicy = TracingPolicy()
    admission: AdmissionPolicy = AdmissionPolicy()
