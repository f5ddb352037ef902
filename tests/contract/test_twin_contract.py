"""The twin keeps to the documented API: schemathesis asks it what the contract allows, and not.

Examples are derived from the contract and a fixed seed, so that a failure is the same one again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, settings, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup

from syncd.twin.server import Twin, TwinConfig

CONTRACT = Path(__file__).parent / "scan2evolve.openapi.yaml"

schema = schemathesis.openapi.from_path(CONTRACT)
