"""Curator as its documentation shows it, its own limits out of the way: 200 requests a minute where none are told.

python curator_client.py QUESTIONS.jsonl URL FOLDER [SAMPLES]

Its last line is JSON: `rows`, `empty` (rows without an answer), and `first`, question and parsed column of one row.
"""

import json
import sys
from pathlib import Path

from bespokelabs import curator


class Asker(curator.LLM):
    def prompt(self, input):
        return input["question"]

    def parse(self, input, response):
        return {"question": input["question"], "answer": response, "parsed": response[:10]}


def main() -> None:
    questions, url, folder = sys.argv[1:4]
    samples = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    asker = Asker(
        model_name="echo",
        backend="openai",
        generation_params={"n": samples} if samples > 1 else {},
        backend_params={
            "base_url": url,
            "api_key": "none",
            "max_concurrent_requests": 64,
            "max_requests_per_minute": 10_000_000,
            "max_tokens_per_minute": 10_000_000_000,
        },
    )
    asked = [json.loads(line) for line in Path(questions).read_text().splitlines()]
    rows = asker(asked, working_dir=folder).dataset.to_list()
    first = {name: rows[0][name] for name in ("question", "parsed")}
    print(json.dumps({"rows": len(rows), "empty": sum(not row["answer"] for row in rows), "first": first}))


if __name__ == "__main__":
    main()
