from prometheus_client.parser import text_string_to_metric_families

from oad.daemon.telemetry.families import FAMILIES
from oad.daemon.telemetry.histogram import Histogram
from oad.daemon.telemetry.page import Page


def test_the_official_parser_reads_it() -> None:
    page, histogram = Page(), Histogram((0.1, 1.0))
    histogram.observe(0.5)
    page.add("oad_turns_running", 3)
    page.add_all("oad_workers", {'odd "kind"\\\n': 1.5})
    page.add_histogram("oad_spawn_seconds", histogram, kind="pty")
    families = {family.name: family for family in text_string_to_metric_families(page.encode().decode())}
    assert {f"{f.name}_total" if f.type == "counter" else f.name: f.type for f in families.values()} == {
        name: family.type for name, family in FAMILIES.items()
    }
    assert families["oad_turns_running"].samples[0].value == 3
    (worker,) = families["oad_workers"].samples
    assert (worker.labels, worker.value) == ({"kind": 'odd "kind"\\\n'}, 1.5)
    samples = {(s.name, s.labels.get("le")): s.value for s in families["oad_spawn_seconds"].samples}
    assert samples == {
        ("oad_spawn_seconds_bucket", "0.1"): 0,
        ("oad_spawn_seconds_bucket", "1"): 1,
        ("oad_spawn_seconds_bucket", "+Inf"): 1,
        ("oad_spawn_seconds_sum", None): 0.5,
        ("oad_spawn_seconds_count", None): 1,
    }
    assert {s.labels["kind"] for s in families["oad_spawn_seconds"].samples} == {"pty"}


def test_names_and_types_follow_the_rules() -> None:
    for name, family in FAMILIES.items():
        assert name.startswith("oad_")
        assert name.endswith("_total") == (family.type == "counter"), name
        assert name.endswith("_seconds") or family.type != "histogram", name
