import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oad.contract.network import (
    BadHost,
    BadRule,
    Target,
    canonical_host,
    covers,
    describe_policy,
    kind_of,
    parse_rule,
    parse_rules,
    parse_target,
    refused_address,
)
from oad.contract.policy import NetworkPolicy

LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(".".join).filter(lambda name: not name.replace(".", "").isdigit())
PORTS = st.integers(1, 65535)


@given(NAMES, PORTS)
def test_a_listed_host_and_port_is_covered_and_no_other_port(name: str, port: int) -> None:
    rules = parse_rules([f"{name}:{port}"])
    assert covers([rules], Target(name, port))
    assert not covers([rules], Target(name, port % 65535 + 1))
    assert not covers([rules], Target("x" + name, port))
    assert not covers([rules], Target("x." + name, port))


@given(NAMES, NAMES, PORTS)
def test_a_suffix_covers_what_is_below_it_and_nothing_else(suffix: str, name: str, port: int) -> None:
    rules = parse_rules([f"*.{suffix}:{port}"])
    assert covers([rules], Target(f"{name}.{suffix}", port))
    assert not covers([rules], Target(suffix, port))
    assert not covers([rules], Target(f"{name}{suffix}", port)) or name.endswith(".")
    assert not covers([rules], Target(f"{suffix}.{name}x", port)) or f".{name}x".endswith(f".{suffix}")


@given(NAMES)
def test_every_spelling_of_a_name_is_one(name: str) -> None:
    assert canonical_host(name.upper() + ".") == canonical_host(name) == name
    assert covers([parse_rules([name.upper()])], parse_target(f"{name}.:443"))


@given(NAMES, PORTS)
def test_two_lists_allow_no_more_than_either(name: str, port: int) -> None:
    narrow, wide, other = parse_rules([f"{name}:{port}"]), parse_rules([f"*:{port}"]), parse_rules(["other.test"])
    assert covers([wide, narrow], Target(name, port))
    assert not covers([wide, narrow], Target("y" + name, port))
    assert not covers([narrow, other], Target(name, port))
    assert not covers([narrow, ()], Target(name, port))


def test_nothing_is_covered_without_a_list() -> None:
    assert not covers([], Target("example.org", 443))


def test_without_a_port_the_two_of_the_web_are_meant() -> None:
    rules = parse_rules(["example.org"])
    assert [port for port in (22, 80, 443, 8080) if covers([rules], Target("example.org", port))] == [80, 443]


@pytest.mark.parametrize(
    "text",
    ["", "*.", "a b", "example.org:0", "example.org:65536", "example.org:http", "exa_mple..org", "-a.org", "1.2.3",
     "300.1.1.1", "10.0.0.1/8", "fe80::1%eth0", "[::1", "[::1]x", "*.*.org", "*.10.0.0.1", "http://example.org", "a/b",
     "2130706433", "example.org:+80", "example.org:٣"],
)  # fmt: skip
def test_entries_that_mean_nothing(text: str) -> None:
    with pytest.raises(BadRule):
        parse_rule(text)


@pytest.mark.parametrize(
    "text", ["", ":443", "host", "host:", "a b:1", "h\0st:1", "user@host:1", "[::1]", "::1:443", "x" * 254 + ":1"]
)
def test_targets_that_mean_nothing(text: str) -> None:
    with pytest.raises(BadHost):
        parse_target(text)


def test_ipv6() -> None:
    target = parse_target("[0:0::1]:8080")
    assert target == Target("::1", 8080)
    assert str(target) == "[::1]:8080"
    assert covers([parse_rules(["[::1]:8080"])], target)
    assert covers([parse_rules(["[::/120]:8080"])], target)
    assert not covers([parse_rules(["[::1]:8081", "::1"])], target)
    assert covers([parse_rules(["2001:db8::/32"])], Target("2001:db8::5", 443))
    assert not covers([parse_rules(["*.test", "1.test"])], Target("127.0.0.1", 443))


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
     "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "2001::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
     "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2600::5efe:10.0.0.1", "2600::200:5efe:10.0.0.1"],
)  # fmt: skip
def test_what_is_not_public_is_refused_whatever_its_name(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    assert kind_of(parsed)
    for port in (80, 443):
        assert refused_address([parse_rules(["*", "evil.test"])], Target("evil.test", port), parsed)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_what_is_public_is_not(address: str) -> None:
    assert refused_address([parse_rules(["*"])], Target("a.test", 443), ipaddress.ip_address(address)) == ""


@given(st.integers(0, 2**32 - 1), st.sampled_from(["::ffff:0:0", "64:ff9b::", "::"]))
def test_no_disguise_changes_what_an_address_is(number: int, prefix: str) -> None:
    plain = ipaddress.IPv4Address(number)
    disguised = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) + number)
    if kind_of(plain):
        assert kind_of(disguised)


@given(st.ip_addresses())
def test_every_address_that_python_calls_private_is_refused(address: ipaddress.IPv4Address) -> None:
    if address.is_private or address.is_link_local or address.is_loopback or address.is_multicast:
        assert kind_of(address)


def test_listed_addresses_are_allowed_on_their_port_only() -> None:
    rules = parse_rules(["10.1.0.0/16:8080", "git.test:8080"])
    for host in ("git.test", "10.1.2.3"):
        assert refused_address([rules], Target(host, 8080), ipaddress.ip_address("10.1.2.3")) == ""
        assert refused_address([rules], Target(host, 8080), ipaddress.ip_address("::ffff:10.1.2.3")) == ""
        assert refused_address([rules], Target(host, 443), ipaddress.ip_address("10.1.2.3"))
        assert refused_address([rules], Target(host, 8080), ipaddress.ip_address("10.2.2.3"))
        assert refused_address(
            [rules, parse_rules(["git.test:8080"])], Target(host, 8080), ipaddress.ip_address("10.1.2.3")
        )


def test_localhost_by_name_stands_for_loopback() -> None:
    rules = parse_rules(["localhost:5000"])
    assert refused_address([rules], Target("localhost", 5000), ipaddress.ip_address("::1")) == ""
    assert refused_address([rules], Target("localhost", 5000), ipaddress.ip_address("10.0.0.1"))
    assert refused_address([rules], Target("localhost", 5001), ipaddress.ip_address("127.0.0.1"))


def test_the_hosts_own_public_address_is_refused() -> None:
    address = ipaddress.ip_address("8.8.8.8")
    assert refused_address([parse_rules(["*"])], Target("me.test", 443), address, own=True)
    assert refused_address([parse_rules(["*", "8.8.8.8"])], Target("me.test", 443), address, own=True) == ""


def test_descriptions() -> None:
    assert "example.org" in describe_policy(NetworkPolicy("allow", ("example.org",)))
    assert "empty" in describe_policy(NetworkPolicy("allow"))
    assert describe_policy(NetworkPolicy("off")).startswith("off")
    assert describe_policy(NetworkPolicy()).startswith("on")
