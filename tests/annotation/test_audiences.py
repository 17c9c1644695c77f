import pytest

from annotation.actions import audiences, leases
from annotation.exceptions import InvalidTask
from annotation.models import Annotator, Audience
from annotation.views.progress import progress_in
from tests.factories import AnnotatorFactory, MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def project():
    return ProjectFactory()


def member_of(project, **said) -> Annotator:
    annotator: Annotator = AnnotatorFactory()
    MembershipFactory(project=project, user=annotator.user, **said)
    return annotator


@pytest.mark.parametrize(
    ("audience", "groups", "skills", "expected"),
    [
        ({}, [], [], True),
        ({"groups": ["night", "day"]}, ["day"], [], True),
        ({"groups": ["night"]}, ["day"], [], False),
        ({"people": ["ann"]}, [], [], True),
        ({"people": ["bob"]}, [], [], False),
        ({"people": ["bob"], "groups": ["day"]}, ["day"], [], True),
        ({"skills": ["lang:de"]}, [], ["lang:de", "law"], True),
        ({"skills": ["lang:de", "medicine"]}, [], ["lang:de"], False),
        ({"people": ["ann"], "skills": ["law"]}, [], [], False),
    ],
)
def test_admits_any_of_the_named_who_has_all_of_the_skills(audience, groups, skills, expected):
    assert audiences.admits(Audience(**audience), person="ann", groups=groups, skills=skills) is expected


def test_the_same_audience_is_made_once_whatever_the_order_of_its_names(project):
    first = audiences.of(project, groups=["b", "a", "a"], skills=["x"])

    assert audiences.of(project, groups=["a", "b"], skills=[" x "]) == first
    assert audiences.of(project) is None
    assert Audience.objects.count() == 1


@pytest.mark.parametrize("named", [{"groups": [""]}, {"skills": ["x" * 65]}, {"people": ["nobody"]}])
def test_refuses_names_that_name_nobody(project, named):
    with pytest.raises(InvalidTask):
        audiences.of(project, **named)


def test_a_task_goes_to_its_audience_alone(project):
    doctor, reader = member_of(project, skills=["medicine"]), member_of(project)
    TaskFactory(project=project, audience=audiences.of(project, skills=["medicine"]))

    assert leases.claim(project, by=reader) is None
    assert leases.claim(project, by=doctor) is not None


def test_a_task_goes_to_a_named_person(project):
    named, other = member_of(project), member_of(project)
    TaskFactory(project=project, audience=audiences.of(project, people=[named.name]))

    assert leases.claim(project, by=other) is None
    assert leases.claim(project, by=named) is not None


def test_the_order_of_the_queue_holds_across_audiences(project):
    night = audiences.of(project, groups=["night"])
    late, early = TaskFactory(project=project), TaskFactory(project=project, audience=night, priority=5)
    last = TaskFactory(project=project, audience=night, priority=-1)
    someone = member_of(project, groups=["night"])

    order = []
    for _ in range(3):
        slot = leases.claim(project, by=someone)
        order.append(slot.task)
        leases.skip(slot, by=someone, reason="")

    assert order == [early, late, last]


def test_what_waits_counts_only_what_the_person_can_get(project):
    TaskFactory.create_batch(2, project=project)
    TaskFactory.create_batch(3, project=project, audience=audiences.of(project, groups=["night"]))

    assert progress_in([project], annotator=member_of(project))[project.pk].waiting == 2
    assert progress_in([project], annotator=member_of(project, groups=["night"]))[project.pk].waiting == 5
