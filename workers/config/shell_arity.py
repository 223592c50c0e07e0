"""How many words of a command say what it does: "git status --short" does "git status", "npm run dev" does itself."""

from collections.abc import Sequence
from typing import Final

# Words, options not counted, that name the action; a longer key wins. Commands that are not listed: their name alone.
_TWO: Final = """
apt apt-get az bazel brew bun bundle cargo cdk choco composer conda deno dnf docker dotnet flux flyctl gcloud
gem gh git go gradle helm heroku hg http ip jj journalctl just kubectl make mix mvn nerdctl nix npm npx nvm nx
openssl pacman php pip pip3 pipenv pipx pnpm podman poetry pulumi pyenv python python3 rails rake rbenv ruby
rustup rye sbt serverless sh bash zsh snap ssh supabase svn swift systemctl tar terraform tmux tofu turbo uv uvx
vagrant vault vercel wrangler yarn yum zypper
"""
_THREE: Final = """
aws|bun run|bun x|cargo add|cargo run|conda env|deno task|docker builder|docker compose|docker container|
docker image|docker network|docker volume|gcloud compute|gh issue|gh pr|gh run|gh repo|gh api|git config|
git remote|git stash|git submodule|git worktree|go mod|go tool|helm repo|kubectl rollout|kubectl config|npm run|
npm exec|npm init|npm view|pip config|pnpm run|pnpm dlx|pnpm exec|podman compose|podman container|podman image|
poetry run|rye run|terraform workspace|uv pip|uv run|uv tool|yarn run|yarn dlx|yarn workspace
"""
_ARITY: Final = {**dict.fromkeys(_TWO.split(), 2), **dict.fromkeys(_THREE.replace("\n", "").split("|"), 3)}
_MODULE: Final = ("python", "python3")


def meaningful_prefix(words: Sequence[str]) -> list[str]:
    """The first words of a command that name the action, options between them included."""
    if not words:
        return []
    if words[0] in _MODULE and words[1:2] == ["-m"]:
        return list(words[:3])
    plain = [word for word in words if not word.startswith("-")]
    wanted = max((_ARITY.get(" ".join(plain[:length]), 0) for length in (1, 2)), default=0) or 1
    prefix: list[str] = []
    for word in words:
        if wanted == 0:
            break
        prefix.append(word)
        wanted -= not word.startswith("-")
    return prefix
