"""Runs what the README and pages like it show and writes what was printed into them.

Blocks are taken in order, in one folder: a `toml` block that begins with `# <name>.toml` and a
`python` block that begins with `# <name>.py` are written to that file, another `python` block is
run, and a `console` block that begins with `$ rule-id` is run and what it prints goes below it; of
a command followed by `...` the last line.

    python tests/readme.py    rewrites README.md and the pages
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *(ROOT / "docs" / f"recording-{name}.md" for name in ("brains", "torch"))]

PYTHON_FILE = re.compile(r"# (\w+\.py)\n")
BLOCK = re.compile(r"^```(toml|python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def regenerate(text: str, folder: Path) -> str:
    """Return a page with the output of every command made anew in `folder`."""
    return BLOCK.sub(lambda match: _block(match, folder), text)


def _block(match: re.Match[str], folder: Path) -> str:
    kind, body = match.groups()
    if kind == "toml":
        name = body.splitlines()[0].removeprefix("# ")
        (folder / name).write_text(body)
    elif kind == "python" and (name := PYTHON_FILE.match(body)):
        (folder / name[1]).write_text(body)
    elif kind == "python":
        _run_python(body, folder)
    elif body.startswith("$ rule-id"):
        command, following, *_ = [*body.splitlines(), ""]
        output = _run(command, folder)
        if following == "...":
            output = f"...\n{output.splitlines()[-1]}\n"
        body = f"{command}\n{output}"
    return f"```{kind}\n{body}```"


def _run(command: str, folder: Path) -> str:
    program, *arguments = shlex.split(command.removeprefix("$ "))
    result = subprocess.run(
        [Path(sys.executable).parent / program, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "100", "TERM": "dumb"},
    )
    if result.returncode:
        raise RuntimeError(f"{command} ended with {result.returncode}: {result.stderr}")
    return "\n".join(line.rstrip() for line in result.stdout.splitlines()) + "\n"


def _run_python(body: str, folder: Path) -> None:
    with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()):
        exec(compile(body, "README.md", "exec"), {"__name__": "readme"})


if __name__ == "__main__":
    for page in PAGES:
        with tempfile.TemporaryDirectory() as temporary:
            page.write_text(regenerate(page.read_text(), Path(temporary)))
