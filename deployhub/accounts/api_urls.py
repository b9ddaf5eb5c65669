"""API nouns of this floor."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from deployhub.accounts.api.me import MeViewSet
from deployhub.accounts.api.tokens import TokenViewSet
from deployhub.accounts.api.users import UserViewSet

router = SimpleRouter(use_regex_path=False)
router.register("tokens", TokenViewSet, basename="tokens")
router.register("users", UserViewSet, basename="users")
urlpatterns = [path("me/", MeViewSet.as_view({"get": "retrieve"}), name="me"), *router.urls]
