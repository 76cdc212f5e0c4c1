"""The outbox, as those see it who look after it."""

import pytest

from models import Event, Message
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


def test_who_took_a_mail_over_decides_what_became_of_it(given_up: Message) -> None:
    """F03: the first worker was slow, not dead; its word comes after the second has begun."""
    Message.update(state="sending", tries=2).execute()
    slow = Message.get()
    slow.tries = 1
    messages.settle(slow, error="timed out", permanent=True)
    assert (Message.get().state, Message.get().tries) == ("sending", 2)
    messages.settle(Message.get())
    assert Message.get().state == "sent"
