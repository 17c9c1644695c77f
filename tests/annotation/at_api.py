"""What the tests of the API send, and as whom."""

from django.test import Client

from tests.factories import MembershipFactory, UserFactory


def client_of(project, role="annotator"):
    user = UserFactory()
    MembershipFactory(project=project, user=user, role=role)
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def send(client, url, body, method="post"):
    return getattr(client, method)(f"/api/v1/{url}", body, content_type="application/json")
