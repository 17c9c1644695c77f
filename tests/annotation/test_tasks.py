from io import StringIO

import pytest
from django.core.management import call_command

from annotation.actions import audiences, judgements, leases, tasks
from annotation.exceptions import InvalidTask, NotFound
from annotation.formats.rows import content_key
from annotation.models import AuditEvent, Judgement, Prompt, Slot, Task
from tests.factories import (
    AnnotatorFactory,
    MembershipFactory,
    PolicyFactory,
    ProjectFactory,
    PromptFactory,
    ResponseFactory,
    member_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


def prompts_with(project, *sizes):
    policy = PolicyFactory()
    made = []
    for size in sizes:
        prompt = PromptFactory(project=project)
        ResponseFactory.create_batch(size, prompt=prompt, policy=policy)
        made.append(prompt)
    return made


class TestCreate:
    def test_files_a_task_with_its_positions_and_slots_once(self, project):
        (prompt,) = prompts_with(project, 3)
        responses = list(prompt.responses.order_by("-pk"))

        task, made = tasks.create(project, prompt=prompt, responses=responses, overlap=2, priority=4, generation="g1")
        again, made_again = tasks.create(project, prompt=prompt, responses=responses, overlap=2)

        assert (made, made_again, again) == (True, False, task)
        assert [position.response for position in task.positions.order_by("position")] == responses
        assert list(task.slots.values_list("number", "state")) == [(1, "open"), (2, "open")]
        assert (task.priority, task.generation, task.overlap) == (4, "g1", 2)
        assert task.key == content_key(
            prompt=prompt.messages, purpose="label", responses=[(r.policy.name, r.text) for r in responses]
        )
        assert AuditEvent.objects.filter(verb="task created").count() == 1

    def test_gives_a_known_task_the_slots_that_it_lacks(self, project):
        (prompt,) = prompts_with(project, 2)
        responses = list(prompt.responses.all())
        tasks.create(project, prompt=prompt, responses=responses, overlap=1)
        annotator = AnnotatorFactory(user=None)
        slot = leases.claim(project, by=annotator)
        judgements.submit(slot.pk, by=annotator, submission_key=slot.submission_key, ranking=[[0], [1]])

        task, made = tasks.create(project, prompt=prompt, responses=responses, overlap=3)

        assert not made
        assert (task.state, task.filled, task.overlap, task.slots.count()) == (Task.State.OPEN, 1, 3, 3)

    def test_puts_its_slots_beside_imported_judgements(self, project):
        (prompt,) = prompts_with(project, 2)
        responses = list(prompt.responses.all())
        task, _ = tasks.create(project, prompt=prompt, responses=responses, overlap=1)
        Slot.objects.all().delete()
        Task.objects.update(state=Task.State.DONE, filled=1)
        Judgement.objects.create(
            task=task, annotator=AnnotatorFactory(), uid="x", ranking=[[0], [1]], source="imported"
        )

        task, _ = tasks.create(project, prompt=prompt, responses=responses, overlap=2)

        assert (task.state, task.filled, task.overlap, task.slots.count()) == (Task.State.OPEN, 0, 2, 2)

    def test_is_done_when_its_slots_are_though_judgements_were_imported_beside_them(self, project):
        (prompt,) = prompts_with(project, 2)
        responses = list(prompt.responses.all())
        task, _ = tasks.create(project, prompt=prompt, responses=responses, overlap=1)
        imported = {"task": task, "uid": "x", "ranking": [[0], [1]], "source": "imported"}
        Judgement.objects.create(annotator=AnnotatorFactory(), **imported)
        tasks.create(project, prompt=prompt, responses=responses, overlap=2)

        for annotator in AnnotatorFactory.create_batch(2, user=None):
            slot = leases.claim(project, by=annotator)
            judgements.submit(slot.pk, by=annotator, submission_key=slot.submission_key, ranking=[[0], [1]])

        task.refresh_from_db()
        assert (task.state, task.filled, task.overlap) == (Task.State.DONE, 2, 2)

    def test_leaves_a_withdrawn_task_withdrawn(self, project):
        (prompt,) = prompts_with(project, 2)
        responses = list(prompt.responses.all())
        tasks.create(project, prompt=prompt, responses=responses, overlap=1)
        Task.objects.update(state=Task.State.WITHDRAWN)

        task, _ = tasks.create(project, prompt=prompt, responses=responses, overlap=2)

        assert (task.state, task.slots.count()) == (Task.State.WITHDRAWN, 1)

    @pytest.mark.parametrize("overlap", [0, -1, 1001])
    def test_refuses_an_overlap_that_nobody_can_fill(self, project, overlap):
        (prompt,) = prompts_with(project, 2)

        with pytest.raises(InvalidTask, match="overlap"):
            tasks.create(project, prompt=prompt, responses=list(prompt.responses.all()), overlap=overlap)

    def test_refuses_responses_that_nobody_can_rank(self, project):
        ours, other, many = prompts_with(project, 2, 1, 10)
        twin = ResponseFactory(prompt=ours, text=ours.responses.first().text)

        for responses in ([*ours.responses.all(), twin], [*other.responses.all()], [*many.responses.all()]):
            with pytest.raises(InvalidTask):
                tasks.create(project, prompt=ours, responses=responses, overlap=1)
        assert not Task.objects.exists()

    def test_with_a_known_answer_has_no_slots_until_somebody_meets_it(self, project):
        (prompt,) = prompts_with(project, 2)
        known = {"ranking": [[1], [0]], "explanation": "The other one is wrong."}

        task, _ = tasks.create(
            project, prompt=prompt, responses=list(prompt.responses.all()), overlap=3, purpose="gold", known=known
        )

        assert (task.known, task.overlap, task.slots.count(), task.state) == (known, 1, 0, Task.State.OPEN)

    @pytest.mark.parametrize(
        ("purpose", "known"),
        [
            ("gold", None),
            ("label", {"ranking": [[0], [1]]}),
            ("gold", {}),
            ("gold", {"ranking": [[0, 1]]}),
            ("gold", {"ranking": [[0], [7]]}),
            ("qualification", {"ranking": [[0], [1]], "explanation": 7}),
            ("qualification", {"ranking": [[0], [1]], "explanation": "nul \0"}),
        ],
    )
    def test_refuses_a_known_answer_that_is_none(self, project, purpose, known):
        (prompt,) = prompts_with(project, 2)

        with pytest.raises(InvalidTask, match="known answer"):
            tasks.create(
                project,
                prompt=prompt,
                responses=list(prompt.responses.all()),
                overlap=1,
                purpose=purpose,
                known=known,
            )


class TestCreateForPrompts:
    def test_files_one_task_for_each_prompt_with_enough_responses(self, project):
        prompts_with(project, 5, 3, 2, 0)

        found = tasks.create_for_prompts(project, responses=3, overlap=2)

        assert (found.made, found.known, found.too_few_responses) == (2, 0, 2)
        assert [task.positions.count() for task in Task.objects.all()] == [3, 3]
        assert Slot.objects.count() == 4

    def test_again_adds_nothing(self, project):
        prompts_with(project, 5, 4)
        tasks.create_for_prompts(project, responses=3, overlap=2)

        again = tasks.create_for_prompts(project, responses=3, overlap=2)

        assert (again.made, again.known, again.reopened) == (0, 2, 0)
        assert (Task.objects.count(), Slot.objects.count()) == (2, 4)

    def test_stores_how_likely_the_choice_was(self, project):
        prompts_with(project, 4, 4, 3, 3)

        tasks.create_for_prompts(project, responses=3, overlap=1, limit=2)

        for task in Task.objects.all():
            ways = 4 if task.prompt.responses.count() == 4 else 1
            assert (task.strategy, task.propensity) == ("random", pytest.approx(2 / 4 / ways))

    def test_another_seed_makes_another_choice(self, project):
        prompts_with(project, *[2] * 12)

        def chosen(seed):
            Task.objects.all().delete()
            tasks.create_for_prompts(project, responses=2, overlap=1, limit=4, seed=seed)
            return set(Task.objects.values_list("prompt", flat=True))

        assert chosen(1) == chosen(1)
        assert chosen(1) != chosen(2)

    def test_counts_equal_texts_of_two_policies_once(self, project):
        prompt, _ = prompts_with(project, 2, 0)
        ResponseFactory(prompt=prompt, text=prompt.responses.first().text)

        assert tasks.create_for_prompts(project, responses=3, overlap=1).made == 0
        assert tasks.create_for_prompts(project, responses=2, overlap=1).made == 1

    def test_asks_no_question_per_prompt(self, project, django_assert_max_num_queries):
        prompts_with(project, *[2] * 40)

        with django_assert_max_num_queries(15):
            tasks.create_for_prompts(project, responses=2, overlap=3)

    @pytest.mark.parametrize(
        "asked",
        [
            {"responses": -1},
            {"responses": 10},
            {"purpose": "gold"},
            {"overlap": 0},
            {"limit": 0},
            {"strategy": "clever"},
        ],
    )
    def test_refuses_what_makes_no_sense(self, project, asked):
        with pytest.raises(InvalidTask):
            tasks.create_for_prompts(project, **{"responses": 2, "overlap": 1, **asked})

    @pytest.mark.parametrize("responses", [0, 1])
    def test_files_tasks_to_write_an_answer_or_to_rate_one(self, project, responses):
        prompts_with(project, 1, 2)

        tasks.create_for_prompts(project, responses=responses, overlap=1)

        assert [task.positions.count() for task in Task.objects.all()] == [responses, responses]

    def test_asks_for_the_skills_that_tags_name(self, project):
        german, english = prompts_with(project, 2, 2)
        Prompt.objects.filter(pk=german.pk).update(tags=["lang:de", "topic:tea"])
        night = audiences.of(project, groups=["night"])

        tasks.create_for_prompts(project, responses=2, overlap=1, audience=night, skills_from_tags="lang:")

        audience = Task.objects.get(prompt=german).audience
        assert (audience.groups, audience.skills) == (["night"], ["lang:de"])
        assert Task.objects.get(prompt=english).audience == night


class TestCommand:
    def test_files_tasks_for_an_audience(self, project):
        prompts_with(project, 2)

        call_command(
            "create_tasks",
            "--audience-group=day",
            "--audience-group=night",
            "--audience-skill=law",
            "--purpose=head_to_head",
            f"--project={project.slug}",
            "--responses=2",
            stdout=StringIO(),
        )

        task = Task.objects.get()
        assert (task.purpose, task.audience.groups, task.audience.skills) == (
            "head_to_head",
            ["day", "night"],
            ["law"],
        )

    def test_prints_what_it_did(self, project):
        prompts_with(project, 3, 3, 1)
        out = StringIO()

        call_command("create_tasks", project=project.slug, responses=2, overlap=1, stdout=out)

        assert out.getvalue().strip() == (
            "2 tasks made, 0 known (0 of them got new slots), 1 prompt has too few different responses."
        )

    def test_counts_one_task_as_one_and_warns_of_a_group_without_members(self, project):
        prompts_with(project, 2)
        out, err = StringIO(), StringIO()

        call_command(
            "create_tasks",
            "--audience-group=nigth",
            project=project.slug,
            responses=2,
            overlap=1,
            stdout=out,
            stderr=err,
        )

        assert out.getvalue().startswith("1 task made, 0 known (0 of them got new slots), 0 prompts have")
        assert err.getvalue().strip() == (
            "No member is in the group 'nigth' yet: nobody is offered these tasks until someone is."
        )

    def test_says_which_were_left_to_another_audience(self, project):
        prompts_with(project, 2)
        tasks.create_for_prompts(project, responses=2, overlap=1)
        out = StringIO()

        call_command(
            "create_tasks",
            "--audience-group=night",
            project=project.slug,
            responses=2,
            overlap=3,
            stdout=out,
            stderr=StringIO(),
        )

        said = "1 known (0 of them got new slots, 1 left as they are: they are for another audience)"
        assert said in out.getvalue()
        assert Slot.objects.count() == 1

    def test_names_a_project_that_is_not_there(self):
        ProjectFactory(slug="here")

        with pytest.raises(NotFound, match=r"^There is no project 'nowhere'\. There are: here\.$"):
            call_command("create_tasks", project="nowhere")


@pytest.mark.django_db
class TestAudienceOfKnownTasks:
    def test_places_are_added_for_the_same_audience_alone(self, project):
        prompts_with(project, 2)
        night, day = (audiences.of(project, groups=[name]) for name in ("night", "day"))
        for audience, overlap in ((night, 1), (None, 3), (day, 3), (night, 2)):
            found = tasks.create_for_prompts(project, responses=2, overlap=overlap, audience=audience)
            assert (found.made + found.known, found.others) == (1, int(audience != night))
            assert Slot.objects.count() == (2 if (audience, overlap) == (night, 2) else 1)
        assert Task.objects.get().audience == night


@pytest.mark.django_db
class TestUnpeopled:
    @pytest.mark.parametrize(
        ("named", "said"),
        [
            ({"groups": ["night"]}, []),
            ({"groups": ["night"], "skills": ["lang:de"]}, []),
            ({"groups": ["night", "nigth"]}, ["No member is in the group 'nigth' yet."]),
            (
                {"groups": ["nigth"]},
                ["No member is in the group 'nigth' yet: nobody is offered these tasks until someone is."],
            ),
            (
                {"skills": ["law"]},
                ["No member has the skill 'law' yet: nobody is offered its tasks until someone has."],
            ),
            (
                {"groups": ["night"], "skills": ["lang:fr"]},
                ["No member fits all that these tasks ask for: nobody is offered them until someone does."],
            ),
        ],
    )
    def test_what_nobody_fits_is_said(self, project, named, said):
        MembershipFactory(project=project, groups=["night"], skills=["lang:de"])
        MembershipFactory(project=project, groups=["day"], skills=["lang:fr"])
        MembershipFactory(groups=["nigth"], skills=["law"])

        assert audiences.unpeopled(project, [audiences.of(project, **named)]) == said

    def test_a_named_person_belongs_whatever_their_groups(self, project):
        annotator = member_of(project)

        assert audiences.unpeopled(project, [audiences.of(project, people=[annotator.name])]) == []

    def test_skills_from_tags_are_looked_for_too(self, project):
        prompts_with(project, 2)
        Prompt.objects.update(tags=["lang:de"])

        found = tasks.create_for_prompts(project, responses=2, overlap=1, skills_from_tags="lang:")

        assert [sentence.split(" yet")[0] for sentence in found.warnings] == ["No member has the skill 'lang:de'"]
