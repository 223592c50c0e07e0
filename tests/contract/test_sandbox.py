"""Nothing is ever wider than its ceiling."""

from collections.abc import Sequence
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from oad.contract.policy import NetworkMode, Profile
from oad.contract.sandbox import (
    PROFILES,
    UNCONFINED,
    Confinement,
    lowest_network,
    lowest_profile,
    profile_for,
    worker_writable,
)

profiles = st.sampled_from(PROFILES)


def test_every_profile_is_ranked() -> None:
    assert set(PROFILES) == set(get_args(Profile))


@given(st.lists(st.one_of(st.none(), profiles)))
def test_the_lowest_of_profiles(wanted: Sequence[Profile | None]) -> None:
    found = lowest_profile(wanted)
    assert all(PROFILES.index(found) <= PROFILES.index(each) for each in wanted if each is not None)
    assert found in wanted or found == "full"


def test_the_lowest_of_networks() -> None:
    modes: list[NetworkMode | None] = ["on", None, "allow"]
    assert lowest_network(modes) == "allow"
    assert lowest_network([*modes, "off"]) == "off"
    assert lowest_network([None]) == "on"


@given(profiles, profiles, st.one_of(st.none(), profiles))
def test_no_command_exceeds_the_ceiling(profile: Profile, ceiling: Profile, wanted: Profile | None) -> None:
    confinement = Confinement(level="namespaces", profile=profile, ceiling=ceiling)
    found = profile_for(confinement, wanted)
    assert PROFILES.index(found) <= PROFILES.index(ceiling)
    assert PROFILES.index(found) <= PROFILES.index(wanted or profile)


def test_what_the_worker_may_write_to() -> None:
    assert worker_writable(UNCONFINED) == ("/",)
    some = Confinement(level="namespaces", profile="workspace", ceiling="full", writable=("/w",))
    assert worker_writable(some) == ("/w",)
    assert worker_writable(Confinement(level="landlock", profile="read-only", ceiling="full", writable=("/w",))) == ()
