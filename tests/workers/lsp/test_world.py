from pathlib import Path

from oad.workers.lsp.world import language_environment


def test_caches_of_their_own_and_nothing_downloaded() -> None:
    environment = language_environment(Path("/tmp/language"))
    assert environment["XDG_CACHE_HOME"] == "/tmp/language"
    assert environment["GOCACHE"].startswith("/tmp/language/")
    assert (environment["GOPROXY"], environment["CARGO_NET_OFFLINE"]) == ("off", "true")
    assert environment["PATH"]
