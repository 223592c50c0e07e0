"""Skills: folders with a SKILL.md that the model reads when it needs them."""

from pathlib import Path

from oad.contract.catalogue import Skill

from .load import config_directories
from .markdown import Document, find_files, read_document
from .places import Places, expand_home, levels
from .remote_folder import folder_of
from .settings import Config
from .watch import Watch

_FILE = "SKILL.md"


def find_skills(
    watch: Watch,
    places: Places,
    directory: Path,
    worktree: Path,
    config: Config,
    problems: list[str],
    fetched: Path | None = None,
) -> dict[str, Skill]:
    """By name; of several with one name the last place wins: other programs' folders, ``.opencode``, configuration.
    ``fetched`` holds those that configuration names by address."""
    skills: dict[str, Skill] = {}
    remote = [fetched / folder_of(url) for url in config.skills.urls] if fetched else []
    for folder in [*_folders(watch, places, directory, worktree, config), *remote]:
        for path in find_files(watch, folder, _FILE):
            document = read_document(watch, path, path.parent.name, problems) if path.name == _FILE else None
            if document and (skill := _make_skill(document, problems)):
                skills[skill.name] = skill
    return skills


def _folders(watch: Watch, places: Places, directory: Path, worktree: Path, config: Config) -> list[Path]:
    found: list[Path] = []
    foreign = _foreign_folders(watch)
    found += [places.home / name / "skills" for name in foreign]
    if not watch.flag("OPENCODE_DISABLE_PROJECT_CONFIG"):
        upwards = reversed(levels(directory, worktree))
        found += [level / name / "skills" for level in upwards for name in foreign]
    for base in config_directories(watch, places, directory, worktree):
        found += [base / "skill", base / "skills"]
    found += [directory / expand_home(path, places.home) for path in config.skills.paths]
    return list(dict.fromkeys(found))


def _foreign_folders(watch: Watch) -> list[str]:
    if watch.flag("OPENCODE_DISABLE_EXTERNAL_SKILLS"):
        return []
    no_claude = watch.flag("OPENCODE_DISABLE_CLAUDE_CODE") or watch.flag("OPENCODE_DISABLE_CLAUDE_CODE_SKILLS")
    return [".agents"] if no_claude else [".claude", ".agents"]


def _make_skill(document: Document, problems: list[str]) -> Skill | None:
    meta = document.meta or {}
    name, description = meta.get("name"), meta.get("description")
    if not isinstance(name, str) or not isinstance(description, str):
        problems.append(f"{document.path}: a skill needs front matter with name and description")
        return None
    if name != document.name:
        problems.append(f"{document.path}: the skill is named {name!r} but lies in the folder {document.name!r}")
    return Skill(name=name, description=description, location=document.path, content=document.body)
