"""The criteria by which a project has answers rated."""

from dataclasses import dataclass
from typing import Any

from annotation.exceptions import InvalidJudgement, InvalidRow
from annotation.formats import values

MAX_CRITERIA = 20
MAX_CRITERION = 100
MAX_DESCRIPTION = 2000
SCALES = range(2, 101)


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """`required`: nothing can be submitted before every answer is rated by it."""

    name: str
    scale: int
    description: str = ""
    required: bool = True


Rubric = tuple[Criterion, ...]


def parse(value: Any) -> Rubric:
    """A project's list of criteria.

    Raises:
        InvalidJudgement: one sentence that says what is wrong with which criterion.
    """
    try:
        rubric = tuple(
            criterion_of(item, f"criterion {i}") for i, item in enumerate(values.expect(value, list, "rubric"), 1)
        )
    except InvalidRow as error:
        raise InvalidJudgement(f"The rubric cannot be used: {error}.") from None
    names = [criterion.name for criterion in rubric]
    if len(set(names)) < len(names):
        raise InvalidJudgement("Two criteria of the rubric have the same name: rename one.")
    if len(rubric) > MAX_CRITERIA:
        raise InvalidJudgement(f"The rubric has {len(rubric)} criteria; nobody can rate by more than {MAX_CRITERIA}.")
    return rubric


def criterion_of(value: Any, where: str) -> Criterion:
    record = values.expect(value, dict, where)
    if unknown := sorted(map(str, record.keys() - Criterion.__dataclass_fields__.keys())):
        known = ", ".join(Criterion.__dataclass_fields__)
        raise InvalidRow(f"{where}: unknown field {values.shortened(unknown[0])}; a criterion has {known}")
    name = values.name_of(record.get("name"), f"{where}: name", longest=MAX_CRITERION).strip()
    if not name:
        raise InvalidRow(f"{where}: it has no name")
    scale, required = record.get("scale"), record.get("required", True)
    if type(scale) is not int or scale not in SCALES:
        raise InvalidRow(f"{where}: its scale is a whole number from {SCALES.start} to {SCALES.stop - 1}")
    if not isinstance(required, bool):
        raise InvalidRow(f"{where}: required is true or false")
    description = values.name_of(record.get("description") or "", f"{where}: description", longest=MAX_DESCRIPTION)
    return Criterion(name=name, scale=scale, description=description, required=required)
