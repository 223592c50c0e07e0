"""Providers that need no configuration but a key."""

import msgspec

COMPATIBLE = "@ai-sdk/openai-compatible"


class WellKnown(msgspec.Struct, frozen=True):
    id: str
    name: str
    env: tuple[str, ...]
    url: str
    npm: str = COMPATIBLE
    prices: str | None = None  # this provider's name in the price catalogue
    prefer: tuple[str, ...] = ()  # the default model is the first of these that exists
    needs_key: bool = True
    popular: bool = False  # shown to clients before anything is configured


_ROWS = (
    WellKnown(
        "anthropic",
        "Anthropic",
        ("ANTHROPIC_API_KEY",),
        "https://api.anthropic.com/v1",
        "@ai-sdk/anthropic",
        "anthropic",
        ("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-5", "claude-opus-4-8"),
        popular=True,
    ),
    WellKnown(
        "openai",
        "OpenAI",
        ("OPENAI_API_KEY",),
        "https://api.openai.com/v1",
        "@ai-sdk/openai",
        "openai",
        ("gpt-6.1-sol", "gpt-6.1-terra", "gpt-5.6-sol", "gpt-5.5", "gpt-5.4-mini", "gpt-5"),
        popular=True,
    ),
    WellKnown(
        "google",
        "Google",
        ("GOOGLE_GENERATIVE_AI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "https://generativelanguage.googleapis.com/v1beta/openai",
        prices="google",
        prefer=("gemini-3.1-pro-preview", "gemini-3.8-flash", "gemini-2.5-pro"),
        popular=True,
    ),
    WellKnown(
        "openrouter",
        "OpenRouter",
        ("OPENROUTER_API_KEY",),
        "https://openrouter.ai/api/v1",
        prices="openrouter",
        prefer=("anthropic/claude-sonnet-5.5", "anthropic/claude-sonnet-5", "openai/gpt-5.5"),
        popular=True,
    ),
    WellKnown(
        "groq",
        "Groq",
        ("GROQ_API_KEY",),
        "https://api.groq.com/openai/v1",
        prices="groq",
        prefer=("openai/gpt-oss-120b",),
        popular=True,
    ),
    WellKnown(
        "mistral",
        "Mistral",
        ("MISTRAL_API_KEY",),
        "https://api.mistral.ai/v1",
        prices="mistral",
        prefer=("mistral-large-4", "mistral-medium-3-5", "mistral-medium-latest"),
        popular=True,
    ),
    WellKnown(
        "deepseek",
        "DeepSeek",
        ("DEEPSEEK_API_KEY",),
        "https://api.deepseek.com",
        prices="deepseek",
        prefer=("deepseek-v4-pro", "deepseek-chat"),
        popular=True,
    ),
    WellKnown(
        "xai",
        "xAI",
        ("XAI_API_KEY",),
        "https://api.x.ai/v1",
        prices="x-ai",
        prefer=("grok-4.7", "grok-4.6", "grok-code-fast-1"),
        popular=True,
    ),
    WellKnown(
        "cerebras",
        "Cerebras",
        ("CEREBRAS_API_KEY",),
        "https://api.cerebras.ai/v1",
        prices="cerebras",
        prefer=("gpt-oss-120b",),
    ),
    WellKnown(
        "togetherai",
        "Together AI",
        ("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY"),
        "https://api.together.xyz/v1",
        prices="together",
        prefer=("moonshotai/Kimi-K3", "zai-org/GLM-5.3"),
    ),
    WellKnown(
        "moonshotai",
        "Moonshot AI",
        ("MOONSHOT_API_KEY",),
        "https://api.moonshot.ai/v1",
        prices="moonshotai",
        prefer=("kimi-k3.1-pro", "kimi-k3"),
    ),
    WellKnown(
        "zai",
        "Z.AI",
        ("ZAI_API_KEY", "ZHIPU_API_KEY"),
        "https://api.z.ai/api/paas/v4",
        prices="zai",
        prefer=("GLM-5.3", "GLM-5.2"),
    ),
    WellKnown(
        "perplexity",
        "Perplexity",
        ("PERPLEXITY_API_KEY",),
        "https://api.perplexity.ai",
        prices="perplexity",
        prefer=("sonar-pro",),
    ),
    WellKnown("deepinfra", "Deep Infra", ("DEEPINFRA_API_KEY",), "https://api.deepinfra.com/v1/openai"),
    WellKnown("azure", "Azure", ("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"), "", "@ai-sdk/azure", "azure"),
    WellKnown("ollama", "Ollama", (), "http://127.0.0.1:11434/v1", needs_key=False),
    WellKnown("lmstudio", "LM Studio", (), "http://127.0.0.1:1234/v1", needs_key=False),
    WellKnown("llama.cpp", "llama.cpp", (), "http://127.0.0.1:8080/v1", needs_key=False),
    WellKnown("vllm", "vLLM", (), "http://127.0.0.1:8000/v1", needs_key=False),
)

WELL_KNOWN: dict[str, WellKnown] = {row.id: row for row in _ROWS}
