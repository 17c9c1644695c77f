from django.conf import settings
from django.db import models


class AuditEvent(models.Model):
    """Who did what, when, to what. Written by actions inside their own transaction; never changed."""

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    verb = models.CharField(max_length=50)
    subject = models.CharField(max_length=200, help_text="What it was done to: 'project demo', 'slot 17'.")
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["subject"], name="audit_subject")]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
