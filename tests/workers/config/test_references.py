import os

from oad.workers.config.project import load
from oad.workers.config.references import Reference

from .tree import Tree


def test_directories_are_readable_and_repositories_are_told(tree: Tree) -> None:
    tree.write(
        "repo/opencode.json",
        {
            "references": {
                "docs": "../docs",
                "own": {"path": "~/own", "description": "d", "hidden": True},
                "far": {"repository": "https://x/y"},
            },
            "reference": {"old": "/srv/old"},
        },
    )
    setup = load(str(tree.sub))
    assert setup.references == [
        Reference("old", "/srv/old"),
        Reference("docs", os.path.normpath(tree.root / "docs")),
        Reference("own", str(tree.home / "own"), "d", hidden=True),
    ]
    assert [problem for problem in setup.problems if "far" in problem] == [
        "references.far: repositories are not fetched; give the path of a checkout"
    ]
    allowed = {rule.pattern for rule in setup.rules("build") if rule.action == "allow"}
    assert {"/srv/old/*", f"{tree.root}/docs/*", f"{tree.home}/own/*"} <= allowed
