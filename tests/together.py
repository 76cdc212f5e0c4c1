"""Many callers at the same moment, as tests need them."""

import threading
from collections.abc import Callable
from typing import Any

from models import database
from rules.refusal import Refused


def at_once(n: int, act: Callable[[int], Any]) -> list[Any]:
    """What `act` answers, or the Refused it raises, to `n` callers that start together, each with a connection of its own.

    The test's own connection is closed meanwhile: a pool holds twenty.
    """
    gate, answers = threading.Barrier(n, timeout=10), [None] * n
    database.close()

    def caller(i: int) -> None:
        with database.connection_context():
            gate.wait()
            try:
                answers[i] = act(i)
            except Refused as no:
                answers[i] = no

    threads = [threading.Thread(target=caller, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.connect()
    return answers
