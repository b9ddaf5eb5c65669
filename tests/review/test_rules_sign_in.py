"""Each rule fires on its story, and not on one that nearly is it: rules about signing in and where from."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployhub.review.watch.places import Places, PlacesUnreadable, places_read
from tests.review.story import AWAY, CHROME, FIREFOX, HOME, PYTHON, Story, fired, id_of


def test_promise_29_brute_force_on_one_account_is_found() -> None:
    story = Story()
    for _ in range(12):
        story.later(minutes=2).failed_sign_in("kim", address=AWAY)
    hits = fired(story.events, "brute_force")
    assert len(hits) == 1
    assert hits[0].person_id == id_of("kim")
    assert "12 sign-ins to kim failed" in hits[0].told


def test_a_password_that_is_forgotten_for_a_while_is_no_brute_force() -> None:
    story = Story()
    for _ in range(11):
        story.later(minutes=2).failed_sign_in("kim")
    story.later(hours=2).failed_sign_in("kim")
    assert fired(story.events, "brute_force") == []


def test_promise_29_a_spray_over_many_accounts_is_found_quick_or_slow() -> None:
    quick, slow = Story(), Story()
    for name in "abcde":
        quick.later(minutes=1).failed_sign_in(name, known=False, address=AWAY)
    for name in "abcdefgh":
        slow.later(hours=2).failed_sign_in(name, known=False, address=AWAY)
    assert fired(quick.events, "password_spray")[0].subject == f"address {AWAY}"
    assert "8 different accounts" in fired(slow.events, "password_spray")[-1].told


def test_four_colleagues_behind_one_address_who_mistype_are_no_spray() -> None:
    story = Story()
    story.signed_in("e")
    for name in ("a", "b", "c", "d", "a", "b"):
        story.later(minutes=1).failed_sign_in(name)
    assert fired(story.events, "password_spray") == []


@pytest.mark.parametrize(("accounts", "hits"), [("abc", 1), ("ab", 0)])
def test_promise_29_a_few_accounts_are_a_spray_where_nobody_ever_got_in(accounts: str, hits: int) -> None:
    story = Story().days_of_work("a", 5)
    for name in accounts:
        story.later(minutes=1).failed_sign_in(name, address=AWAY)
    assert len(fired(story.events, "password_spray")) == hits


@pytest.mark.parametrize(("failures", "addresses", "found"), [(8, 4, True), (8, 3, False), (7, 7, False)])
def test_promise_29_guesses_spread_over_addresses_are_found_sooner(
    failures: int, addresses: int, found: bool
) -> None:
    story = Story()
    for number in range(failures):
        story.later(minutes=2).failed_sign_in("kim", address=f"203.0.{number % addresses}.9")
    assert bool(fired(story.events, "brute_force")) is found


def test_promise_29_an_intruders_device_is_not_known_for_having_been_there_once() -> None:
    story = Story().days_of_work("kim", 5)
    for network in ("203.0.113.9", "192.0.2.9"):
        story.later(days=2).signed_in("kim", address=network, user_agent=CHROME)
    assert len(fired(story.events, "new_origin")) == 2


def test_promise_29_a_success_after_five_failures_from_elsewhere_is_found() -> None:
    story = Story().days_of_work("kim", 5)
    for _ in range(5):
        story.later(minutes=1).failed_sign_in("kim", address=AWAY)
    story.later(minutes=1).signed_in("kim", address=AWAY)
    assert "signed in after 5 failures" in fired(story.events, "success_after_failures")[0].told


@pytest.mark.parametrize(("failures", "address"), [(4, AWAY), (8, HOME)])
def test_a_forgotten_password_is_no_success_after_failures(failures: int, address: str) -> None:
    story = Story().days_of_work("kim", 5)
    for _ in range(failures):
        story.later(minutes=1).failed_sign_in("kim", address=address)
    story.later(minutes=1).signed_in("kim", address=address)
    assert fired(story.events, "success_after_failures") == []


def test_failures_before_an_earlier_success_do_not_count() -> None:
    story = Story().days_of_work("kim", 5)
    for _ in range(4):
        story.later(minutes=1).failed_sign_in("kim", address=AWAY)
    story.later(minutes=1).signed_in("kim")
    story.later(minutes=1).failed_sign_in("kim", address=AWAY)
    story.later(minutes=1).signed_in("kim", address=AWAY)
    assert fired(story.events, "success_after_failures") == []


def test_promise_29_a_new_network_with_a_new_device_is_found() -> None:
    story = Story().days_of_work("kim", 5)
    story.signed_in("kim", address=AWAY, user_agent=CHROME)
    assert "the network 203.0.0.0/16 and a device" in fired(story.events, "new_origin")[0].told


@pytest.mark.parametrize(
    ("address", "user_agent"),
    [(AWAY, FIREFOX), (HOME, CHROME), ("198.51.200.1", FIREFOX.replace("140", "141"))],
    ids=["travelling", "new laptop at home", "same provider, updated browser"],
)
def test_a_new_network_or_a_new_device_alone_is_nothing(address: str, user_agent: str) -> None:
    story = Story().days_of_work("kim", 5)
    story.signed_in("kim", address=address, user_agent=user_agent)
    assert fired(story.events, "new_origin") == []


def test_an_auditor_may_let_either_be_enough() -> None:
    story = Story().days_of_work("kim", 5)
    story.signed_in("kim", address=AWAY)
    assert len(fired(story.events, "new_origin", limits={"either": True})) == 1


def test_the_first_days_of_a_person_are_nothing_new() -> None:
    story = Story().days_of_work("kim", 2)
    story.signed_in("kim", address=AWAY, user_agent=CHROME)
    assert fired(story.events, "new_origin") == []


@pytest.fixture
def places(tmp_path: Path) -> Places:
    file = tmp_path / "places.csv"
    file.write_text(
        "network,latitude,longitude,label\n198.51.100.0/24,48.1,11.6,Munich\n203.0.113.0/24,1.3,103.8,Singapore\n"
        "192.0.2.0/24,50.1,8.7,Frankfurt\n"
    )
    return places_read(file)


def test_promise_29_impossible_travel_is_found(places: Places) -> None:
    story = Story()
    story.signed_in("kim")
    story.later(hours=2).signed_in("kim", address=AWAY)
    hit = fired(story.events, "impossible_travel", places=places)[0]
    assert "Munich" in hit.told
    assert hit.numbers["distance_km"] == pytest.approx(10_000, rel=0.05)


def test_a_flight_and_a_train_are_possible_travel(places: Places) -> None:
    story = Story()
    story.signed_in("kim")
    story.later(minutes=20).signed_in("kim", address="192.0.2.1")  # a company network 300 km away
    story.later(hours=14).signed_in("kim", address=AWAY)
    assert fired(story.events, "impossible_travel", places=places) == []


def test_without_a_file_of_places_no_travel_is_judged_and_the_rule_says_so() -> None:
    from deployhub.review.rules import RULES

    story = Story()
    story.signed_in("kim")
    story.later(hours=2).signed_in("kim", address=AWAY)
    assert fired(story.events, "impossible_travel") == []
    assert "without one it sees nothing" in RULES["impossible_travel"].looks_for


def test_a_file_of_places_that_cannot_be_understood_says_where(tmp_path: Path) -> None:
    file = tmp_path / "places.csv"
    file.write_text("198.51.100.0/24,48.1,11.6\nMunich,here,there\n")
    with pytest.raises(PlacesUnreadable, match="line 2"):
        places_read(file)


def test_promise_29_a_dormant_account_that_awakes_is_found() -> None:
    story = Story().days_of_work("kim", 3)
    story.later(days=46).signed_in("kim")
    assert "46 days ago" in fired(story.events, "dormant_account")[0].told


def test_a_long_holiday_is_no_dormant_account() -> None:
    story = Story().days_of_work("kim", 3)
    story.later(days=42).signed_in("kim")
    assert fired(story.events, "dormant_account") == []


def test_promise_29_a_token_at_a_second_strange_network_is_found() -> None:
    story = Story().days_of_work("kim", 5)
    token = {"token_id": id_of("ci"), "door": "api", "user_agent": PYTHON}
    story.did("kim", "version.view", **token)
    story.later(hours=3).did("kim", "version.view", address=AWAY, **token)
    assert len(fired(story.events, "token_two_networks")) == 1


def test_a_token_on_a_laptop_between_office_and_home_is_nothing() -> None:
    story = Story().days_of_work("kim", 5).days_of_work("kim", 5, address=AWAY)
    token = {"token_id": id_of("laptop"), "door": "api", "user_agent": PYTHON}
    story.did("kim", "version.view", **token)
    story.later(hours=3).did("kim", "version.view", address=AWAY, **token)
    assert fired(story.events, "token_two_networks") == []


def test_promise_29_a_session_in_two_browsers_is_found() -> None:
    story = Story().days_of_work("kim", 5)
    story.did("kim", "model.view", session_id="abcdef01")
    story.later(minutes=5).did("kim", "model.view", session_id="abcdef01", address=AWAY, user_agent=CHROME)
    assert len(fired(story.events, "session_moved")) == 1


def test_a_phone_that_leaves_the_wireless_network_keeps_its_session() -> None:
    story = Story().days_of_work("kim", 5)
    story.did("kim", "model.view", session_id="abcdef01")
    story.later(minutes=5).did("kim", "model.view", session_id="abcdef01", address=AWAY)
    assert fired(story.events, "session_moved") == []
