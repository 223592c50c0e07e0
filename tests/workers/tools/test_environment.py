from oad.workers.tools.environment import command_environment


def test_keys_stay_out() -> None:
    source = {"OPENAI_API_KEY": "k", "AWS_SECRET_ACCESS_KEY": "k", "LC_ALL": "C", "PATH": "/bin", "FOO": "x"}
    environment = command_environment(source)
    assert environment["PATH"] == "/bin"
    assert environment["LC_ALL"] == "C"
    assert "k" not in environment.values()
    assert "FOO" not in environment


def test_proxies_pass_without_credentials_only() -> None:
    environment = command_environment({"http_proxy": "http://u:p@host", "HTTPS_PROXY": "http://host:1"})
    assert "http_proxy" not in environment
    assert environment["HTTPS_PROXY"] == "http://host:1"


def test_a_bare_service_still_has_a_path() -> None:
    assert "/usr/bin" in command_environment({})["PATH"]
