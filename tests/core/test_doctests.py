"""The examples in the core's docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import syncd.core

MODULES = sorted(module.name for module in pkgutil.iter_modules(syncd.core.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    results = doctest.testmod(importlib.import_module(f"syncd.core.{name}"))
    assert results.failed == 0


def test_the_core_has_examples_at_all() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    module = importlib.import_module("syncd.core.equality")
    assert sum(len(test.examples) for test in finder.find(module)) > 0
