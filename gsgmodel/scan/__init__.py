"""The scan on Ray Data: plan, prepare, score, commit, and what surrounds them. Only this room knows Ray Data."""

from gsgmodel.scan.environment import set_defaults

set_defaults()
