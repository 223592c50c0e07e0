"""The formatters that oad knows, as data: what runs them, on which files, and what shows that a project wants them."""

from typing import Final

import msgspec

FILE: Final = "$FILE"  # in a command: the file's absolute path


class Sign(msgspec.Struct, frozen=True):
    """A file somewhere from the directory up to the worktree's top, which holds ``text``."""

    file: str
    text: str = ""


class Probe(msgspec.Struct, frozen=True):
    """Arguments under which the program ends well and writes ``text``, unlike others of its name and older ones."""

    arguments: tuple[str, ...]
    text: str = ""


class Formatter(msgspec.Struct, frozen=True):
    """``signs``: one of them suffices; none are needed where there are none. ``given``: the command is a user's."""

    name: str
    command: tuple[str, ...]
    extensions: tuple[str, ...]
    signs: tuple[Sign, ...] = ()
    probe: Probe | None = None
    unless: str = ""  # another one, which does the same work
    environment: dict[str, str] = {}
    given: bool = False


_PYTHON: Final = (".py", ".pyi")
_RUBY: Final = (".rb", ".rake", ".gemspec", ".ru")
_SCRIPT: Final = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts")
_MARKUP: Final = (".html", ".htm", ".css", ".scss", ".sass", ".less", ".vue", ".svelte")
_TEXT: Final = (".json", ".jsonc", ".yaml", ".yml", ".toml", ".xml", ".md", ".mdx", ".graphql", ".gql")
_C: Final = (".c", ".cc", ".cpp", ".cxx", ".c++", ".h", ".hh", ".hpp", ".hxx", ".h++", ".ino", ".C", ".H")
_ELIXIR: Final = (".ex", ".exs", ".eex", ".heex", ".leex", ".neex", ".sface")
_RUFF_SIGNS: Final = (
    Sign("ruff.toml"),
    Sign(".ruff.toml"),
    Sign("pyproject.toml", "ruff"),
    Sign("requirements.txt", "ruff"),
    Sign("Pipfile", "ruff"),
)

# In the order in which clients have always seen them.
TABLE: Final[tuple[Formatter, ...]] = (
    Formatter("zig", ("zig", "fmt", FILE), (".zig", ".zon")),
    Formatter("uv", ("uv", "format", "--", FILE), _PYTHON, probe=Probe(("format", "--help")), unless="ruff"),
    Formatter("terraform", ("terraform", "fmt", FILE), (".tf", ".tfvars")),
    Formatter("standardrb", ("standardrb", "--fix", FILE), _RUBY),
    Formatter("shfmt", ("shfmt", "-w", FILE), (".sh", ".bash")),
    Formatter("rustfmt", ("rustfmt", FILE), (".rs",)),
    Formatter("ruff", ("ruff", "format", FILE), _PYTHON, _RUFF_SIGNS),
    Formatter("rubocop", ("rubocop", "--autocorrect", FILE), _RUBY),
    Formatter("air", ("air", "format", FILE), (".R",), probe=Probe(("--help",), "R language")),
    Formatter(
        "prettier", ("prettier", "--write", FILE), _SCRIPT + _MARKUP + _TEXT, (Sign("package.json", '"prettier"'),)
    ),
    Formatter("pint", ("pint", FILE), (".php",), (Sign("composer.json", '"laravel/pint"'),)),
    Formatter("oxfmt", ("oxfmt", FILE), _SCRIPT, (Sign("package.json", '"oxfmt"'),)),
    Formatter("ormolu", ("ormolu", "-i", FILE), (".hs",)),
    Formatter("ocamlformat", ("ocamlformat", "-i", FILE), (".ml", ".mli"), (Sign(".ocamlformat"),)),
    Formatter("nixfmt", ("nixfmt", FILE), (".nix",)),
    Formatter("mix", ("mix", "format", FILE), _ELIXIR),
    Formatter("latexindent", ("latexindent", "-w", "-s", FILE), (".tex",)),
    Formatter("ktlint", ("ktlint", "-F", FILE), (".kt", ".kts")),
    Formatter("htmlbeautifier", ("htmlbeautifier", FILE), (".erb", ".html.erb")),
    Formatter("gofmt", ("gofmt", "-w", FILE), (".go",)),
    Formatter("gleam", ("gleam", "format", FILE), (".gleam",)),
    Formatter("dfmt", ("dfmt", "-i", FILE), (".d",)),
    Formatter("dart", ("dart", "format", FILE), (".dart",)),
    Formatter("cljfmt", ("cljfmt", "fix", "--quiet", FILE), (".clj", ".cljs", ".cljc", ".edn")),
    Formatter("clang-format", ("clang-format", "-i", FILE), _C, (Sign(".clang-format"),)),
    Formatter(
        "biome",
        ("biome", "check", "--write", FILE),
        _SCRIPT + _MARKUP + _TEXT,
        (Sign("biome.json"), Sign("biome.jsonc")),
    ),
)
