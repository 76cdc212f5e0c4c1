"""What huey's consumer starts: the queue with all its jobs. Only here do they and the backoffice know of each other."""

import tasks
from models import database

huey = tasks.huey


def write_exports() -> int:
    """Write the files that staff wait for, as their desks show the rows; returns how many (N06)."""
    from backoffice import create_app, exports  # only now: a worker that writes none starts in half the time

    site = create_app(tasks.config)
    with database.connection_context():
        return exports.make_waiting(site, tasks.LEASE)


tasks.write_exports = write_exports
