"""Smart-ID against the simulator, over HTTP: every way in, and every answer that must be refused. domain.md 1.1 to 1.5, T57."""

import re
from dataclasses import replace
from typing import Any

import pytest
import urllib3

from config import Config
from integrations.identity import Method, Wish
from integrations.identity.available import methods

ONA = "LT-40404040009"
WISH = Wish(text="Prisijungti prie savitarnos", callback_url="https://my.example.lt/identity/back")
POOL = urllib3.PoolManager()


@pytest.fixture
def smart_id(simulated: Config) -> Method:
    return methods(simulated, "any")["smart_id"]


def notified(smart_id: Method, person: str = ONA) -> dict[str, Any]:
    return smart_id.begin(replace(WISH, flow="Notification", personal_code=person))


def on_the_phone(config: Config, session: str, **fields: str) -> str:
    """What somebody does on the phone; returns where its browser goes on."""
    url = f"{config.place.simulators_url}/sk/phone/{session}"
    answer = POOL.request("POST", url, fields=fields, encode_multipart=False, redirect=False)
    assert answer.status == 303
    return answer.headers["Location"]


def test_a_notification_shows_the_code_and_signs_in_whom_it_was_sent_to(simulated: Config, smart_id: Method) -> None:
    state = notified(smart_id)
    code = smart_id.show(state, 0).code
    assert re.fullmatch(r"[0-9]{4}", code)
    assert smart_id.check(state, {}) is None
    on_the_phone(simulated, state["session"], deed=f"code:{code}")
    person = smart_id.check(state, {})
    assert person
    assert (person.country, person.code, person.first_name, person.last_name) == ("LT", "40404040009", "Ona", "Pavyzdienė")
    assert (person.level, person.born_from, person.document) == ("high", "certificate", "PNOLT-40404040009-SIMU-Q")
    assert set(person.evidence) == {"signed", "signature", "certificate", "revocation"}
