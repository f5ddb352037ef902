"""The tutorial's commands are run as they stand on its page."""

from pathlib import Path

import pytest

from tests.house.pages import blocks, play

PAGE = "tutorial/first-sync.md"


@pytest.mark.judge
@pytest.mark.timeout(600)
def test_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    assert play(PAGE, tmp_path) >= 15


def test_nothing_but_the_installation_is_left_out() -> None:
    kinds = {block.kind for block in blocks(PAGE)}
    assert kinds == {"sh", "sh until", "sh install", "text", ""}
