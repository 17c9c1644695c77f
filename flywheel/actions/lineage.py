"""From a generation to every judgement behind it, and from a judgement to every model that it touched."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from django.db.models import Count, Q, QuerySet

from annotation.actions import exclusions
from annotation.models import Annotator, Judgement, Project, Release, ReleasedJudgement
from flywheel.models import Generation
from training.models import Artifact, Reward, Run


@dataclass(frozen=True, kw_only=True)
class Share:
    """How many of a release's judgements one annotator made under one version of the guidelines."""

    annotator: str
    source: str
    guideline: int | None
    judgements: int


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What one generation was trained on since the one before it: judgements by who made them, and demonstrations."""

    releases: list[Release]
    people: int
    simulated: int
    models: int
    demonstrations: int


@dataclass(frozen=True, kw_only=True)
class Family:
    """Artifacts by id. `rewards`: of each that was trained on rewards, the reward models that gave them."""

    artifacts: dict[int, Artifact]
    rewards: dict[int, list[int]]

    def behind(self, artifact: int | None, *, before: Collection[int] = ()) -> list[Artifact]:
        """It and all that it rests on, the nearest first: what it was trained from and rewarded by, and so on. What
        is in `before`, and what is only behind that, is left out."""
        found: dict[int, Artifact] = {}
        newest = [] if artifact is None else [artifact]
        while newest:
            found |= {pk: self.artifacts[pk] for pk in newest}
            near = dict.fromkeys(chain.from_iterable(map(self.near, newest)))
            newest = [pk for pk in near if pk not in found and pk not in before]
        return list(found.values())

    def near(self, artifact: int) -> list[int]:
        parent = self.artifacts[artifact].parent_id
        return [*([parent] if parent else []), *self.rewards.get(artifact, ())]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One training behind a generation: what came out, the run, and the release that it read."""

    title: str
    artifact: Artifact
    run: Run | None
    release: Release | None
    shares: list[Share]

    @property
    def simulated(self) -> int:
        return sum(share.judgements for share in self.shares if share.source == Judgement.Source.SIMULATED)

    @property
    def by_people(self) -> int:
        people = (Judgement.Source.HUMAN, Judgement.Source.IMPORTED)
        return sum(share.judgements for share in self.shares if share.source in people)


def behind(generation: Generation) -> list[Step]:
    """Every training that these weights and their reward model rest on, the latest first."""
    artifacts = trained_behind(generation)
    releases = releases_by_hash([generation], artifacts)
    shares = {release.pk: shares_of(release) for release in releases.values()}
    names = titles(generation, artifacts)
    steps = []
    for artifact in artifacts:
        release = releases.get(artifact.run.release_hash) if artifact.run else None
        steps.append(
            Step(
                title=names[artifact.pk],
                artifact=artifact,
                run=artifact.run,
                release=release,
                shares=shares[release.pk] if release else [],
            )
        )
    return steps


def titles(generation: Generation, artifacts: Sequence[Artifact]) -> dict[int, str]:
    """What each of them is, by its id: of which generation, or that it was made on the way to one."""
    ids = [artifact.pk for artifact in artifacts]
    owning = Generation.objects.filter(project_id=generation.project_id).select_related("policy").order_by("number")
    found = {one.reward_model_id: f"Reward model of {one}" for one in owning.filter(reward_model__in=ids)}
    found |= {one.artifact_id: f"Policy of {one}" for one in owning.filter(artifact__in=ids)}
    return {pk: found.get(pk, f"On the way to {generation}") for pk in ids}


def learned(generations: Sequence[Generation]) -> dict[int, Learned]:
    """What each of these generations of one project learned since the one that it was trained from, by its id."""
    known = family(generations)
    every = Generation.objects.filter(project__in={one.project_id for one in generations}, artifact__isnull=False)
    owned = set(every.values_list("artifact_id", flat=True))
    own = {one.pk: known.behind(one.artifact_id, before=owned) for one in generations}
    releases = releases_by_hash(generations, list(chain.from_iterable(own.values())))
    counts = sources_of(list(releases.values()))
    found = {}
    for one in generations:
        hashes = dict.fromkeys(artifact.run.release_hash for artifact in own[one.pk] if artifact.run)
        read = [releases[name] for name in hashes if name in releases]
        found[one.pk] = learned_from(read, sum((counts[release.pk] for release in read), Counter()))
    return found


def sources_of(releases: Sequence[Release]) -> defaultdict[int, Counter[str]]:
    links = ReleasedJudgement.objects.filter(release__in=releases).values_list("release_id", "judgement__source")
    counts: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for release, source, n in links.annotate(n=Count("pk")).order_by():
        counts[release][source] = n
    return counts


def learned_from(releases: list[Release], by_source: Mapping[str, int]) -> Learned:
    simulated = by_source.get(Judgement.Source.SIMULATED, 0)
    models = by_source.get(Judgement.Source.AI, 0)
    demonstrations = sum(release.manifest.get("counts", {}).get("demonstrations", 0) for release in releases)
    people = sum(by_source.values()) - simulated - models
    return Learned(
        releases=releases, people=people, simulated=simulated, models=models, demonstrations=demonstrations
    )


def trained_behind(generation: Generation) -> list[Artifact]:
    """Its reward model, its weights, and what each was trained from and rewarded by: the same way that `of_releases`
    goes back."""
    known = family([generation])
    policies = known.behind(generation.artifact_id)
    models = known.behind(generation.reward_model_id)
    found = [*models[:1], *policies, *models[1:]]
    return list({artifact.pk: artifact for artifact in found}.values())


def family(generations: Sequence[Generation]) -> Family:
    """The artifacts of their projects' generations, and all that these rest on. Two queries, and two for each
    training in a row that made no generation."""
    projects = {one.project_id for one in generations}
    made = Q(generations__project__in=projects) | Q(scored_generations__project__in=projects)
    newest = {one.pk: one for one in Artifact.objects.filter(made).select_related("run").distinct()}
    found = Family(artifacts=newest.copy(), rewards={})
    while newest:
        rewards = rewards_of(newest)
        found.rewards.update(rewards)
        near = {one.parent_id for one in newest.values() if one.parent_id} | set(
            chain.from_iterable(rewards.values())
        )
        missing = near - found.artifacts.keys()
        newest = Artifact.objects.select_related("run").in_bulk(missing) if missing else {}
        found.artifacts.update(newest)
    return found


def rewards_of(artifacts: Collection[int]) -> dict[int, list[int]]:
    found: defaultdict[int, list[int]] = defaultdict(list)
    links = Reward.objects.filter(run__artifacts__in=artifacts).order_by("pk")
    for trained, model in links.values_list("run__artifacts", "artifact"):
        found[trained].append(model)
    return found


def releases_by_hash(generations: Sequence[Generation], artifacts: Sequence[Artifact]) -> dict[str, Release]:
    hashes = {artifact.run.release_hash for artifact in artifacts if artifact.run}
    found = Release.objects.filter(project__in={one.project_id for one in generations}, hash__in=hashes)
    return {release.hash: release for release in found}


def shares_of(release: Release) -> list[Share]:
    rows = (
        Judgement.objects.filter(releases=release)
        .values_list("annotator__name", "source", "guideline_version")
        .annotate(judgements=Count("pk"))
        .order_by("-judgements", "annotator__name", "source")
    )
    return [Share(annotator=name, source=source, guideline=number, judgements=n) for name, source, number, n in rows]


def judgements_behind(generation: Generation) -> "QuerySet[Judgement]":
    """Every judgement that these weights, their reward model, or what they were trained from learned from."""
    releases = releases_by_hash([generation], trained_behind(generation)).values()
    found = Judgement.objects.filter(releases__in=[release.pk for release in releases])
    marked = exclusions.marked(found.select_related("annotator", "task__prompt"))
    return marked.distinct().order_by("-pk")


def touched_by(project: Project, *, annotator: Annotator) -> "QuerySet[Generation]":
    """Every generation that learned from something that this annotator said."""
    return of_releases(project, Release.objects.filter(project=project, judgements__annotator=annotator))


def touched_by_judgement(judgement: Judgement) -> "QuerySet[Generation]":
    """Every generation that learned from this judgement."""
    return of_releases(judgement.task.project, judgement.releases.all())


def of_releases(project: Project, releases: "QuerySet[Release]") -> "QuerySet[Generation]":
    touched: set[int] = set()
    for release_hash in releases.values_list("hash", flat=True).distinct():
        touched |= set(Artifact.objects.touched_by(release_hash).values_list("pk", flat=True))
    learned = Q(artifact__in=touched) | Q(reward_model__in=touched)
    return project.generations.filter(learned).select_related("policy").order_by("-number")
