"""For whatever watches over the processes of both sites: is it alive, may it get requests, what are its figures.

Anyone who reaches these hears one word; what is wrong and how much of what there is, only who has the install's metrics token.
"""

import hmac

from flask import Blueprint, Response, abort, current_app, request
from playhouse.migrations import Runner

import watch
import web
from models import Counter, database, now
from rules import state

pages = Blueprint("health", __name__)


@pages.get(web.ALIVE)
def live() -> Response:
    """The process answers. It asks nothing of the database: a restart would not cure that."""
    return _says("ok")


@pages.get("/readyz")
def ready() -> Response:
    """The tables are up to date and can be written to: a row is written and taken back. Else 503, so that requests go elsewhere.

    What another host cannot do better (late mail, no worker) is told, and is still 200."""
    waiting = [row.name for row in Runner(database, str(web.ROOT / "migrations")).status() if not row.applied]
    if waiting:
        return _says("not ready", f"not migrated: {', '.join(waiting)}", status=503)
    with database.atomic() as trial:
        Counter.create(key_digest="ready", window_ends_at=now())
        trial.rollback()
    return _says("ready", *(state.complaints() if _is_operator() else ()))


@pages.get("/metrics")
def metrics() -> Response:
    """Prometheus' figures, for who has the token. For anyone else there is no such page."""
    if not _is_operator():
        abort(404)
    return Response(watch.counts(state.figures()), content_type="text/plain; version=0.0.4; charset=utf-8")


def _is_operator() -> bool:
    token = current_app.config["SAVITARNA"].metrics_token
    return bool(token) and hmac.compare_digest(request.headers.get("Authorization", "").encode(), f"Bearer {token}".encode())


def _says(word: str, *more: str, status: int = 200) -> Response:
    lines = (word, *more) if _is_operator() else (word,)
    return Response("".join(f"{line}\n" for line in lines), status, mimetype="text/plain")
