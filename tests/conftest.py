"""Fixtures that more than one room of the test suite uses."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # `import synthetic`, from anywhere

from synthetic import synthetic_trajectories  # noqa: E402

from rule_id.trajectories import Trajectories  # noqa: E402

LONGEST = ("test_readme.py",)

collect_ignore = ["faults/fuzz.py"]  # a job of its own, with a package that tests do without


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tensors are tiny here: a second thread costs more than it does."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What a test measures of this machine is not kept for its user."""
    os.environ["RULE_ID_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def trajectories() -> Trajectories:
    """A made-up corpus of 96 networks in 12 blocks whose rules are easy to tell apart."""
    return synthetic_trajectories()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes, lest one process is left with it when all else is done."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> None:
    """With RULE_ID_NO_SKIPS set, as in CI, a skip that is not for want of a GPU is a failure."""
    if (
        os.environ.get("RULE_ID_NO_SKIPS")
        and call.excinfo is not None
        and call.excinfo.errisinstance(pytest.skip.Exception)
        and item.get_closest_marker("gpu") is None
    ):
        raise AssertionError(f"skipped where nothing may be: {call.excinfo.value}")
