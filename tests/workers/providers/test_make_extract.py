from oad.workers.providers.make_extract import extract


def test_the_extract_can_be_made_from_the_installed_data() -> None:
    made = extract()
    assert set(made) >= {"openai", "anthropic", "google", "openrouter"}
    assert "gpt-5" in made["openai"] and "claude-sonnet-5" in made["anthropic"]
    assert not [name for name in made["openai"] if "embed" in name or "tts" in name]
