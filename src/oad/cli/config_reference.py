"""The keys of opencode.json and what they do here, for the documentation; a test compares them with the code."""

from typing import Final

KEYS: Final[dict[str, str]] = {
    "$schema": "for editors",
    "provider": (
        "providers and their models: `npm` (the protocol), `name`, `env`, `api`, `options` (`baseURL`, `apiKey`, "
        "`headers`, `timeout`, `chunkTimeout`), `models` (`limit`, `cost`, `options`, `headers`, `variants` …), "
        "`whitelist`, `blacklist`"
    ),
    "model": "`provider/model`: of sessions that name none",
    "small_model": "`provider/model`: for titles",
    "disabled_providers": "not offered, whatever else is configured",
    "enabled_providers": "if given, only these are offered",
    "permission": (
        "an action (`allow`, `ask`, `deny`) or a map from tool to action or to patterns; the last match wins, so "
        "the order counts; `~` and `$HOME` stand for the home directory"
    ),
    "tools": "old: a map from tool to `true` or `false`; becomes `permission`, which wins",
    "agent": (
        "agents by name, native ones too: `model`, `variant`, `prompt`, `description`, `mode`, `permission`, "
        "`tools`, `temperature`, `top_p`, `steps` (old: `maxSteps`), `disable`, `hidden`, `color`, `options`; "
        "other keys are options of the model call"
    ),
    "mode": "old: agents that are primary",
    "default_agent": "the agent of prompts that name none; must be primary and not hidden",
    "subagent_depth": "how deep tasks may be nested; 1 by default: subagents give none. 0: nobody does",
    "command": (
        "slash commands by name: `template` (`$ARGUMENTS`, `$1` …, ``!`command` ``, `@file`), `description`, "
        "`agent`, `model`, `subtask`"
    ),
    "mcp": "MCP servers by name, `local` or `remote`",
    "instructions": (
        "files, patterns and addresses whose texts go into the system prompt; lists of several files add up"
    ),
    "skills": "`paths` of folders with skills; `urls` of indexes (`index.json`), which are fetched for ten minutes",
    "references": (
        "directories outside of the project, by name: readable, and told to the model unless `hidden`. "
        "Repositories are not fetched"
    ),
    "reference": "old: the same",
    "compaction": (
        "`auto` (default `true`), `prune`, `reserved` (tokens kept free), `tail_turns` and "
        "`preserve_recent_tokens` (what is kept beside a summary: nothing unless one of them is set)"
    ),
    "tool_output": "`max_lines` (2000) and `max_bytes` (51200) of a tool's output that the model is given",
    "attachment": "`image`: `auto_resize`, `max_width`, `max_height`, `max_base64_bytes`, see [IMAGES.md](IMAGES.md)",
    "shell": "of commands: bash, zsh, sh, dash or ksh, from outside of the project",
    "username": "shown by clients; the name of the server's user by default",
    "share": "`manual`, `auto`, `disabled`",
    "autoshare": "old: `true` is `share: auto`",
    "snapshot": "`false`: files are not remembered, and changes can't be taken back",
    "watcher": "`ignore`: patterns of files whose changes are not told",
    "formatter": "`true`, or formatters by name: files are formatted after a tool has written them",
    "lsp": "`true`, or language servers by name",
    "server": "`port`, `hostname`, `cors`, `mdns`, `mdnsDomain`; of the user's own file only, and options win",
    "logLevel": "of the server's log; of the user's own file only; options and oad.toml win",
    "plugin": "JavaScript, which is not run: named in the log",
    "experimental": "`mcp_timeout`; the others have no effect and are named in the log",
    "autoupdate": "without effect: oad does not replace itself",
    "enterprise": "without effect",
    "layout": "without effect",
    "theme": "without effect: the terminal interface's, see its `tui.json`",
    "keybinds": "the same",
    "tui": "the same",
}

SOURCES: Final[tuple[tuple[str, str], ...]] = (
    ("`$XDG_CONFIG_HOME/opencode/config.json`, `opencode.json`, `opencode.jsonc`", "the user's own"),
    ("the file in `OPENCODE_CONFIG`", "must exist"),
    ("`opencode.json`, `opencode.jsonc`", "from the top of the repository down to the directory"),
    ("`.opencode/` (files as above, agents, commands)", "from the directory up to the top of the repository"),
    ("`~/.opencode/`", "the same"),
    ("the directory in `OPENCODE_CONFIG_DIR`", "the same"),
    ("`OPENCODE_CONFIG_CONTENT`", "JSON"),
    ("`/etc/opencode/opencode.json`, `opencode.jsonc`", "the operator's"),
    ("`OPENCODE_PERMISSION` and the switches of [SETTINGS.md](SETTINGS.md)", ""),
)

PLACES: Final[tuple[tuple[str, str], ...]] = (
    (
        "`AGENTS.md`, else `CLAUDE.md`, else `CONTEXT.md`",
        "instructions: from the directory up to the top of the repository",
    ),
    ("`$XDG_CONFIG_HOME/opencode/AGENTS.md`, else `~/.claude/CLAUDE.md`", "the user's own instructions"),
    ("`.opencode/agent(s)/**/*.md`", "agents: front matter and prompt; a nested path is the name `a/b`"),
    ("`.opencode/mode(s)/*.md`", "old: primary agents"),
    ("`.opencode/command(s)/**/*.md`", "commands: front matter and template"),
    ("`.opencode/skill(s)/*/SKILL.md`, `.claude/skills`, `.agents/skills`, the same in the home", "skills"),
    ("`.opencode/plugin(s)`, `.opencode/tool(s)` with JavaScript", "not run, named in the log"),
)
