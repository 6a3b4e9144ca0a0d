"""The benchmarks: questions of other kinds than those of the sources (`data.generator.benchmarks`)."""

from data.generator.benchmarks import Item

BENCHMARKS = {
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
    return records[name]
