"""The demo model's entry among the providers."""

from .provider_making import ProviderEntry
from .settings import LimitSettings, ModelSettings, ProviderSettings

DEMO = "demo"
NPM = "oad-demo"


def demo_entry(*, connected: bool) -> ProviderEntry:
    model = ModelSettings(name="Demo (not a real model)", limit=LimitSettings(context=200_000, output=8_192))
    settings = ProviderSettings(name="Demo", npm=NPM, env=[], models={DEMO: model})
    return ProviderEntry(DEMO, settings, None, "custom" if connected else None, None)
