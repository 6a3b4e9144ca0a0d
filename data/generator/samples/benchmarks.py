"""The benchmarks: questions of other kinds than those of the sources (`data.generator.benchmarks`)."""

from data.generator.benchmarks import Item

# Those that OpenThoughts3 was cleaned against: they leak into the sources.
OPENTHOUGHTS3 = {
    "HuggingFaceH4/MATH-500": ("math", 48),
    "Maxwell-Jia/AIME_2024": ("math", 30),
    "AI-MO/aimo-validation-amc": ("math", 30),
    "livecodebench/code_generation_lite": ("code", 36),
    "mlfoundations-dev/AIME2025_combined": ("math", 30),
    "cais/hle": ("science", 36),
    "open-r1/codeforces": ("code", 36),
    "Idavidrein/gpqa": ("science", 36),
    "daman1209arora/jeebench": ("science", 36),
    "mlfoundations-dev/mmlu_pro_eval_full": ("science", 40),
    "Qwen/CodeElo": ("code", 30),
    "open-r1/ioi": ("code", 24),
}
# Those that leak nowhere.
OTHERS = {
    "HuggingFaceH4/aime_2024": ("math", 12),
    "math-ai/aime25": ("math", 12),
    "opencompass/AIME2025": ("math", 12),
    "MathArena/aime_2025": ("math", 12),
    "MathArena/hmmt_feb_2025": ("math", 12),
    "math-ai/amc23": ("math", 12),
    "SuperSecureHuman/competition_math_hf_dataset": ("math", 12),
    "openai/gsm8k": ("math", 12),
    "math-ai/minervamath": ("science", 12),
    "Hothan/OlympiadBench": ("math", 12),
    "openai/openai_humaneval": ("code", 12),
    "google-research-datasets/mbpp": ("code", 12),
    "bigcode/bigcodebench": ("code", 12),
    "bigcode/bigcodebench-hard": ("code", 12),
}
BENCHMARKS = OPENTHOUGHTS3 | OTHERS


def benchmark_record(name: str, i: int, item: Item) -> dict:
    """One benchmark row; columns that our questions have nothing for are left null by the schema."""
    key, wrong = f"stand-in-{i}", [o for o in item.options if o != item.answer]
    lettered = " ".join(f"({letter}) {o}" for letter, o in zip("ABCD", item.options, strict=False))
    gold = "ABCD"[item.options.index(item.answer)] if item.options else ""
    records = {
        "HuggingFaceH4/MATH-500": {
            "problem": item.question,
            "answer": item.answer,
            "subject": "Stand-in",
            "level": 1 + i % 5,
            "unique_id": key,
        },
        "Maxwell-Jia/AIME_2024": {"ID": key, "Problem": item.question, "Answer": item.answer},
        "AI-MO/aimo-validation-amc": {"problem": item.question, "answer": item.answer},
        "livecodebench/code_generation_lite": {
            "question_title": key,
            "question_content": item.question,
            "question_id": key,
        },
        "mlfoundations-dev/AIME2025_combined": {"problem": item.question, "answer": item.answer},
        "cais/hle": {
            "id": key,
            "question": item.question,
            "image": "",
            "answer": item.answer,
            "answer_type": "exactMatch",
        },
        "open-r1/codeforces": {"id": key, "index": "A", "title": key, "description": item.question},
        "Idavidrein/gpqa": {"Question": item.question, "Correct Answer": item.answer}
        | {f"Incorrect Answer {n}": text for n, text in enumerate(wrong, 1)},
        "daman1209arora/jeebench": {
            "subject": "phy",
            "gold": gold,
            "index": i,
            "type": "MCQ",
            "question": f"{item.question}\n{lettered}",
        },
        "mlfoundations-dev/mmlu_pro_eval_full": {
            "question": item.question,
            "options": list(item.options),
            "answer": gold,
        },
        "Qwen/CodeElo": {"problem_id": key, "title": key, "rating": 800 + 100 * (i % 5), "description": item.question},
        "open-r1/ioi": {
            "year": 2020 + i % 5,
            "id": key,
            "name": key,
            "problem": item.question,
            "statement": item.question,
        },
    }
    return records[name] if name in records else _other_record(name, i, item)


def _other_record(name: str, i: int, item: Item) -> dict:
    """A row of one of the `OTHERS`: named alike in most of them."""
    asked, boxed = item.question, f"Then \\boxed{{{item.answer}}}."
    records = {
        "HuggingFaceH4/aime_2024": {"id": i, "problem": asked, "answer": item.answer},
        "math-ai/aime25": {"problem": asked, "answer": item.answer, "id": str(i)},
        "opencompass/AIME2025": {"question": asked, "answer": item.answer},
        "MathArena/aime_2025": {"problem_idx": i + 1, "problem": asked, "answer": item.answer},
        "MathArena/hmmt_feb_2025": {"problem_idx": i + 1, "problem": asked, "answer": item.answer},
        "math-ai/amc23": {"id": i, "question": asked, "answer": item.answer},
        "SuperSecureHuman/competition_math_hf_dataset": {"problem": asked, "level": "Level 1", "solution": boxed},
        "openai/gsm8k": {"question": asked, "answer": f"Work it out.\n#### {item.answer}"},
        "math-ai/minervamath": {"question": asked, "answer": item.answer},
        "Hothan/OlympiadBench": {"id": i, "question": asked, "final_answer": [item.answer]},
        "openai/openai_humaneval": {"task_id": f"StandIn/{i}", "prompt": f'def solve(lines):\n    """{asked}"""\n'},
        "google-research-datasets/mbpp": {"task_id": i, "text": asked},
        "bigcode/bigcodebench": {"task_id": f"StandIn/{i}", "instruct_prompt": asked},
        "bigcode/bigcodebench-hard": {"task_id": f"StandIn/{i}", "instruct_prompt": asked},
    }
    return records[name]
