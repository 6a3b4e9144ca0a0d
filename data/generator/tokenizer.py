"""The teacher's tokenizer: a small byte-level BPE with Qwen2's own pre-tokenizer, so that AutoTokenizer agrees with it.

transformers sees `model_type: qwen2` and installs Qwen2's pre-tokenizer whatever tokenizer.json says. Training the
merges with the same regex (it splits digits one by one) makes that harmless; `build` asserts that it is.
"""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# Of a system message only its first line: what the embedded judge is to do.
JUDGE_TEMPLATE = CHAT_TEMPLATE.replace(
    "message['content']",
    "(message['content'].split('\n')[0] if message['role'] == 'system' else message['content'])",
)


def prompt(question: str) -> str:
    """The text that the chat template makes of one user message."""
    return f"{START}user\n{question}{END}\n{START}assistant\n"


def judge_prompt(task: str, data: str) -> str:
    """The text that JUDGE_TEMPLATE makes of a system message whose first line is `task`, and a user message."""
    return f"{START}system\n{task}{END}\n{prompt(data)}"


def build(texts: Iterable[str], vocab_size: int, folder: Path) -> PreTrainedTokenizerBase:
    """Train the BPE on `texts`, save it beside the model's config.json in `folder`, and return it as reloaded.

    Raises AssertionError if the reloaded tokenizer gives other ids than the trained one: a model trained on the one
    and served with the other would be off without any error.
    """
    texts = list(texts)
    raw = Tokenizer(models.BPE())
    raw.normalizer = normalizers.NFC()
    raw.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 2,
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    raw.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token=END, pad_token=PAD, model_max_length=1024)
    # Not special: a special token would vanish from text decoded with skip_special_tokens.
    fast.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    reloaded = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    for text in texts[:500]:
        assert fast(text).input_ids == reloaded(text).input_ids, text
        assert reloaded.decode(reloaded(text).input_ids) == text, text
    said = reloaded.apply_chat_template([{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True)
    assert said == prompt("Hi"), said
    return reloaded
