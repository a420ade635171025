"""What an error of the database tells."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine


async def test_a_failed_statement_does_not_tell_its_parameters(engine: AsyncEngine) -> None:
    with pytest.raises(DBAPIError) as raised:
        async with engine.begin() as connection:
            await connection.execute(
                text("UPDATE no_such_table SET payload = CAST(:payload AS text)"), {"payload": "0xsignature"}
            )

    assert "no_such_table" in str(raised.value)
    assert "0xsignature" not in str(raised.value)
