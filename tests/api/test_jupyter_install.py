"""What services/jupyter/install does where no package index answers: Debian's packages take over."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from server import REPO

pytestmark = pytest.mark.local

PROVISION = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
exit %d
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The part of the repository that takes part, with a provision.sh that only says what it was asked for."""
    (tmp_path / "services").mkdir()
    (tmp_path / "image").mkdir()
    shutil.copytree(REPO / "services" / "jupyter", tmp_path / "services" / "jupyter")
    return tmp_path


def install(tree: Path, provision_code: int = 0, **env: str) -> subprocess.CompletedProcess:
    provision = tree / "image" / "provision.sh"
    provision.write_text(PROVISION % provision_code)
    provision.chmod(0o755)
    # Nothing listens on the discard port, and no setting of the machine leads elsewhere.
    env = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_CONFIG_FILE": os.devnull, "NO_PROXY": "*", **env}
    command = [str(tree / "services" / "jupyter" / "install"), str(tree / "dest")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tree), **env}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def has_debians() -> bool:
    modules = "import notebook.notebookapp, ipykernel, numpy, pandas, matplotlib"
    return subprocess.run(["/usr/bin/python3", "-c", modules], capture_output=True).returncode == 0


def asked(tree: Path) -> str:
    file = tree / "image" / "asked"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize("env", [{}, {"SANDGATE_JUPYTER": "debian"}], ids=["no-index", "wanted"])
def test_debians_packages_take_over(tree: Path, env: dict[str, str]) -> None:
    done = install(tree, **env)
    assert done.returncode == 0, done.stderr
    assert ("does not answer" in done.stderr) == (not env)
    assert asked(tree) == ("" if has_debians() else "jupyter\n")
    assert not (tree / "dest" / "installed").exists() and not (tree / "dest" / ".stage").exists()


def test_without_either_it_fails_and_says_what_to_do(tree: Path) -> None:
    if has_debians():
        (tree / "services" / "jupyter" / "install").write_text(
            (tree / "services" / "jupyter" / "install").read_text().replace("notebook.notebookapp", "no_such_module")
        )
    done = install(tree, provision_code=1, SANDGATE_JUPYTER="debian")
    assert done.returncode == 1 and "run image/provision.sh jupyter" in done.stderr
