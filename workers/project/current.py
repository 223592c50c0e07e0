"""The second version of the API: the same things in other shapes, each with the location it holds for."""

from datetime import UTC, datetime
from typing import Any

from oad.contract.catalogue import Agent, Command, Model, Provider, ProviderList, Skill

from ..config.agents import parse_model
from ..config.project import ProjectSetup
from .identity import ProjectIdentity

Shape = dict[str, Any]


def show_location(directory: str, identity: ProjectIdentity) -> Shape:
    return {"directory": directory, "project": {"id": identity.id, "directory": identity.worktree}}


def show_agent(agent: Agent) -> Shape:
    body = {**agent.options, "temperature": agent.temperature, "top_p": agent.top_p}
    model = agent.model and {
        "id": agent.model.model_id,
        "providerID": agent.model.provider_id,
        "variant": agent.variant,
    }
    return _present(
        id=agent.name,
        model=model and _present(**model),
        request={"headers": {}, "body": _present(**body)},
        system=agent.prompt,
        description=agent.description,
        mode=agent.mode,
        hidden=bool(agent.hidden),
        color=agent.color,
        steps=agent.steps,
        permissions=[
            {"action": rule.permission, "resource": rule.pattern, "effect": rule.action} for rule in agent.permission
        ],
    )


def show_command(command: Command) -> Shape:
    model = parse_model(command.model) if command.model else None
    return _present(
        name=command.name,
        template=command.template,
        description=command.description,
        agent=command.agent,
        model=model and {"id": model.model_id, "providerID": model.provider_id},
        subtask=command.subtask,
    )


def show_skill(skill: Skill) -> Shape:
    return {
        "name": skill.name,
        "description": skill.description,
        "location": skill.location,
        "content": skill.content,
    }


def show_provider(provider: Provider) -> Shape:
    url = provider.options.get("baseURL") or next((model.api.url for model in provider.models.values()), "")
    package = next((model.api.npm for model in provider.models.values()), "@ai-sdk/openai-compatible")
    settings = {key: value for key, value in provider.options.items() if key not in ("baseURL", "headers")}
    api = _present(type="aisdk", package=package, url=url or None, settings=settings or None)
    headers: Shape = provider.options.get("headers") or {}
    return {"id": provider.id, "name": provider.name, "api": api, "request": {"headers": headers, "body": {}}}


def show_model(model: Model, provider: Provider) -> Shape:
    capabilities = model.capabilities
    return _present(
        id=model.id,
        providerID=model.provider_id,
        family=model.family or None,
        name=model.name,
        api=_present(
            id=model.api.id, type="aisdk", package=model.api.npm, url=model.api.url or provider.options.get("baseURL")
        ),
        capabilities={
            "tools": capabilities.toolcall,
            "input": _supported(capabilities.input),
            "output": _supported(capabilities.output),
        },
        request={"headers": model.headers, "body": model.options},
        variants=[{"id": name, "headers": {}, "body": body} for name, body in (model.variants or {}).items()],
        time={"released": _milliseconds(model.release_date)},
        cost=[
            {
                "input": model.cost.input,
                "output": model.cost.output,
                "cache": {"read": model.cost.cache.read, "write": model.cost.cache.write},
            }
        ],
        status=model.status,
        enabled=True,
        limit=_present(context=model.limit.context, input=model.limit.input, output=model.limit.output),
    )


def show_integrations(providers: ProviderList) -> list[Shape]:
    """Ways to connect a provider, and whether one is in use."""
    return [
        {
            "id": provider.id,
            "name": provider.name,
            "methods": [{"type": "key"}, *([{"type": "env", "names": provider.env}] if provider.env else [])],
            "connections": _connections(provider) if provider.id in providers.connected else [],
        }
        for provider in providers.all
    ]


def show_references(setup: ProjectSetup) -> list[Shape]:
    """Configured directories outside the project; repositories are not fetched, hence not listed."""
    shown: list[Shape] = []
    for reference in setup.references:
        described = _present(description=reference.description, hidden=reference.hidden or None)
        source = {"type": "local", "path": reference.path, **described}
        shown.append({"name": reference.name, "path": reference.path, **described, "source": source})
    return shown


def _connections(provider: Provider) -> list[Shape]:
    if provider.source == "env" and provider.env:
        return [{"type": "env", "name": provider.env[0]}]
    return [{"type": "credential", "id": provider.id, "label": provider.name}] if provider.source == "api" else []


def _supported(modalities: Any) -> list[str]:
    return [name for name in ("text", "image", "audio", "video", "pdf") if getattr(modalities, name)]


def _milliseconds(date: str) -> int:
    try:
        return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0


def _present(**fields: Any) -> Shape:
    return {name: value for name, value in fields.items() if value is not None}
