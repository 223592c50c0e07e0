"""A model as clients see it, from what the configuration says over what the catalogue knows."""

from typing import Any

from oad.contract.catalogue import CacheCost, Capabilities, Cost, Interleaved, Limit, Modalities, Model, ModelApi

from . import traits
from .catalogue import KnownModel
from .settings import CostSettings, LimitSettings, ModalitySettings, ModelSettings
from .variants import effort_variants

_TEXT = ["text"]


def known_to_settings(model_id: str, known: KnownModel) -> ModelSettings:
    """What is known of a model, in the form of a configuration."""
    can = traits.input_modalities(model_id)
    context = traits.context_limit(known.context)
    return ModelSettings(
        name=known.name,
        attachment=can.image or can.pdf,
        modalities=ModalitySettings(input=[name for name in can.__struct_fields__ if getattr(can, name)]),
        reasoning=traits.reasons(model_id),
        temperature=traits.takes_temperature(model_id),
        tool_call=True,
        cost=CostSettings(known.input, known.output, known.cache_read, known.cache_write),
        limit=LimitSettings(context, traits.output_limit(model_id, context)),
    )


def make_model(
    provider_id: str, model_id: str, settings: ModelSettings, base: ModelSettings | None, *, npm: str, url: str
) -> Model:
    """``base``: what a catalogue says, where the settings say nothing."""
    base = base or ModelSettings()
    api = settings.provider or base.provider
    npm = (api and api.npm) or npm
    reasoning = _first(settings.reasoning, base.reasoning, False)
    named, usual = settings.modalities or ModalitySettings(), base.modalities or ModalitySettings()
    return Model(
        id=model_id,
        provider_id=provider_id,
        api=ModelApi(id=settings.id or model_id, url=(api and api.api) or url, npm=npm),
        name=settings.name or base.name or model_id,
        family=settings.family or base.family or "",
        capabilities=Capabilities(
            temperature=_first(settings.temperature, base.temperature, False),
            reasoning=reasoning,
            attachment=_first(settings.attachment, base.attachment, False),
            toolcall=_first(settings.tool_call, base.tool_call, True),
            input=_modalities(named.input, usual.input),
            output=_modalities(named.output, usual.output),
            interleaved=_interleaved(base.interleaved if settings.interleaved is None else settings.interleaved),
        ),
        cost=_cost(settings.cost or base.cost or CostSettings()),
        limit=_limit(settings.limit or base.limit or LimitSettings()),
        status=settings.status or base.status or "active",
        options={**base.options, **settings.options},
        headers={**base.headers, **settings.headers},
        release_date=settings.release_date or base.release_date or "",
        variants=_variants(settings, npm, model_id, reasoning=reasoning),
    )


def _first(*values: bool | None) -> bool:
    return next((value for value in values if value is not None), False)


def _modalities(named: list[str] | None, usual: list[str] | None) -> Modalities:
    have = set(next(some for some in (named, usual, _TEXT) if some is not None))
    return Modalities(
        text="text" in have, audio="audio" in have, image="image" in have, video="video" in have, pdf="pdf" in have
    )


def _interleaved(value: bool | str | dict[str, str] | None) -> bool | Interleaved:
    if isinstance(value, dict):
        return Interleaved(field=value.get("field", "reasoning_content"))
    return Interleaved(field=value) if isinstance(value, str) else bool(value)


def _cost(cost: CostSettings) -> Cost:
    cache = CacheCost(read=cost.cache_read, write=cost.cache_write)
    return Cost(input=cost.input, output=cost.output, cache=cache)


def _limit(limit: LimitSettings) -> Limit:
    return Limit(context=limit.context, output=limit.output, input=limit.input)


def _variants(settings: ModelSettings, npm: str, model_id: str, *, reasoning: bool) -> dict[str, dict[str, Any]]:
    variants = effort_variants(npm, model_id) if reasoning else {}
    for name, options in settings.variants.items():
        variants[name] = {**variants.get(name, {}), **options}
    enabled = {name: options for name, options in variants.items() if not options.get("disabled")}
    return {name: {key: value for key, value in o.items() if key != "disabled"} for name, o in enabled.items()}
