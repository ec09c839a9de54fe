"""Processes of their own that start at once: forks of one that has imported Keras and started nothing.

It knows nothing of dlkit, which each fork imports from the folder that is named, or cannot import.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import keras

ROOT = Path(__file__).parents[1]

# -I and -S leave out PYTHONPATH and the hook by which an editable dlkit is found; site-packages are added by hand.
_SERVER = f"""
import gc, json, os, sys, traceback
sys.path.append({str(Path(keras.__file__).parents[1])!r})
import keras, tensorflow
assert not [name for name in sys.modules if name.split(".")[0] == "dlkit"]

def run(job):
    for number, path in ((1, job["out"]), (2, job["err"])):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(job["folder"])
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.argv = ["-c", *job["words"]]
    sys.path[:0] = job["path"]
    status = 1
    try:
        exec(compile(job["program"], "program", "exec"), {{"__name__": "__main__"}})
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)

gc.collect()
gc.freeze()
for line in sys.stdin:
    number = os.fork()
    if not number:
        run(json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]), flush=True)
"""


def python(
    program: str, *words: str, folder: Path, root: Path | None = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that uses Keras in a process of its own, like `python -c PROGRAM WORDS`.

    Args:
        program: what is run.
        words: the rest of `sys.argv`.
        folder: where it is run.
        root: the folder of the dlkit that it finds; None where none is installed.
        environment: its variables; those of this process if none are given.
    """
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    with tempfile.TemporaryDirectory(prefix="dlkit-process-") as place:
        out, err = Path(place, "out"), Path(place, "err")
        job = {
            "program": program,
            "words": words,
            "folder": str(folder),
            "path": [str(folder), *([str(root)] if root else [])],
            "environment": dict(os.environ) if environment is None else environment,
            "out": str(out),
            "err": str(err),
        }
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        status = int(server.stdout.readline())
        said = [path.read_text(encoding="utf-8") for path in (out, err)]
    return subprocess.CompletedProcess([sys.executable, "-c", program, *words], status, *said)


@cache
def _server() -> subprocess.Popen[str]:
    """The process that is forked, which ends when this one does."""
    command = [sys.executable, "-I", "-S", "-c", _SERVER]
    server = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert server.stdin is not None
    atexit.register(server.stdin.close)
    return server
