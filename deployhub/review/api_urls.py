"""API nouns of this floor."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

router = SimpleRouter(use_regex_path=False)
urlpatterns = router.urls
