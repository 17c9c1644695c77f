from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from annotation.actions import members
from annotation.models import Annotator, Exclusion, Judgement
from tests.factories import MembershipFactory, ProjectFactory, TaskFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def noor() -> Annotator:
    project = ProjectFactory(slug="lumo")
    annotator = members.annotator_of(MembershipFactory(project=project, user__username="noor").user)
    Judgement.objects.create(task=TaskFactory(project=project), annotator=annotator, ranking=[[0], [1]], uid="1")
    return annotator


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("forget_annotator", *arguments, stdout=out)
    return out.getvalue()


def test_says_what_will_happen_and_does_it(noor):
    text = said("noor", "--withdraw", "--delete-account", "--yes")
    assert "1 judgement in lumo will count no more, in no figure and in no later release." in text
    assert "The account will be deleted." in text
    assert "Models that learned from it stay as they are: none." in text
    assert Exclusion.objects.exists()
    assert not User.objects.filter(username="noor").exists()


def test_kept_without_the_account_deleted(noor):
    text = said(noor.name, "--keep", "--yes")
    assert "1 judgement in lumo will stay, linked to nobody." in text
    assert "The account will stay, as a member of no project." in text
    noor.refresh_from_db()
    assert noor.user is None


@pytest.mark.parametrize("answer", ["no", "", EOFError])
def test_changes_nothing_without_a_yes(noor, monkeypatch, answer):
    def asked(question: str) -> str:
        if answer is EOFError:
            raise EOFError
        return str(answer)

    monkeypatch.setattr("builtins.input", asked)
    with pytest.raises(CommandError, match=r"Nothing was changed\."):
        said("noor", "--withdraw")
    noor.refresh_from_db()
    assert noor.user.username == "noor"


@pytest.mark.parametrize("choice", [[], ["--keep", "--withdraw"]])
def test_one_of_the_two_has_to_be_chosen(noor, choice):
    with pytest.raises(CommandError):
        said("noor", *choice, "--yes")
