"""For whatever watches over the processes: is it alive, may it get requests."""

from flask import Blueprint, Response
from playhouse.migrations import Runner

import web
from models import Counter, database, now

pages = Blueprint("health", __name__)


@pages.get(web.ALIVE)
def live() -> Response:
    """The process answers. It asks nothing of the database: a restart would not cure that."""
    return Response("ok\n", mimetype="text/plain")


@pages.get("/readyz")
def ready() -> Response:
    """The tables are up to date and can be written to: a row is written and taken back. Else 503 with the reason."""
    waiting = [row.name for row in Runner(database, str(web.ROOT / "migrations")).status() if not row.applied]
    if waiting:
        return Response(f"not migrated: {', '.join(waiting)}\n", 503, mimetype="text/plain")
    with database.atomic() as trial:
        Counter.create(key_digest="ready", window_ends_at=now())
        trial.rollback()
    return Response("ready\n", mimetype="text/plain")
