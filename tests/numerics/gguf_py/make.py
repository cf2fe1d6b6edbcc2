"""Writes tiny.gguf with the gguf package of llama.cpp (pip install gguf==0.19.0): one layer of Llama, a
tensor of every type that is read, values of every type. Element i of tensor k is
((i * 7919 + k * 104729) mod 251 - 125) / 64, which F16 and BF16 hold exactly."""
from pathlib import Path

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFValueType as Value
from gguf import GGUFWriter, quants

TENSORS = [
    ("token_embd.weight", (12, 32), Type.F16),
    ("blk.0.attn_q.weight", (32, 32), Type.F32),
    ("blk.0.attn_k.weight", (16, 32), Type.BF16),
    ("blk.0.attn_v.weight", (16, 32), Type.Q8_0),
    ("blk.0.attn_output.weight", (32, 32), Type.Q4_0),
    ("blk.0.ffn_gate.weight", (32, 32), Type.F16),
    ("blk.0.ffn_down.weight", (32, 32), Type.Q8_0),
    ("blk.0.ffn_up.weight", (32, 32), Type.BF16),
    ("blk.0.attn_norm.weight", (32,), Type.F32),
    ("blk.0.ffn_norm.weight", (32,), Type.F32),
    ("output_norm.weight", (32,), Type.F32),
]

writer = GGUFWriter(Path(__file__).parent / "tiny.gguf", "llama")
writer.add_name("tiny of gguf-py")
writer.add_custom_alignment(64)
writer.add_block_count(1)
writer.add_context_length(64)
writer.add_embedding_length(32)
writer.add_feed_forward_length(32)
writer.add_head_count(2)
writer.add_head_count_kv(1)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_rope_freq_base(100000.0)
writer.add_rope_dimension_count(16)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("smollm")
writer.add_token_list(["<|end|>", "a", "b", "c", "Ġ", "ab", "Ġa", "abc", "<tool>", "é", "[PAD10]", "[PAD11]"])
writer.add_token_types([3, 1, 1, 1, 1, 1, 1, 1, 4, 1, 5, 5])
writer.add_token_merges(["a b", "Ġ a", "ab c"])
writer.add_bos_token_id(0)
writer.add_eos_token_id(0)
for name, value, kind in [
    ("u8", 255, Value.UINT8), ("i8", -128, Value.INT8), ("u16", 65535, Value.UINT16),
    ("i16", -32768, Value.INT16), ("u32", 2**32 - 1, Value.UINT32), ("i32", -2**31, Value.INT32),
    ("f32", 0.5, Value.FLOAT32), ("bool", True, Value.BOOL), ("string", "äöü 🙂", Value.STRING),
    ("u64", 2**64 - 1, Value.UINT64), ("i64", -2**63, Value.INT64), ("f64", 0.1, Value.FLOAT64),
]:
    writer.add_key_value(f"test.{name}", value, kind)
writer.add_array("test.list", [1, -2, 3])

for k, (name, shape, kind) in enumerate(TENSORS):
    count = int(np.prod(shape))
    numbers = (np.arange(count, dtype=np.int64) * 7919 + k * 104729) % 251
    values = ((numbers - 125) / 64).astype(np.float32).reshape(shape)
    data = values if kind == Type.F32 else quants.quantize(values, kind)
    if kind == Type.F16:
        data = values.astype(np.float16)
    writer.add_tensor(name, data, raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
