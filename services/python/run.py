"""Runs one program in a process of its own, as `python3 FILE` would, and tells what its last expression was worth.

The folder that the gateway made and removes is the first argument: `input` holds {"code"}; what is left in `result`
tells of {"value"}, or of the error that ended it: {"ename", "evalue", "traceback"}.
"""

import ast
import json
import linecache
import os
import sys
import traceback
import types

MAX_VALUE = 256 * 1024
MAX_TEXT = 16 * 1024
MAX_LINES = 100
NAME = "<code>"


def bounded(text: str, most: int) -> str:
    """Text the receiver takes: no NUL, no half of a surrogate pair, an end."""
    if len(text) > most:
        text = f"{text[:most]}… {len(text) - most} more characters"
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def tell(room: str, **members: object) -> None:
    with open(os.path.join(room, "result"), "w", encoding="utf-8") as file:
        json.dump(members, file)


def execute(code: str, scope: dict) -> object:
    tree = ast.parse(code, NAME)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, NAME, "exec"), scope)
    return None if last is None else eval(compile(ast.Expression(last.value), NAME, "eval"), scope)


def report(room: str, error: BaseException) -> None:
    """What the interpreter prints of an error, without the frames of this file."""
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    if isinstance(error, SyntaxError) and frames and error.filename == NAME:
        frames = None
    lines = traceback.format_exception(type(error), error, frames)
    sys.stderr.write("".join(lines))
    text = bounded("".join(lines).rstrip("\n"), 4 * MAX_TEXT).split("\n")[:MAX_LINES]
    tell(room, ename=bounded(type(error).__name__, 200), evalue=bounded(str(error), MAX_TEXT), traceback=text)


def main() -> int:
    room = sys.argv[1]
    with open(os.path.join(room, "input"), encoding="utf-8") as file:
        code = json.load(file)["code"]
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    sys.argv = [""]
    sys.path[0] = ""
    linecache.cache[NAME] = (len(code), None, code.splitlines(True), NAME)
    try:
        value = execute(code, module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        sys.stdout.flush()
        report(room, error)
        return 1
    if value is not None:
        tell(room, value=bounded(repr(value), MAX_VALUE))
    return 0


if __name__ == "__main__":
    sys.exit(main())
