"""Label Studio's JSON export: tasks with pairwise or ranker results.

The prompt is the task's `prompt` (or `question`, `instruction`, `text`). A pairwise task has two fields that
differ in their last digit only (answer1, answer2), or `left` and `right`; a ranker has a list of items.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from annotation.exceptions import InvalidRow
from annotation.formats import rows, values
from annotation.formats.row_judgements import Ranking
from annotation.formats.rows import Row

PROMPTS = ("prompt", "question", "instruction", "text")
ITEM_TEXTS = ("body", "text", "html", "content", "title")
UNPLACED = "_"


def matches(record: dict[str, Any]) -> bool:
    return isinstance(record.get("data"), dict) and isinstance(record.get("annotations"), list)


def read(record: dict[str, Any]) -> Row:
    data = values.expect(record.get("data"), dict, "data")
    prompt = next((data[name] for name in PROMPTS if data.get(name)), None)
    if prompt is None:
        raise InvalidRow(f"data: no prompt; it is looked for in {', '.join(PROMPTS)}")
    names, responses = answers_of(data)
    annotations = values.expect(record.get("annotations") or [], list, "annotations")
    judgements = [judgement_of(item, names, f"annotations[{i}]") for i, item in enumerate(annotations)]
    return rows.parse(
        {
            "id": record.get("id"),
            "prompt": prompt,
            "responses": responses,
            "judgements": [judgement for judgement in judgements if judgement is not None],
        }
    )


def answers_of(data: Mapping[str, Any]) -> tuple[list[str], list[dict[str, Any]]]:
    """Names by which results speak of the responses, and the responses."""
    for value in data.values():
        if isinstance(value, list) and value and all(isinstance(item, dict) and "id" in item for item in value):
            return [str(item["id"]) for item in value], [item_response(item) for item in value]
    for name in data:
        if (stem := re.fullmatch(r"(.+?)1", name)) and f"{stem.group(1)}2" in data:
            return ["left", "right"], [{"text": data[name]}, {"text": data[f"{stem.group(1)}2"]}]
    if {"left", "right"} <= data.keys():
        return ["left", "right"], [{"text": data["left"]}, {"text": data["right"]}]
    raise InvalidRow("data: neither a list of items with ids nor two answers such as answer1 and answer2")


def item_response(item: Mapping[str, Any]) -> dict[str, Any]:
    text = next((item[name] for name in ITEM_TEXTS if isinstance(item.get(name), str)), None)
    return {"text": text, "policy": item.get("policy") or item.get("model")}


def judgement_of(value: Any, names: Sequence[str], where: str) -> dict[str, Any] | None:
    """None for a skipped task and for one without a comparison."""
    annotation = values.expect(value, dict, where)
    results = values.expect(annotation.get("result") or [], list, f"{where}.result")
    ranking, reason = None, ""
    for i, item in enumerate(results):
        result = values.expect(item, dict, f"{where}.result[{i}]")
        content = result.get("value")
        if result.get("type") == "pairwise":
            ranking = pairwise(values.expect(content, dict, where).get("selected"), where)
        elif result.get("type") == "ranker":
            ranking = ranked(content, names, where)
        elif result.get("type") == "textarea" and isinstance(content, dict):
            reason = " ".join(str(text) for text in values.expect_list(content, "text"))
    if annotation.get("was_cancelled") or ranking is None:
        return None
    return {
        "annotator": annotator_of(annotation.get("completed_by")),
        "ranking": ranking,
        "reason": reason,
        "seconds": annotation.get("lead_time"),
        "at": annotation.get("created_at"),
    }


def pairwise(selected: Any, where: str) -> Ranking:
    if selected not in ("left", "right"):
        raise InvalidRow(f"{where}: selected is {values.shortened(selected)}, neither left nor right")
    return [[0], [1]] if selected == "left" else [[1], [0]]


def ranked(value: Any, names: Sequence[str], where: str) -> Ranking:
    """One bucket is an order, best first; several are tie groups in their order. `_` holds what was not placed."""
    buckets = value.get("ranker", value) if isinstance(value, dict) else value
    if isinstance(buckets, list):
        buckets = {"rank": buckets}
    placed = [
        [position_of(name, names, where) for name in values.expect(bucket, list, where)]
        for title, bucket in sorted(values.expect(buckets, dict, where).items(), key=bucket_order)
        if title != UNPLACED
    ]
    groups = [group for group in placed if group]
    return [[position] for position in groups[0]] if len(placed) == 1 and groups else groups


def bucket_order(bucket: tuple[str, Any]) -> int:
    """Numbered buckets by their number, others as they come (the sort is stable)."""
    digits = re.search(r"[0-9]{1,9}$", bucket[0])
    return int(digits.group()) if digits else 0


def position_of(name: Any, names: Sequence[str], where: str) -> int:
    if str(name) not in names:
        raise InvalidRow(f"{where}: ranks {values.shortened(name)}, which is no item of the task")
    return names.index(str(name))


def annotator_of(value: Any) -> Any:
    if isinstance(value, dict):
        return value.get("email") or value.get("id")
    return value
