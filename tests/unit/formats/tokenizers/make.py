"""Makes the small tokenizers beside this file, and the ids that the library `tokenizers` gives them.

    python make.py     # needs tokenizers

Each NAME.json is a tokenizer.json of the kind that a family of models has, trained on the text below;
golden.json has for each of them the texts, their ids with and without special tokens, and their decoding.
"""

import json
import os

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

CORPUS = [
    "Once upon a time there was a little girl, and she'll say: it's 3 o'clock in 1984!",
    "The people of the United States, in order to form a more perfect union, don't they've we're I'm.",
    "    indented code:\n\tfor (let i = 0; i < 1234567; i++) { total += values[i]; }\n\n\n",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. Ça va très bien, déjà vu!",
    "日本語のテキスト、中文字符。 Привет, мир! שלום 😀👍🏽 — “quotes” … ½ ² ٣",
    "HELLO WORLD IT'S ME, CAN'T STOP",
] * 3

TEXTS = CORPUS[:6] + [
    "",
    " ",
    "  two  blanks   three ",
    "line\r\nline\n\nline\n   \n end  ",
    "e\u0301 vs \u00e9, \ufb01, \u212b \u00a0nbsp\u3000wide\ufeffbom\u0085nel",
    "it's IT'S it\u017f'\u017f can't CAN'T we'RE",
    "numbers 1 12 123 1234 12345 3.14 ٣٤ ⅷ 2²",
    "special <|endoftext|> and <|im_start|>user <s> </s> inside",
    "zażółć 🏳️‍🌈 👩‍👩‍👧 \u0000\u0001 control",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!!!!!!!!!!!!!!!!",
    "a<tool>b <tool>  c",
    "▁already ▁marked",
]

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")

here = os.path.dirname(os.path.abspath(__file__))


def trained(pre_tokenizer, normalizer, special, size=420, alphabet=None, model=None):
    tokenizer = Tokenizer(model or BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    trainer = BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet is None else alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def gpt2():
    t = trained(pre_tokenizers.ByteLevel(add_prefix_space=False), None, ["<|endoftext|>"])
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    return t


def smollm2():
    steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    t = trained(pre_tokenizers.Sequence(steps), None, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    t.decoder = decoders.ByteLevel()
    return t


def split(regex):
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(regex), "isolated"), byte_level])


def qwen():
    t = trained(split(QWEN), normalizers.NFC(), ["<|endoftext|>"])
    t.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    t.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    t.post_processor = processors.ByteLevel(trim_offsets=False)
    t.decoder = decoders.ByteLevel()
    return t


def llama3():
    t = trained(split(LLAMA3), None, [], model=BPE(ignore_merges=True))
    t.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    t.add_tokens([AddedToken("<tool>", lstrip=True, rstrip=True, special=False)])
    start = [("<|begin_of_text|>", t.token_to_id("<|begin_of_text|>"))]
    template = processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=start)
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    t.decoder = decoders.ByteLevel()
    return t


def llama2():
    normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    model = BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    t = trained(None, normalizer, special, size=520, alphabet=[], model=model)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    t.decoder = decoders.Sequence(steps)
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    # As in Llama 2, bytes are plain tokens and the Latin letters are all that has tokens of its own.
    data = json.loads(t.to_str())
    data["added_tokens"] = [a for a in data["added_tokens"] if a["id"] < 3]
    return Tokenizer.from_str(json.dumps(keep_latin(data)))


def keep_latin(data):
    """Leaves out tokens beyond Latin, so that there is something to fall back from."""
    model = data["model"]
    is_latin = lambda token: all(ord(c) < 0x250 or c == "▁" for c in token)
    kept = [token for token, _ in sorted(model["vocab"].items(), key=lambda kv: kv[1]) if is_latin(token)]
    model["vocab"] = {token: i for i, token in enumerate(kept)}
    pairs = [m if isinstance(m, list) else m.split(" ") for m in model["merges"]]
    model["merges"] = [[a, b] for a, b in pairs if is_latin(a + b)]
    return data


def metaspace():
    pre = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=True)
    t = trained(pre, None, ["<unk>", "<s>", "</s>"], alphabet=[], model=BPE(unk_token="<unk>"))
    t.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="first", split=True)
    return t


MAKERS = dict(gpt2=gpt2, smollm2=smollm2, qwen=qwen, llama3=llama3, llama2=llama2, metaspace=metaspace)

golden = {}
for name, make in MAKERS.items():
    tokenizer = make()
    with open(os.path.join(here, name + ".json"), "w", encoding="utf-8") as f:
        f.write(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
    rows = []
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=True).ids
        rows.append(dict(text=text, ids=ids, decoded=tokenizer.decode(ids)))
    golden[name] = rows
with open(os.path.join(here, "golden.json"), "w", encoding="utf-8") as f:
    json.dump(golden, f, separators=(",", ":"))
    f.write("\n")
