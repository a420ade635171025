"""Failures short enough that the server keeps their words."""

from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, PayloadConverter

MESSAGE_BYTES = 500
TRACE_BYTES = 800
CAUSES = 3
"""How many causes stay below a failure: the nearest, and the root."""


class ShortFailureConverter(DefaultFailureConverter):
    """Trims messages, stack traces and the chain of causes.

    While an activity is tried again, the server holds 4 KiB of its last failure. It replaces a longer one by
    "Failure exceeds size limit.", and a database that is away is longer: each driver's layer adds its traceback.
    """

    def to_failure(self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure) -> None:
        """Fill `failure` from the exception, below 4 KiB unless details were attached to it."""
        super().to_failure(exception, payload_converter, failure)
        _shorten(failure)


def _shorten(failure: Failure) -> None:
    chain = _chain(failure)
    for one in chain:
        one.message = _begin(one.message)
        # where it was raised is told once; what raised it in turn is told in words
        one.stack_trace = _end(one.stack_trace) if one is failure else ""
    if len(chain) > CAUSES + 1:
        root = Failure()
        root.CopyFrom(chain[-1])
        chain[CAUSES - 1].cause.CopyFrom(root)


def _chain(failure: Failure) -> list[Failure]:
    chain = [failure]
    while chain[-1].HasField("cause"):
        chain.append(chain[-1].cause)
    return chain


def _begin(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MESSAGE_BYTES else raw[:MESSAGE_BYTES].decode(errors="ignore") + " …"


def _end(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= TRACE_BYTES else "… " + raw[-TRACE_BYTES:].decode(errors="ignore")
