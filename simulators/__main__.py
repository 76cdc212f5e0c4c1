"""Make the keys that the simulators are known by, before anything asks for them: `python -m simulators`."""

from config import load_or_exit
from simulators import mounts

mounts(load_or_exit())
