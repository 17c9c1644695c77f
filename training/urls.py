from csp.decorators import csp_update
from django.urls import path

from training.views import runs

app_name = "training"

# A plot that is saved as PNG passes through an image that the page itself made.
IMAGES = {"img-src": ["blob:"]}

urlpatterns = [
    path("runs/", runs.index, name="runs"),
    path("runs/<int:pk>/", csp_update(IMAGES)(runs.detail), name="run"),
    path("runs/<int:pk>/answers/", runs.answers, name="answers"),
    path("runs/<int:pk>/metrics.json", runs.metrics, name="metrics"),
]
