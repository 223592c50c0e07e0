"""The language servers that oad knows, as data: command, files, and what marks the root of what they look at."""

from typing import Any, Final

import msgspec


class Place(msgspec.Struct, frozen=True):
    """The first of ``files`` below the root that exists, else ``beside`` the program, links followed, is told to the
    server: in its initialization options as ``option``, and as ``setting`` when it asks for its settings. Dots divide
    the names of nested objects."""

    files: tuple[str, ...]
    option: str
    setting: str = ""
    beside: str = ""


class Server(msgspec.Struct, frozen=True):
    """``markers``: the nearest directory upwards that holds one is the root; without one the directory is, or, where a
    marker is ``needed``, there is nothing for it to do. An earlier group of markers is looked for all the way up before
    the next. ``command`` without a ``given`` one is run only if it is installed."""

    id: str
    command: tuple[str, ...]
    extensions: tuple[str, ...]
    markers: tuple[tuple[str, ...], ...] = ()
    needed: bool = False
    unless: tuple[str, ...] = ()  # markers of another's projects
    initialization: dict[str, Any] = {}
    place: Place | None = None
    environment: dict[str, str] = {}
    given: bool = False


_SCRIPT: Final = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts")
_LOCKS: Final = ("package-lock.json", "bun.lockb", "bun.lock", "pnpm-lock.yaml", "yarn.lock")
_PYTHON: Final = ("pyproject.toml", "setup.py", "setup.cfg", "requirements.txt", "Pipfile", "pyrightconfig.json")
_C: Final = (".c", ".cpp", ".cc", ".cxx", ".c++", ".h", ".hpp", ".hh", ".hxx", ".h++")
_DENO: Final = ("deno.json", "deno.jsonc")

TABLE: Final[tuple[Server, ...]] = (
    Server("deno", ("deno", "lsp"), _SCRIPT[:5], (_DENO,), needed=True),
    Server(
        "typescript",
        ("typescript-language-server", "--stdio"),
        _SCRIPT,
        (_LOCKS, ("tsconfig.json", "jsconfig.json", "package.json")),
        unless=_DENO,
        place=Place(
            ("node_modules/typescript/lib/tsserver.js",),
            "tsserver.path",
            beside="../../typescript/lib/tsserver.js",
        ),
    ),
    Server("vue", ("vue-language-server", "--stdio"), (".vue",), (_LOCKS,)),
    Server("svelte", ("svelteserver", "--stdio"), (".svelte",), (_LOCKS,)),
    Server("astro", ("astro-ls", "--stdio"), (".astro",), (_LOCKS,)),
    Server("gopls", ("gopls",), (".go",), (("go.work",), ("go.mod", "go.sum"))),
    Server(
        "pyright",
        ("pyright-langserver", "--stdio"),
        (".py", ".pyi"),
        (_PYTHON,),
        place=Place((".venv/bin/python", "venv/bin/python"), "pythonPath", "python.pythonPath"),
    ),
    Server("rust", ("rust-analyzer",), (".rs",), (("Cargo.lock",), ("Cargo.toml",)), needed=True),
    Server(
        "clangd",
        ("clangd", "--background-index", "--clang-tidy"),
        _C,
        (("compile_commands.json", "compile_flags.txt", ".clangd"), ("CMakeLists.txt", "Makefile")),
    ),
    Server("zls", ("zls",), (".zig", ".zon"), (("build.zig",),)),
    Server("lua-ls", ("lua-language-server",), (".lua",), ((".luarc.json", ".luarc.jsonc", ".stylua.toml"),)),
    Server("bash", ("bash-language-server", "start"), (".sh", ".bash", ".zsh", ".ksh")),
    Server("yaml-ls", ("yaml-language-server", "--stdio"), (".yaml", ".yml")),
    Server("dockerfile", ("docker-langserver", "--stdio"), (".dockerfile", "Dockerfile")),
    Server("terraform", ("terraform-ls", "serve"), (".tf", ".tfvars"), ((".terraform.lock.hcl",),)),
    Server("php intelephense", ("intelephense", "--stdio"), (".php",), (("composer.json", "composer.lock"),)),
    Server("dart", ("dart", "language-server", "--lsp"), (".dart",), (("pubspec.yaml", "analysis_options.yaml"),)),
    Server("ocaml-lsp", ("ocamllsp",), (".ml", ".mli"), (("dune-project", "dune-workspace"),)),
    Server("sourcekit-lsp", ("sourcekit-lsp",), (".swift",), (("Package.swift",),)),
    Server("elixir-ls", ("elixir-ls",), (".ex", ".exs"), (("mix.exs", "mix.lock"),)),
    Server("haskell-language-server", ("haskell-language-server-wrapper", "--lsp"), (".hs", ".lhs"),
           (("stack.yaml", "cabal.project", "hie.yaml"),)),
    Server("gleam", ("gleam", "lsp"), (".gleam",), (("gleam.toml",),), needed=True),
    Server("clojure-lsp", ("clojure-lsp", "listen"), (".clj", ".cljs", ".cljc", ".edn"),
           (("deps.edn", "project.clj", "shadow-cljs.edn", "bb.edn"),)),
    Server("nixd", ("nixd",), (".nix",), (("flake.nix",),)),
    Server("texlab", ("texlab",), (".tex", ".bib"), ((".latexmkrc", "latexmkrc", ".texlabroot"),)),
    Server("tinymist", ("tinymist",), (".typ", ".typc"), (("typst.toml",),)),
)  # fmt: skip

# What the protocol calls the languages of files; others go by their extension.
LANGUAGES: Final = {
    ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "typescriptreact", ".js": "javascript",
    ".mjs": "javascript", ".cjs": "javascript", ".jsx": "javascriptreact", ".py": "python", ".pyi": "python",
    ".go": "go", ".rs": "rust", ".c": "c", ".h": "c", ".cpp": "cpp", ".cc": "cpp", ".cxx": "cpp", ".c++": "cpp",
    ".hpp": "cpp", ".hh": "cpp", ".hxx": "cpp", ".h++": "cpp", ".zon": "zig", ".sh": "shellscript",
    ".bash": "shellscript", ".zsh": "shellscript", ".ksh": "shellscript", ".yml": "yaml", ".tf": "terraform",
    ".tfvars": "terraform-vars", ".ml": "ocaml", ".mli": "ocaml", ".ex": "elixir", ".exs": "elixir",
    ".hs": "haskell", ".lhs": "haskell", ".clj": "clojure", ".cljs": "clojure", ".cljc": "clojure",
    ".edn": "clojure", ".tex": "latex", ".bib": "bibtex", ".typ": "typst", ".typc": "typst",
}  # fmt: skip


def language_of(name: str) -> str:
    suffix = "." + name.rpartition(".")[2] if "." in name else ""
    return LANGUAGES.get(suffix, suffix[1:] or name.lower())
