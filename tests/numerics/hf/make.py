"""Makes the tiny models beside this file, and what transformers computes with them.

    python make.py     # needs torch, transformers and safetensors

One folder a model, with random weights, and golden.json: a prompt, the logits after each of its tokens,
and the ids that greedy generation continues it with.
"""

import json
import os

import torch
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

SIZES = dict(
    vocab_size=48,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    bos_token_id=1,
    eos_token_id=2,
)

MODELS = {
    "llama": (LlamaForCausalLM, LlamaConfig, torch.float32, 100000.0, 1e-5, dict(tie_word_embeddings=True)),
    "llama_untied": (LlamaForCausalLM, LlamaConfig, torch.bfloat16, 10000.0, 1e-6, dict(tie_word_embeddings=False)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, torch.float16, 1000000.0, 1e-6, dict(tie_word_embeddings=True)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, torch.bfloat16, 1000000.0, 1e-6, dict(tie_word_embeddings=True, head_dim=8)),
}

here = os.path.dirname(os.path.abspath(__file__))
for i, (name, (model_class, config_class, dtype, theta, eps, more)) in enumerate(MODELS.items()):
    torch.manual_seed(100 + i)
    rope = dict(rope_parameters=dict(rope_type="default", rope_theta=theta))
    config = config_class(**SIZES, rms_norm_eps=eps, attn_implementation="eager", **rope, **more)
    model = model_class(config)
    with torch.no_grad():
        for parameter in model.parameters():
            spread = 0.3 if parameter.dim() > 1 else 0.5
            parameter.copy_(torch.randn_like(parameter) * spread + (1.0 if parameter.dim() == 1 else 0.0))
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("bias"):
                parameter.sub_(1.0)
    model = model.to(dtype)
    folder = os.path.join(here, name)
    model.save_pretrained(folder)
    path = os.path.join(folder, "generation_config.json")
    if os.path.exists(path):
        os.remove(path)
    os.chmod(os.path.join(folder, "model.safetensors"), 0o644)
    # Loaded anew, so that the angles of the rotary embedding are not rounded with the weights.
    model = model_class.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    prompt = [1] + [(7 * k + 3 * i) % 48 for k in range(11)]
    with torch.no_grad():
        logits = model(torch.tensor([prompt])).logits[0]
        ids = list(prompt)
        for _ in range(16):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    golden = dict(
        prompt=prompt,
        logits=[[round(float(x), 5) for x in row] for row in logits[-2:]],
        greedy=ids[len(prompt):],
    )
    with open(os.path.join(folder, "golden.json"), "w") as f:
        json.dump(golden, f)
        f.write("\n")
