"""What every block of a mapping file is made of: pydantic models, and how their values are given.

`Part` is a block. `Keys` is one in which null means the same as a key that is left out.
"""

import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import PydanticKnownError


class Part(BaseModel):
    """A block of a mapping. Its repr shows no values: they may be secrets."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        return iter(())


class Keys(Part):
    """A block in which null means the same as a key that is left out."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        known = spelled(cls)
        return {key: value for key, value in given.items() if value is not None or key not in known}


def spelled(model: type[BaseModel]) -> list[str]:
    """The keys of a block as they are spelled in a mapping file."""
    return [field.alias or name for name, field in model.model_fields.items()]


class FilledText(str):
    """A text that was made from ${NAME}. It may also mean a number, or true or false."""

    __slots__ = ()


def as_text(given: Any) -> Any:
    """Take a number for text as well; refuse what is neither."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise PydanticKnownError("string_type")
    return str(given)


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _number(given: Any) -> float:
    if isinstance(given, FilledText):
        try:
            number = float(given)
        except ValueError:
            number = math.inf
        given = number if math.isfinite(number) else None
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise PydanticKnownError("float_type")
    return given


def _whole(given: Any) -> int:
    number = _number(given)
    if not math.isfinite(number) or number != int(number):
        raise PydanticKnownError("int_from_float")
    return int(number)


def _flag(given: Any) -> Any:
    if isinstance(given, FilledText) and given in {"true", "false"}:
        return given == "true"
    if not isinstance(given, bool):
        raise PydanticKnownError("bool_type")
    return given


def _texts(given: Any) -> Any:
    items = given if isinstance(given, list) else [given]
    if not all(isinstance(item, str) for item in items):
        raise ValueError("has to be a list of texts")
    return [str(item) for item in items]


def _scalar(given: Any) -> Any:
    if isinstance(given, list | dict):
        raise ValueError(f"is {kind_of(given)}; a plain value is wanted")
    return plainly(given)


def _scalars(given: Any) -> Any:
    items = given if isinstance(given, list) else [given]
    if any(isinstance(item, list | dict) for item in items):
        raise ValueError("has to be a list of plain values")
    return tuple(plainly(item) for item in items)


def plainly(given: Any) -> Any:
    """The value without our own type of text."""
    if isinstance(given, list):
        return [plainly(item) for item in given]
    if isinstance(given, dict):
        return {key: plainly(item) for key, item in given.items()}
    return str(given) if isinstance(given, FilledText) else given


def kind_of(value: Any) -> str:
    """What a value of YAML is, for people."""
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "a mapping"
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number"


# A number is taken for text as well.
Text = Annotated[str, BeforeValidator(as_text)]
FullText = Annotated[Text, AfterValidator(_not_empty)]
# A text is taken for a number, or for true or false, only where ${NAME} made it.
Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool, BeforeValidator(_flag)]
# A lone value is taken for a list of one.
Texts = Annotated[tuple[str, ...], BeforeValidator(_texts)]
Scalars = Annotated[tuple[Any, ...], BeforeValidator(_scalars)]
OneScalar = Annotated[Any, BeforeValidator(_scalar)]
Plain = Annotated[Any, BeforeValidator(plainly)]
