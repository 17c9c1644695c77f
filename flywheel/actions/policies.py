"""The policy that a person names on a command line: one that the project knows, or weights that a run has trained."""

from annotation.models import Policy
from flywheel.actions import lookup
from training.actions import artifacts
from training.models import Artifact


def named(name: str) -> Policy:
    """The policy of this name; else what the artifact of this name, or of the run of this name, holds, which becomes
    a policy when it is first asked for.

    Raises:
        NotFound: there is neither.
    """
    artifact = artifacts.find(name)
    if artifact is None or artifact.kind != Artifact.Kind.POLICY or Policy.objects.filter(name=name).exists():
        return lookup.policy(name)
    known = Policy.objects.filter(location=artifact.path).first()
    return known or Policy.objects.create(name=free_name(artifact), kind=Policy.Kind.MODEL, location=artifact.path)


def free_name(artifact: Artifact) -> str:
    """An import may have brought a policy of the artifact's name."""
    taken = Policy.objects.filter(name=artifact.name).exists()
    return f"{artifact.name}-{artifact.sha256[:8]}" if taken else artifact.name
