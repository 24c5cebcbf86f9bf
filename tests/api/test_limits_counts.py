"""Ceilings of counts: as many as the ceiling go, one more is refused by name, and with one less there is room again."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from client import Answer, Api
from server import Server
from waiting import eventually

pytestmark = pytest.mark.local

SLEEP = "exec sleep 300"


def bash(api: Api, n: int) -> Answer:
    return api.post("/v1/bash/exec", {"session_id": f"s{n}", "command": SLEEP, "async_mode": True})


def end_bash(api: Api) -> None:
    api.bash.kill("s0", "SIGKILL")


def shell(api: Api, n: int) -> Answer:
    return api.post("/v1/shell/exec", {"id": f"s{n}", "command": "read x", "async_mode": True})


def end_shell(api: Api) -> None:
    assert api.shell.delete("s0").success


def node(api: Api, n: int) -> Answer:
    return api.post("/v1/nodejs/sessions", {"session_id": f"s{n}"})


def end_node(api: Api) -> None:
    assert api.node.delete("s0").success


CEILINGS: dict[str, tuple[list[str], int, Callable[[Api, int], Answer], Callable[[Api], Any]]] = {
    "--max-commands": (["--max-commands", "5"], 5, bash, end_bash),
    "--max-bash-sessions": (["--max-bash-sessions", "5"], 5, bash, end_bash),
    "--max-shell-sessions": (["--max-shell-sessions", "3"], 3, shell, end_shell),
    "Node.js sessions": ([], 64, node, end_node),
}


@pytest.mark.parametrize("args, ceiling, begin, end", CEILINGS.values(), ids=CEILINGS.keys())
def test_as_many_as_the_ceiling_and_not_one_more(start_gateway, args, ceiling, begin, end) -> None:
    server: Server = start_gateway(*args)
    for n in range(ceiling):
        answer = begin(server.api, n)
        assert answer.status == 200 and answer.success, (n, answer)
    refused = begin(server.api, ceiling)
    assert refused.status == 429 and f"{ceiling} " in refused.message and "limit" in refused.message, refused
    if "--max-bash-sessions" in args:
        return  # a named one stays, also idle
    end(server.api)
    eventually(lambda: begin(server.api, ceiling).status == 200, "there is room again")


def test_output_beyond_the_ceiling_loses_its_middle(start_gateway) -> None:
    """The ceiling itself is kept whole; one byte more is not, and that is told."""
    ceiling = 100_000
    api = start_gateway("--max-output-bytes", str(ceiling)).api
    for size, whole in ((ceiling, True), (ceiling + 1, False)):
        ran = api.bash.exec(f"head -c {size} /dev/zero | tr '\\0' x", max_output_length=1)
        answer = api.post("/v1/bash/output", {"session_id": ran.session_id, "offset": 0})
        assert (len(answer.data["stdout"]) == size) == whole
        assert ("not kept" in answer.hint) != whole, answer.hint
        assert answer.data["offset"] == size


def test_input_nobody_reads_has_a_ceiling(start_gateway) -> None:
    """A megabyte waits beyond what the pipe holds; what does not fit is refused, and what waits is read in the end."""
    api = start_gateway().api
    run = api.bash.start("read x; wc -c", "reads")
    part, sent = "x" * (1 << 18), 0
    while (answer := api.post("/v1/bash/write", {"session_id": "reads", "input": part})).status == 200:
        sent += len(part)
        assert sent <= 2 << 20, "it grows without end"
    assert answer.status == 429 and str(1 << 20) in answer.message, answer
    assert sent >= 1 << 20, "the ceiling itself is taken"
    assert api.bash.exec("echo ok", "other").stdout == "ok\n"
    api.bash.kill("reads", "SIGKILL")
    assert run.session_id == "reads"
