"""What can be wrong with a twin's state directory; every message ends with the next step."""


class StateError(Exception):
    """The state cannot be used."""


class StateInUse(StateError):
    """Another twin has it open."""


class StateForeign(StateError):
    """It belongs to a twin with other options, or to another version."""


class StateCorrupt(StateError):
    """It is not what a twin wrote."""
