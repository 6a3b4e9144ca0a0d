"""distilabel as its documentation shows it: a task in batches of 64 (all that bounds what is in flight).

python distilabel_client.py QUESTIONS.jsonl URL FOLDER [SAMPLES]

Its last line is JSON: `rows`, `empty` (rows without an answer), and `first`, question and parsed column of one row.
"""

import json
import sys
from pathlib import Path

from distilabel.models.llms import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts, StepInput, step
from distilabel.steps.tasks import TextGeneration


@step(inputs=["generation"], outputs=["parsed"])
def parse(inputs: StepInput):
    for row in inputs:
        text = row["generation"]
        text = text[0] if isinstance(text, list) else text
        row["parsed"] = text[:10] if text else None
    yield inputs


def main() -> None:
    questions, url, folder = sys.argv[1:4]
    samples = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    asked = [{"instruction": json.loads(line)["question"]} for line in Path(questions).read_text().splitlines()]
    with Pipeline(name="bench", cache_dir=folder) as pipeline:
        load = LoadDataFromDicts(name="load", data=asked, batch_size=64)
        generate = TextGeneration(
            name="generate",
            llm=OpenAILLM(model="echo", base_url=url, api_key="none"),
            input_batch_size=64,
            num_generations=samples,
            group_generations=samples > 1,
        )
        if samples > 1:  # a further step would be taken from its cache, and the run end in an error
            load >> generate
        else:
            load >> generate >> parse(name="parse", input_batch_size=64)
    rows = pipeline.run(use_cache=True)["default"]["train"].to_list()
    first = {"question": rows[0]["instruction"], "parsed": rows[0].get("parsed")}
    empty = sum(not any(_texts(row)) for row in rows)
    print(json.dumps({"rows": len(rows), "empty": empty, "first": first}))


def _texts(row: dict) -> list:
    return row["generation"] if isinstance(row["generation"], list) else [row["generation"]]


if __name__ == "__main__":
    main()
