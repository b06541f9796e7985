# What 5_export_to_onnx.mjs wrote, run by onnxruntime: python examples/5_use_onnx.py [folder]
import os
import sys

import numpy
import onnxruntime

folder = sys.argv[1] if len(sys.argv) > 1 else "."
images, labels, logits = (numpy.load(os.path.join(folder, f"{name}.npy")) for name in ("images", "labels", "logits"))
session = onnxruntime.InferenceSession(os.path.join(folder, "net.onnx"))
[outputs] = session.run(None, {"images": images.astype(numpy.float32) / 255})
print(f"{(outputs.argmax(1) != labels).sum()} of {len(labels)} images wrong")
print(f"largest difference from Striate's outputs below 0.001: {abs(outputs - logits).max() < 1e-3}")
