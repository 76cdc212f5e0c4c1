"""The outbox, as those see it who look after it."""

from datetime import timedelta

import pytest

from models import Event, Message, database
from rules import messages
from rules.refusal import Refused
from tests import factories


@pytest.fixture
def given_up(db: object) -> Message:
    """A mail of North that was given up."""
    north = factories.organisation("north")
    messages.put("account_unlocked", factories.account(north), organisation=north, dedupe_key="one")
    Message.update(state="dead", tries=12, error="550 no such user").execute()
    return Message.get()


def test_a_mail_is_sent_again_with_a_reason(given_up: Message) -> None:
    agent = factories.staff(given_up.organisation)
    with pytest.raises(Refused, match="Enter the reason"):
        messages.send_again(given_up, reason=" ", by=agent)
    assert Message.get().state == "dead"
    messages.send_again(given_up, reason=" The address is right ", by=agent)
    again = Message.get()
    assert (again.state, again.tries, again.error) == ("new", 0, "")
    event = Event.get(Event.name == "message.sent_again")
    assert (event.facts, event.account_id) == ({"reason": "The address is right"}, given_up.account_id)
    with pytest.raises(Refused, match="has not been given up"):
        messages.send_again(given_up, reason="Twice", by=agent)
    assert Event.select().where(Event.name == "message.sent_again").count() == 1


def test_one_mail_is_taken_at_a_time_however_the_database_plans_it(given_up: Message) -> None:
    """F03: PostgreSQL, which knows of one row, would ask a subquery anew for each mail that waits, and take them all at once."""
    database.execute_sql("ANALYZE message")
    for number in range(3):
        messages.put("account_unlocked", given_up.account, organisation=given_up.organisation, dedupe_key=f"new {number}")
    assert [messages.claim(timedelta(minutes=1)) is not None for _ in range(4)] == [True, True, True, False]


def test_who_took_a_mail_over_decides_what_became_of_it(given_up: Message) -> None:
    """F03: the first worker was slow, not dead; its word comes after the second has begun."""
    Message.update(state="sending", tries=2).execute()
    slow = Message.get()
    slow.tries = 1
    messages.settle(slow, error="timed out", permanent=True)
    assert (Message.get().state, Message.get().tries) == ("sending", 2)
    messages.settle(Message.get())
    assert Message.get().state == "sent"
