"""The bare client: aiohttp, a semaphore, JSON lines out. Nothing is parsed, checked, kept durable or asked again.

python bare_client.py QUESTIONS.jsonl URL FOLDER
"""

import asyncio
import json
import sys
from pathlib import Path

import aiohttp


async def main(questions: Path, url: str, folder: Path) -> None:
    limit = asyncio.Semaphore(64)
    with questions.open() as rows, (folder / "rows.jsonl").open("w") as out:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64)) as session:

            async def ask(row: dict) -> None:
                body = {"model": "echo", "messages": [{"role": "user", "content": row["question"]}]}
                async with limit, session.post(url + "/chat/completions", json=body) as response:
                    row["answer"] = (await response.json())["choices"][0]["message"]["content"]
                    out.write(json.dumps(row) + "\n")

            await asyncio.gather(*[ask(json.loads(line)) for line in rows])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
