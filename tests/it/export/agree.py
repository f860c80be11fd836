"""The largest difference from our logits, or probabilities, of every ONNX file below the folder that is named; where
numbers above 1 are expected, in shares of the largest.

Each case is a folder with `io.safetensors`: bytes of `pixels`, the `images` that the network takes, our `logits`.
Prints a JSON object: from each file to its difference.
"""

import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file


def softmax(logits):
    powers = numpy.exp(logits.astype(numpy.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def difference(path, io):
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [port], [output] = session.get_inputs(), session.get_outputs()
    assert port.name == "images" and port.shape[0] == "batch" and output.shape[0] == "batch", port
    if port.type == "tensor(uint8)":
        assert output.name == "probabilities"
        taken, expected = io["pixels"], softmax(io["logits"])
        if path.stem.endswith("nhwc"):
            taken = taken.transpose(0, 2, 3, 1)
    else:
        assert output.name == "logits"
        taken, expected = io["images"], io["logits"]
    taken = numpy.ascontiguousarray(taken)
    most = 0.0
    for count in (1, len(taken)):
        [given] = session.run(None, {"images": taken[:count]})
        assert given.shape == expected[:count].shape, (path, given.shape)
        assert (given.argmax(1) == expected[:count].argmax(1)).all(), path
        most = max(most, float(numpy.abs(given - expected[:count]).max()))
    most /= max(1.0, float(numpy.abs(expected).max()))
    return most


def main():
    onnxruntime.set_default_logger_severity(3)
    cases = {}
    for path in sorted(Path(sys.argv[1]).glob("*/*.onnx")):
        cases[str(path)] = difference(path, load_file(path.parent / "io.safetensors"))
    print(json.dumps(cases))


main()
