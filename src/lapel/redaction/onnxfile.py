"""How does a model that was saved for one picture size take another? Its declared input and output shapes are left out.

Reads no more of the ONNX file (protocol buffers wire format, onnx.proto) than it must; the weights are copied untouched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lapel.base.errors import Invalid

MODEL_GRAPH = 7
GRAPH_INPUT, GRAPH_OUTPUT, GRAPH_VALUE_INFO = 11, 12, 13
VALUE_TYPE = 2
TYPE_TENSOR = 1
TENSOR_SHAPE = 2
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def without_shapes(model: bytes) -> bytes:
    """The model with the shapes of its inputs, outputs and inner values left open. Raises `Invalid` for what is no ONNX."""
    return _changed(model, MODEL_GRAPH, _open_graph)


def metadata(model: bytes) -> dict[str, str]:
    """The model's own notes (`metadata_props`), such as a recogniser's alphabet. Raises `Invalid`."""
    notes = {}
    for number, _, body in _fields(model):
        if number == 14 and body is not None:
            pair = {field: part or b"" for field, _, part in _fields(body)}
            notes[pair.get(1, b"").decode("utf-8", "replace")] = pair.get(2, b"").decode("utf-8", "replace")
    return notes


def _open_graph(graph: bytes) -> bytes:
    opened = bytearray()
    for number, whole, body in _fields(graph):
        if number == GRAPH_VALUE_INFO:
            continue
        if number in (GRAPH_INPUT, GRAPH_OUTPUT) and body is not None:
            opened += _written(number, _changed(body, VALUE_TYPE, _open_type))
        else:
            opened += whole
    return bytes(opened)


def _open_type(kind: bytes) -> bytes:
    return _changed(kind, TYPE_TENSOR, _open_tensor)


def _open_tensor(tensor: bytes) -> bytes:
    return b"".join(whole for number, whole, _ in _fields(tensor) if number != TENSOR_SHAPE)


def _changed(message: bytes, wanted: int, change: Callable[[bytes], bytes]) -> bytes:
    """The message with every length-delimited field of this number changed."""
    made = bytearray()
    for number, whole, body in _fields(message):
        made += _written(number, change(body)) if number == wanted and body is not None else whole
    return bytes(made)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes | None]]:
    """Each field: number, all its bytes, and its body where it is length-delimited."""
    at = 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        body = None
        if wire == VARINT:
            _, at = _varint(message, at)
        elif wire == FIXED64:
            at += 8
        elif wire == FIXED32:
            at += 4
        elif wire == BYTES:
            length, at = _varint(message, at)
            body = message[at : at + length]
            at += length
        else:
            raise Invalid("This is no ONNX model: a field has a type that does not exist.")
        if at > len(message):
            raise Invalid("This is no ONNX model, or it is cut short.")
        yield number, message[start:at], body


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Invalid("This is no ONNX model, or it is cut short.")


def _written(number: int, body: bytes) -> bytes:
    return _wire(number << 3 | BYTES) + _wire(len(body)) + body


def _wire(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
