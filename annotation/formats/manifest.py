"""What stands in a release, counted while its rows go by."""

from collections import Counter
from typing import Any

from annotation.formats.hashing import content_hash
from annotation.formats.release_rows import Record, pairs_of

Manifest = dict[str, Any]
FORMAT_VERSION = 1
TIE_POLICY = "kept: equal answers share a tie group; a view that cannot say equal leaves the pair out and counts it"
NO_GUIDELINE = "none"


class Counts:
    """Sums over rows. Only prompts need memory: 8 bytes of each one's hash, to count it once."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter({"rows": 0, "demonstrations": 0, "responses": 0, "judgements": 0})
        self.comparisons: Counter[str] = Counter({"strict": 0, "ties": 0, "with_strength": 0})
        self.splits: dict[str, Counter[str]] = {}
        self.prompts: dict[str, set[int]] = {}
        self.annotators: Counter[str] = Counter()
        self.policies: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.guidelines: Counter[str] = Counter()
        self.purposes: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        split, judgements = record["split"], record["judgements"]
        amounts = {
            "rows": 1,
            "demonstrations": int(not judgements),
            "responses": len(record["responses"]),
            "judgements": len(judgements),
            "acceptability": sum(judgement["acceptable"] is not None for judgement in judgements),
        }
        self.totals.update(amounts)
        self.splits.setdefault(split, Counter()).update(amounts)
        self.prompts.setdefault(split, set()).add(int(content_hash(record["prompt"])[:16], 16))
        self.policies.update(response["policy"] for response in record["responses"])
        self.purposes[record["purpose"]] += 1
        for judgement in judgements:
            self.add_judgement(judgement)

    def add_judgement(self, judgement: Record) -> None:
        self.annotators[judgement["annotator"]] += 1
        self.sources[judgement["source"]] += 1
        guideline = judgement["guideline"]
        self.guidelines[NO_GUIDELINE if guideline is None else str(guideline)] += 1
        for pair in pairs_of(judgement["ranking"]):
            self.comparisons["ties" if pair.tie else "strict"] += 1
            self.comparisons["with_strength"] += int(not pair.tie and judgement["strength"] is not None)

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.totals,
            "prompts": sum(len(prompts) for prompts in self.prompts.values()),
            "comparisons": dict(self.comparisons),
            "splits": {
                split: {**self.splits[split], "prompts": len(self.prompts[split])} for split in sorted(self.splits)
            },
            "annotators": in_order(self.annotators),
            "policies": in_order(self.policies),
            "sources": in_order(self.sources),
            "guidelines": in_order(self.guidelines),
            "purposes": in_order(self.purposes),
        }


def in_order(counter: Counter[str]) -> dict[str, int]:
    return dict(sorted(counter.items()))
