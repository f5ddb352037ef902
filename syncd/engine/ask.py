"""Ask the adapter to do something: an exception of its own is an answer, too.

What an adapter raises that is no `SyncdError` is a fault of the adapter, and says nothing of what
the CMMS has done. It ends neither the cycle nor the writes of the orders that come after.
"""

from collections.abc import Callable
from typing import TypeVar

import structlog

from syncd.errors import SyncdError, UnexpectedContent

T = TypeVar("T")


def ask(call: Callable[[], T]) -> T:
    """What the call returns. Raises UnexpectedContent, as in doubt, for a fault of the adapter."""
    try:
        return call()
    except SyncdError:
        raise
    except Exception as error:
        text = f"the adapter itself failed: {type(error).__name__}: {error}"
        structlog.get_logger().error(
            "api.unexpected_content", side="cmms", error=text, exc_info=True
        )
        raise UnexpectedContent(text, side="cmms") from error
