"""A provider with a model, as a registry would list it."""

from collections.abc import Mapping, Sequence
from typing import Any

from oad.contract.catalogue import (
    CacheCost,
    Capabilities,
    ConfigProviders,
    Cost,
    Limit,
    Modalities,
    Model,
    ModelApi,
    Provider,
    ProviderList,
)


def modalities(**wanted: bool) -> Modalities:
    return Modalities(**{**dict.fromkeys(("text", "audio", "image", "video", "pdf"), False), **wanted})


MODEL = Model(
    id="fake-1",
    provider_id="fake",
    api=ModelApi(id="fake-1", url="http://llm/v1", npm="@ai-sdk/openai-compatible"),
    name="Fake 1",
    capabilities=Capabilities(
        temperature=False,
        reasoning=False,
        attachment=False,
        toolcall=True,
        input=modalities(text=True, image=True),
        output=modalities(text=True),
        interleaved=False,
    ),
    cost=Cost(input=1, output=2, cache=CacheCost(read=0, write=0)),
    limit=Limit(context=200000, output=8192),
    status="active",
    options={},
    headers={},
    release_date="2024-05-01",
    variants={"high": {"reasoningEffort": "high"}},
)
FAKE = Provider(
    id="fake",
    name="Fake",
    source="env",
    env=["FAKE_KEY"],
    options={"baseURL": "http://llm/v1"},
    models={"fake-1": MODEL},
)
OTHER = Provider(id="other", name="Other", source="custom", env=["OTHER_KEY"], options={}, models={})


class SampleProviders:
    def provider_list(self) -> ProviderList:
        return ProviderList(all=[FAKE, OTHER], default={"fake": "fake-1"}, connected=["fake"])

    def config_providers(self) -> ConfigProviders:
        return ConfigProviders(providers=[FAKE], default={"fake": "fake-1"})

    def auth_methods(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        return {"fake": [{"type": "api", "label": "API key"}]}
