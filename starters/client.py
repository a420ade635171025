"""Connecting to Temporal, always with the same converter."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime

from starters.failures import ShortFailureConverter

DATA_CONVERTER: Final[DataConverter] = replace(
    pydantic_data_converter, failure_converter_class=ShortFailureConverter
)
"""What every client, worker and replayer uses: Decimals stay exact, failures stay readable."""


async def connect(
    address: str,
    *,
    namespace: str = "default",
    interceptors: Sequence[Interceptor] = (),
    runtime: Runtime | None = None,
) -> Client:
    """Return a client with the converter that all processes share."""
    return await Client.connect(
        address,
        namespace=namespace,
        data_converter=DATA_CONVERTER,
        interceptors=list(interceptors),
        runtime=runtime,
    )
