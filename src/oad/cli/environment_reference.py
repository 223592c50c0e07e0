"""The environment variables of the server, for the documentation; a test compares them with the code."""

from typing import Final

SERVER: Final[dict[str, str]] = {
    "OPENCODE_SERVER_PASSWORD": "password that clients must show (Basic); no credential is generated then",
    "OPENCODE_SERVER_USERNAME": "user that goes with it; `opencode` by default",
    "OA_SERVER_TOKEN": "token that clients may show instead (Bearer); no credential is generated then",
    "OPENCODE_LOG_LEVEL": "as `--log-level`",
    "OPENCODE_PRINT_LOGS": "`1` or `true`: as `--print-logs`",
    "OPENCODE_AUTH_CONTENT": "credentials of providers as JSON, in the form of `auth.json`; stored ones win",
    "OPENCODE_MODELS_PATH": (
        "a catalogue of models: a file as models.dev's `api.json`, read again when it changes. What it says of a "
        "provider comes before what is built in"
    ),
    "OPENCODE_MODELS_URL": (
        "where such a file is served, as `api.json` below it or itself; https, or on this host. Fetched at the start "
        "and every hour, and kept in the data directory. Without it nothing is fetched"
    ),
    "OPENCODE_DISABLE_MODELS_FETCH": "`1` or `true`: it is not fetched; what was fetched before holds",
    "STATE_DIRECTORY": "the data directory, as systemd passes it; `--data-dir` wins",
    "RUNTIME_DIRECTORY": "the directory of the sockets, as systemd passes it",
    "XDG_DATA_HOME": "the data directory is `oad` in it; `~/.local/share` by default",
    "XDG_STATE_HOME": "the log is `oad/log/oad.log` in it; `~/.local/state` by default",
    "XDG_RUNTIME_DIR": "sockets of a server on the default data directory go to `oad` in it",
    "XDG_CACHE_HOME": "named to clients by `GET /path`",
}

SESSIONS: Final[dict[str, str]] = {
    "XDG_CONFIG_HOME": "the user's configuration is `opencode/` in it; `~/.config` by default",
    "OPENCODE_CONFIG": "a further configuration file, after the user's",
    "OPENCODE_CONFIG_DIR": "a further configuration directory",
    "OPENCODE_CONFIG_CONTENT": "configuration as JSON, after all files",
    "OPENCODE_PERMISSION": "permission rules as JSON, over all others",
    "OPENCODE_DISABLE_PROJECT_CONFIG": "configuration in projects is not read (repositories that are not trusted)",
    "OPENCODE_DISABLE_CLAUDE_CODE": "neither prompts nor skills of `.claude` are read",
    "OPENCODE_DISABLE_CLAUDE_CODE_PROMPT": "`CLAUDE.md` is not read",
    "OPENCODE_DISABLE_CLAUDE_CODE_SKILLS": "skills of `.claude` are not read",
    "OPENCODE_DISABLE_EXTERNAL_SKILLS": "skills of `.claude` and `.agents` are not read",
    "OPENCODE_DISABLE_AUTOCOMPACT": "long conversations are not compacted on their own",
    "OPENCODE_DISABLE_PRUNE": "old tool outputs are not pruned",
    "OPENCODE_DISABLE_SHARE": "sharing is off, and said to be",
    "OPENCODE_EXPERIMENTAL_BASH_DEFAULT_TIMEOUT_MS": "how long a command of the model may run that names no time",
    "OPENCODE_EXPERIMENTAL_OUTPUT_TOKEN_MAX": "the most tokens that an answer is given; 32000 by default",
    "OPENCODE_CLIENT": "`app`, `cli` (default) or `desktop`; with another client the model is offered no questions",
    "OPENCODE_ENABLE_QUESTION_TOOL": "`1` or `true`: it is, whatever the client",
}

WITHOUT_EFFECT: Final[dict[str, str]] = {
    "OPENCODE_DB": "the store is `oad.db` in the data directory (`--data-dir`), and not opencode's",
    "OPENCODE_PURE": "no plugins are ever run",
    "OPENCODE_ENABLE_EXPERIMENTAL_MODELS": "models with status `alpha` are not listed, but can be named",
    "OPENCODE_AUTO_SHARE": "set `share` to `auto` in the configuration instead",
    "OPENCODE_DISABLE_AUTOUPDATE": "oad does not replace itself",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "no language server is ever downloaded",
    "OPENCODE_DISABLE_DEFAULT_PLUGINS": "there are none",
    "OPENCODE_DISABLE_TERMINAL_TITLE": "the terminal interface's own",
}

TERMINALS: Final[dict[str, str]] = {
    "OPENCODE_TERMINAL": "`1`, by which a program can tell that it runs in one of the server's terminals",
}
