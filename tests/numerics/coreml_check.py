"""Loads a package with coremltools and prints what it finds, as JSON.

    python coreml_check.py PACKAGE 1,2,3

The ids are put in as a constant, and coremltools folds every op of the program into its value: its own
arithmetic, in numpy.
"""
import json
import os
import sys

import coremltools as ct
import numpy as np
from coremltools.converters.mil.frontend.milproto.load import load as load_milproto
from coremltools.converters.mil.mil import Builder as mb

path, tokens = sys.argv[1], np.array([int(t) for t in sys.argv[2].split(",")], dtype=np.int32)
spec = ct.utils.load_spec(path)
folder = os.path.join(path, "Data", "com.apple.CoreML", "weights")
program = load_milproto(spec, specification_version=spec.specificationVersion, file_weights_dir=folder)
main = program.functions["main"]

weights = {}
for op in main.operations:
    if op.op_type == "const" and isinstance(op.outputs[0].val, np.ndarray):
        value = op.outputs[0].val
        flat = value.astype(np.float64).reshape(-1)
        factors = np.arange(flat.size) % 7 + 1
        weights[op.outputs[0].name] = {
            "shape": list(value.shape),
            "sum": float((flat * factors).sum()),
            "count": int(flat.size),
        }

count = len(list(main.operations))
values = {"tokens": tokens}
for op in main.operations:
    if op.op_type == "const":
        values[op.outputs[0].name] = op.outputs[0].val


@mb.program(input_specs=[])
def folded():
    """The same ops on constants: each one is computed as it is built."""
    built = {}

    def operand(var):
        if isinstance(var, (list, tuple)):
            return [operand(v) for v in var]
        if var.name in built:
            return built[var.name]
        value = values[var.name]
        return value.item() if isinstance(value, np.bool_) else value

    last = None
    for op in main.operations:
        if op.op_type == "const":
            continue
        inputs = {name: operand(var) for name, var in op.inputs.items() if var is not None}
        last = getattr(mb, op.op_type)(**inputs)
        built[op.outputs[0].name] = last
    return mb.identity(x=last)


out = [op.outputs[0].val for op in folded.functions["main"].operations][-1]
print(json.dumps({"ops": count, "weights": weights, "out": np.asarray(out, dtype=np.float64).reshape(-1).tolist()}))
