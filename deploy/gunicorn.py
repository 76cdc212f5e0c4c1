"""How gunicorn serves either site in production: behind nginx, on the socket that systemd holds open.

    gunicorn -c deploy/gunicorn.py 'wsgi:create_app()'            the customer site
    gunicorn -c deploy/gunicorn.py 'wsgi:create_backoffice()'     the backoffice

WEB_CONCURRENCY sets the number of workers (each takes about 90 MB).
"""

import os
import shutil
import tempfile

workers = int(os.environ.get("WEB_CONCURRENCY", "4"))
worker_class = "sync"  # nginx has the whole request before a worker hears of it, and takes the whole answer at once
timeout = 30  # a worker that hangs, such as on a database that sleeps, is ended and replaced
graceful_timeout = 30
backlog = 512
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
forwarded_allow_ips = "*"  # who connects is nginx; what it says is read by the application (SAVITARNA_TRUSTED_PROXIES)
proc_name = "savitarna"

# Each worker counts in a file of its own, which all of them sum up when Prometheus asks: fresh with each start.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="savitarna-metrics-")

# JSON lines to standard error, which systemd's journal keeps. Of requests there is a line by the application, not gunicorn's own.
accesslog = None
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "watch.JsonLines"}},
    "handlers": {"lines": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["lines"], "level": "INFO"},
    "loggers": {"gunicorn.error": {"handlers": ["lines"], "level": "INFO", "propagate": False}},
}


def on_exit(server):
    """The arbiter has ended and its workers with it."""
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
