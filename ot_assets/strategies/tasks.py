"""What a judge or a writer may be asked to do: the first line of its system message, word for word.

A model of a million parameters is trained on these lines and reads nothing else of a system message; a larger one reads
the instructions that follow. A line that changes is another task to both.
"""

from __future__ import annotations

from ot_resources.interfaces import Message

DIFFICULTY = "Rate the difficulty of a problem."
ASK_LLM = "Rate how much a question helps to train a reasoning model."
SAME_ANSWER = "Compare an answer with its reference."
IS_CORRECT = "Decide if an answer is correct."
MAJORITY = "Find the answers that agree."
FROM_TEXT = "Write a question about a text."
EVOLVE = "Make a question harder."
REWRITE = "Say a question in other words."
EXTRACT = "Extract questions and answers from a text."
SELF_CONTAINED = "Make a question complete in itself."
ANSWERABLE = "Decide if a question can be answered."
TOPIC = "Decide if a question is about a topic."
SAME_PROBLEM = "Decide if two questions are the same problem."

# What the embedded judge is trained on.
TASKS = (
    DIFFICULTY,
    ASK_LLM,
    SAME_ANSWER,
    IS_CORRECT,
    MAJORITY,
    FROM_TEXT,
    EVOLVE,
    REWRITE,
    EXTRACT,
    SELF_CONTAINED,
    ANSWERABLE,
    TOPIC,
)
# Asked of models that read instructions; the embedded judge was not trained on them and answers by their form only.
UNTRAINED = (SAME_PROBLEM,)


def instruct(task: str, instructions: str, data: str) -> tuple[Message, Message]:
    """The two messages of a request: the task's line and its instructions, then nothing but the data."""
    return Message("system", f"{task}\n\n{instructions.strip()}"), Message("user", data)


def labelled(**parts: str) -> str:
    """Data of several parts: `Question: ...`, an empty line, `Answer: ...`, and so on."""
    return "\n\n".join(f"{label.capitalize()}: {text}" for label, text in parts.items())
