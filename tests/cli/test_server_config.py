from oad.cli.server_config import ServerConfig, Settings
from oad.contract.forwarding import Forwarding
from oad.contract.policy import Policy


def test_reverse_proxies() -> None:
    given = ServerConfig(base_path="/oad/", trusted_proxies=("127.0.0.1", "10.0.0.0/8", "unix"))
    assert given.forwarding() == Forwarding("/oad", ("127.0.0.1", "10.0.0.0/8", "unix"))
    assert not ServerConfig().forwarding()


def test_every_section_of_the_policy_is_one_of_the_file() -> None:
    assert Settings().policy() == Policy()
    assert set(Policy.__struct_fields__) == set(Settings.__struct_fields__) - {"server"}
