"""The shell's part of the work on snapshots: several calls of git for one start of a program.

They run with GIT_DIR, GIT_WORK_TREE and GIT_INDEX_FILE set, and see nothing of the user's or the system's settings. An
index belongs to one session, so that none waits for another; a lock on it is left over from a git that was killed.
"""

from typing import Final

_BEGIN: Final = 'set -e; umask 077; rm -f "$GIT_INDEX_FILE.lock"; '

# A new session starts from what another one has, or from the repository's own index, which saves reading every file.
# Its blobs are the files' bytes only where git changes nothing on the way in: else everything is read.
PREPARE: Final = (
    _BEGIN
    + r"""
[ ! -f "$GIT_INDEX_FILE" ] || exit 0
fresh="$GIT_INDEX_FILE.new"
other=$(ls -t "$GIT_DIR"/index-ses_* 2>/dev/null | grep -v '\.' | head -n 1)
if [ -n "$other" ]; then
    cp -p "$other" "$fresh" && mv "$fresh" "$GIT_INDEX_FILE"
    exit 0
fi
mine() {
    env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE -u GIT_CONFIG_GLOBAL -u GIT_CONFIG_NOSYSTEM \
        git -c safe.directory='*' -c core.fsmonitor=false -c core.quotePath=true "$@"
}
common=$(mine rev-parse --path-format=absolute --git-common-dir)
own=$(mine rev-parse --path-format=absolute --git-path index)
[ ! -f "$common/info/exclude" ] || cp "$common/info/exclude" "$GIT_DIR/info/exclude"
[ -f "$own" ] || exit 0
converts() {
    mine ls-files | mine check-attr --stdin "$@" | grep -v ': unspecified$' | grep -q -v ': unset$'
}
if converts filter ident working-tree-encoding; then exit 0; fi
if [ -n "$(mine config core.autocrlf || true)" ] || converts text eol; then
    if mine ls-files --eol | grep -q ' w/\(crlf\|mixed\)'; then exit 0; fi
fi
printf '%s\n' "$common/objects" > "$GIT_DIR/objects/info/alternates"
cp -p "$own" "$fresh" && mv "$fresh" "$GIT_INDEX_FILE"
if ! git write-tree >/dev/null 2>&1 && ! git ls-files >/dev/null 2>&1; then rm -f "$GIT_INDEX_FILE"; fi
"""
)

# What differs from the index: new, changed and missing files, NUL-terminated, behind a line for the index's own tree.
LIST: Final = _BEGIN + (
    "(git write-tree 2>/dev/null || echo); exec git ls-files -z --others --modified --deleted --exclude-standard"
)
FIRST_LIST: Final = f"({PREPARE}) </dev/null\n{LIST}"

# Takes the files of standard input in. Prints the tree's name, and with a first argument what differs from that tree.
RECORD: Final = _BEGIN + (
    "git update-index -z --add --remove --replace --stdin; tree=$(git write-tree); echo $tree;"
    ' [ -z "$1" ] || exec git diff-tree -r -z --raw --no-abbrev --no-renames "$1" "$tree"'
)

FIRST_RECORD: Final = f"({PREPARE}) </dev/null\n{RECORD}"

# The pairs of trees on standard input.
COMPARE: Final = "exec git diff-tree --stdin -r -z --raw --no-abbrev --no-renames"

# The blobs on standard input.
READ: Final = "exec git cat-file --batch"

# Those of them that can be compared in a moment.
READ_SMALL: Final = (
    "git cat-file --batch-check | awk '$2 == \"blob\" && $3 <= 1048576 && (sum += $3) <= 16777216 { print $1 }'"
    " | git cat-file --batch"
)

# What the tree $1 has of the paths that follow.
ENTRIES: Final = 'tree=$1; shift; exec git --literal-pathspecs ls-tree -r -z --full-tree "$tree" -- "$@"'

# The tree $1 with the files of standard input as they are now; the session's own index stays as it is.
RECORD_ON: Final = _BEGIN + (
    'export GIT_INDEX_FILE="$GIT_INDEX_FILE.other"; rm -f "$GIT_INDEX_FILE" "$GIT_INDEX_FILE.lock"; git read-tree "$1";'
    ' git update-index -z --add --remove --replace --stdin; git write-tree; rm -f "$GIT_INDEX_FILE"'
)

# Between the trees $1 and $2, of the paths that follow; as clients draw it.
SHOW: Final = (
    "before=$1 after=$2; shift 2; exec git --literal-pathspecs diff --no-ext-diff --no-textconv --no-color --no-renames"
    ' "$before" "$after" -- "$@"'
)

# Once a day, or when more than $2 KiB are kept: forgets what is older than $1 days, and if that was not enough, all but
# the newest state of each session. Prints how many KiB are left. Never harms a git that is just adding something: an
# index is read from a copy, since write-tree would lock out the session it belongs to, or be locked out by it.
COLLECT: Final = r"""
set -e; umask 077
size() { git count-objects -v | awk '/^size(-pack)?:/ { sum += $2 } END { print sum + 0 }'; }
stamp="$GIT_DIR/collected"
if [ "$(size)" -le "$2" ] && [ -n "$(find "$stamp" -mmin -1440 2>/dev/null)" ]; then size; exit 0; fi
: > "$stamp"
find "$GIT_DIR" -maxdepth 1 -name 'index-*' -mtime +"$1" -delete || true
git for-each-ref --format='delete %(refname)' | git update-ref --stdin
copy=$(mktemp "$GIT_DIR/index-copy.XXXXXX"); trap 'rm -f "$copy" "$copy.lock"' EXIT
for index in "$GIT_DIR"/index-ses_*; do
    case $index in *.*|*'*') continue;; esac
    cp "$index" "$copy" && tree=$(GIT_INDEX_FILE=$copy git write-tree) || continue
    git update-ref "refs/kept/${index##*-}" "$tree"
done
unset GIT_INDEX_FILE
git gc --quiet --prune="$1".days.ago
if [ "$(size)" -gt "$2" ]; then git gc --quiet --prune=15.minutes.ago; fi
size
"""
