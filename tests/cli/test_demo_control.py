"""The demo's connection to its exchange."""

import asyncio

from remora.cli.demo.control import TwinControl

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
LOOKS = 3


async def test_an_idle_connection_that_the_exchange_gave_up_ends_no_demo() -> None:
    ended = asyncio.Semaphore(0)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER)
        await writer.drain()
        await reader.read(1)  # whoever asks again here asks a server that has just closed
        writer.close()
        await writer.wait_closed()
        ended.release()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with TwinControl(f"http://127.0.0.1:{port}") as control:
            assert [await control.status() for _ in range(LOOKS)] == [{}] * LOOKS
        for _ in range(LOOKS):
            await ended.acquire()
