"""What a reviewer decides where people disagreed. It stands beside their judgements and changes none of them."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from annotation.actions import audit, known_answers, waiting
from annotation.exceptions import InvalidJudgement, InvalidRow
from annotation.formats import answers, values
from annotation.formats.row_judgements import Ranking
from annotation.models import Adjudication, Task

MAX_REASON = 10_000


@transaction.atomic
def adjudicate(task: Task, *, by: User, ranking: Ranking, reason: str, known: bool = False) -> Adjudication:
    """Add a decision; the newest one of a task counts, older ones stay. The same one sent twice is one. If `known`,
    it is also used as a known answer from now on.

    Raises:
        InvalidJudgement: it does not rank every answer of the task, or gives no reason.
        InvalidTask: no known answer can be made of it; then nothing is kept.
    """
    # Two tabs of one reviewer queue up here on PostgreSQL; on SQLite every transaction does.
    Task.objects.select_for_update(no_key=True).get(pk=task.pk)
    checked, why = _checked(ranking, size=task.positions.count(), reason=reason)
    if known:
        known_answers.adopt(task, by=by, ranking=checked, explanation=why)
    newest = task.adjudications.first()
    if newest and (newest.by_id, newest.ranking, newest.reason) == (by.pk, checked, why):
        return newest
    made = Adjudication.objects.create(task=task, by=by, ranking=checked, reason=why)
    audit.record("task adjudicated", f"task {task.pk}", by=by, ranking=checked, replaces=newest and newest.pk)
    return made


def _checked(ranking: Ranking, *, size: int, reason: str) -> tuple[Ranking, str]:
    """Ties are a reviewer's to give, whatever the project allows its annotators."""
    try:
        why = values.text_of(reason, "reason").strip()
        complete = answers.complete_ranking(ranking, size=size, ties_allowed=True)
    except InvalidRow as error:
        raise InvalidJudgement(str(error)) from None
    if not why:
        raise InvalidJudgement("A decision needs its reason: say what settled it.")
    if len(why) > MAX_REASON:
        raise InvalidJudgement(f"The reason has {len(why)} characters; at most {MAX_REASON} are kept: shorten it.")
    return complete, why


def is_ranked_still(task: Task) -> bool:
    """Whether the queue still wants a ranking of any of its answers. Until then nobody is told who wrote them: whoever
    reviews may sit at the desk too. Known answers and repeats wait for nobody in particular."""
    queued = Task.objects.filter(state=Task.State.OPEN, purpose__in=waiting.OFFERED)
    mine = Q(pk=task.pk) | Q(positions__response__in=task.positions.values("response"))
    return queued.filter(mine).exists()
