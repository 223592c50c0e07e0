"""The environment of what a session runs: names from this list only, so that no key reaches a command."""

import os
from collections.abc import Mapping

_NAMES = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TERM", "COLORTERM", "TMPDIR", "TMP", "TEMP", "TZ",
    "HOSTNAME", "MANPATH", "INFOPATH", "LD_LIBRARY_PATH", "LIBRARY_PATH", "PKG_CONFIG_PATH", "CPATH", "CC", "CXX",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM",
    "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYENV_ROOT", "UV_CACHE_DIR", "PIP_CACHE_DIR", "POETRY_HOME",
    "NVM_DIR", "NVM_BIN", "FNM_DIR", "VOLTA_HOME", "PNPM_HOME", "BUN_INSTALL", "DENO_DIR", "DENO_INSTALL",
    "GOPATH", "GOROOT", "GOBIN", "GOCACHE", "GOMODCACHE", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR",
    "JAVA_HOME", "ANDROID_HOME", "ANDROID_SDK_ROOT", "SDKMAN_DIR", "GRADLE_USER_HOME", "M2_HOME", "MAVEN_HOME",
    "GEM_HOME", "GEM_PATH", "RBENV_ROOT", "DOTNET_ROOT", "ASDF_DIR", "ASDF_DATA_DIR", "MISE_DATA_DIR",
    "NIX_PATH", "NIX_PROFILES", "NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "no_proxy", "NO_PROXY",
})  # fmt: skip
_PROXIES = frozenset({"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})
_DEFAULTS = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", "LANG": "C.UTF-8"}


def command_environment(source: Mapping[str, str] | None = None) -> dict[str, str]:
    """What of ``source`` (the worker's own environment by default) a command may see.

    Pagers and prompts are switched off: nobody sits at the terminal."""
    kept = _kept(source)
    return {**_DEFAULTS, "TERM": "dumb", **kept, "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}


def terminal_environment(added: Mapping[str, str], source: Mapping[str, str] | None = None) -> dict[str, str]:
    """For a program at which somebody sits. ``added`` is what the client wants besides."""
    return {**_DEFAULTS, **_kept(source), **added, "TERM": "xterm-256color", "OPENCODE_TERMINAL": "1"}


def _kept(source: Mapping[str, str] | None) -> dict[str, str]:
    source = os.environ if source is None else source
    return {name: value for name, value in source.items() if _is_passed(name, value)}


def _is_passed(name: str, value: str) -> bool:
    if name in _PROXIES:
        return "@" not in value  # with user and password it is a key
    return name in _NAMES or name.startswith("LC_")
