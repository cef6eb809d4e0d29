"""How is an ONNX model run on this machine? OpenVINO; onnxruntime where it is absent; CUDA where there is a GPU.

Pictures go in as they are (height x width x 3 bytes, RGB); each runtime converts them its own way. Results of the two CPU
runtimes agree to five decimals: OpenVINO is told to compute in f32, where it would choose bf16.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from lapel.base.errors import Invalid, Unavailable
from lapel.redaction.onnxfile import without_shapes

Runtime = Literal["openvino", "onnxruntime", "cuda"]
Picture = NDArray[np.uint8]
Tensor = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the network wants of a pixel: (value - mean) * scale, per channel."""

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float, float] = (1.0, 1.0, 1.0)


class Network(Protocol):
    """A model ready for pictures of any size that its layers can take."""

    runtime: Runtime

    def __call__(self, picture: Picture) -> list[Tensor]:
        """The outputs, in the model's order, for one picture."""


@lru_cache(maxsize=1)
def available() -> Runtime:
    """The runtime to use: a GPU if onnxruntime has one, else OpenVINO, else onnxruntime. Raises `Unavailable`."""
    if importlib.util.find_spec("onnxruntime") is not None and _has_gpu():
        return "cuda"
    if importlib.util.find_spec("openvino") is not None:
        return "openvino"
    if importlib.util.find_spec("onnxruntime") is not None:
        return "onnxruntime"
    raise Unavailable(
        "Neither OpenVINO nor onnxruntime is installed, so no model can look at pictures.",
        next_step="Install the extra: lapel[redaction].",
    )


def load(
    model: bytes,
    *,
    scaling: Scaling | None = None,
    threads: int = 1,
    runtime: Runtime | None = None,
) -> Network:
    """A network for pictures. Raises `Invalid` when the bytes are no model that the runtime can load."""
    chosen = runtime or available()
    made: type[_OpenVino | _OnnxRuntime] = _OpenVino if chosen == "openvino" else _OnnxRuntime
    try:
        return made(model, scaling or Scaling(), threads, chosen)
    except (RuntimeError, ValueError, IndexError) as fault:
        said = str(fault).strip().splitlines()
        raise Invalid(
            f"The model cannot be loaded: {said[-1][:300] if said else 'no reason given'}."
        ) from None
    except Exception as fault:
        # onnxruntime's own exceptions derive from Exception alone
        raise Invalid(f"The model cannot be loaded: {str(fault)[:300]}.") from None


class _OpenVino:
    def __init__(self, model: bytes, scaling: Scaling, threads: int, runtime: Runtime) -> None:
        self.runtime = runtime
        compiled = _compiled(model, scaling, threads)
        self._request = compiled.create_infer_request()
        self._outputs = len(compiled.outputs)

    def __call__(self, picture: Picture) -> list[Tensor]:
        self._request.infer({0: picture[None]})
        return [self._request.get_output_tensor(n).data.copy() for n in range(self._outputs)]


class _OnnxRuntime:
    def __init__(self, model: bytes, scaling: Scaling, threads: int, runtime: Runtime) -> None:
        import onnxruntime

        self.runtime = runtime
        self._mean = np.asarray(scaling.mean, np.float32)
        self._scale = np.asarray(scaling.scale, np.float32)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        providers = ["CUDAExecutionProvider"] if runtime == "cuda" else []
        self._session = onnxruntime.InferenceSession(
            without_shapes(model), options, providers=[*providers, "CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def __call__(self, picture: Picture) -> list[Tensor]:
        pixels = (picture.astype(np.float32) - self._mean) * self._scale
        given = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
        found: Sequence[Any] = self._session.run(None, {self._input: given})
        return [np.asarray(one, np.float32) for one in found]


@lru_cache(maxsize=1)
def _core() -> Any:
    """One for the process: making it reads files, which a process that is locked down cannot."""
    import openvino

    return openvino.Core()


@lru_cache(maxsize=4)
def _compiled(model: bytes, scaling: Scaling, threads: int) -> Any:
    """The model as OpenVINO runs it, its sizes left open; kept, for the same reason, and since compiling takes a while."""
    import openvino

    core = _core()
    net = core.read_model(model)
    net.reshape({net.input(0): [1, 3, -1, -1]})
    prepared = openvino.preprocess.PrePostProcessor(net)
    prepared.input(0).tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    prepared.input(0).model().set_layout(openvino.Layout("NCHW"))
    steps = prepared.input(0).preprocess().convert_element_type(openvino.Type.f32)
    if scaling != Scaling():
        steps.mean(list(scaling.mean)).scale([1 / s for s in scaling.scale])
    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return core.compile_model(prepared.build(), "CPU", options)


def _has_gpu() -> bool:
    import onnxruntime

    return "CUDAExecutionProvider" in onnxruntime.get_available_providers()
