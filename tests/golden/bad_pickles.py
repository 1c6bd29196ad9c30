"""Broken and hostile pytorch_model.bin files, zip and legacy."""

import collections
import io
import os
import pickle
import pickletools
import struct
import sys
import types
import zipfile

from formats import split_safetensors

FIXTURE = "short-base"
NAME = "hubert.encoder.layers.1.attention.k_proj.weight"
COMMAND = b'touch "$HEARD_CANARY"'


def fake_torch():
    """Just enough of the module names for pickle to write what torch.save writes."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    class FloatStorage:
        pass

    def _rebuild_tensor_v2(*_):
        pass

    FloatStorage.__module__, FloatStorage.__qualname__ = "torch", "FloatStorage"
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    torch.FloatStorage, utils._rebuild_tensor_v2 = FloatStorage, _rebuild_tensor_v2
    sys.modules["torch"], sys.modules["torch._utils"] = torch, utils
    return torch, utils


TORCH, UTILS = fake_torch()


class Storage:
    def __init__(self, key, numel):
        self.key, self.numel = key, numel
        self.id = None  # replaces the whole persistent id

    def persistent_id(self, legacy):
        """The legacy format has a sixth member, for a view of another storage."""
        view = (None,) if legacy else ()
        return self.id or ("storage", TORCH.FloatStorage, self.key, "cpu", self.numel, *view)


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.offset, self.shape = storage, 0, tuple(shape)
        self.stride, step = [], 1
        for size in reversed(shape):
            self.stride.insert(0, step)
            step *= size
        self.stride = tuple(self.stride)
        self.arguments = None  # replaces all of them

    def __reduce__(self):
        arguments = self.arguments or (
            self.storage, self.offset, self.shape, self.stride, False, collections.OrderedDict(),
        )  # fmt: skip
        return UTILS._rebuild_tensor_v2, arguments


class Pickler(pickle.Pickler):
    legacy = False

    def persistent_id(self, thing):
        return thing.persistent_id(self.legacy) if isinstance(thing, Storage) else None


def pickled(thing, legacy=False):
    buffer = io.BytesIO()
    pickler = Pickler(buffer, 2)
    pickler.legacy = legacy
    pickler.dump(thing)
    return buffer.getvalue()


def checkpoint(bench):
    """(directory, path of the .bin, {name: Tensor}, {key: bytes}) of a model as torch has it."""
    directory = bench.fixture(FIXTURE)
    safetensors = os.path.join(directory, "model.safetensors")
    header, data = split_safetensors(safetensors)
    os.remove(safetensors)
    tensors, storages = collections.OrderedDict(), {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        key = str(len(storages))
        storages[key] = data[begin:end]
        tensors[name] = Tensor(Storage(key, (end - begin) // 4), entry["shape"])
    return directory, os.path.join(directory, "pytorch_model.bin"), tensors, storages


def write_zip(path, document, storages, compression=zipfile.ZIP_STORED, prefix="archive/"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        if document is not None:
            archive.writestr(prefix + "data.pkl", document)
        archive.writestr(prefix + "byteorder", b"little")
        for key, data in storages.items():
            archive.writestr(f"{prefix}data/{key}", data)
        archive.writestr(prefix + "version", b"3\n")


def write_legacy(path, document, storages):
    parts = [
        pickle.dumps(0x1950A86A20F9469CFC6C, 2),
        pickle.dumps(1001, 2),
        pickle.dumps({"protocol_version": 1001, "little_endian": True,
                      "type_sizes": {"short": 2, "int": 4, "long": 4}}, 2),  # fmt: skip
        document,
        pickle.dumps(sorted(storages), 2),
    ]
    for key in sorted(storages):
        parts.append(struct.pack("<q", len(storages[key]) // 4) + storages[key])
    with open(path, "wb") as file:
        file.write(b"".join(parts))


KINDS = (("zip", write_zip, False), ("legacy", write_legacy, True))


def cases(bench):
    controls(bench)
    hostile(bench)
    machines(bench)
    tensors_and_storages(bench)
    truncated(bench)
    archives(bench)


def controls(bench):
    """What is broken below is accepted when it is whole."""
    directory, path, tensors, storages = checkpoint(bench)
    expected = bench.transcribe(os.path.join(bench.fixtures, FIXTURE))
    for kind, write, legacy in KINDS:
        write(path, pickled(tensors, legacy), storages)
        result = bench.transcribe(directory)
        bench.tap.check(
            f"{kind}: the whole checkpoint gives the same text as safetensors",
            result.status == 0 and result.out == expected.out,
            expected,
            result,
        )


def both(bench, title, document, *names):
    """The document as the pickle of a zip archive and of a legacy file."""
    directory, path, _, storages = checkpoint(bench)
    for kind, write, _ in KINDS:
        write(path, document, storages)
        bench.refused(f"{kind}: {title}", directory, path, *names)


def short(text):
    return b"\x8c" + bytes([len(text)]) + text


def hostile(bench):
    """Globals outside the list are refused by name, in every way that pickle can call."""
    argument = b"X" + struct.pack("<I", len(COMMAND)) + COMMAND
    for module, name in (
        (b"os", b"system"), (b"posix", b"system"), (b"subprocess", b"call"), (b"builtins", b"eval"),
        (b"__builtin__", b"exec"), (b"builtins", b"getattr"), (b"torch", b"load"),
        (b"torch.hub", b"load"), (b"collections", b"namedtuple"), (b"torch._utils", b"_import_dotted_name"),
        (b"pickle", b"loads"), (b"numpy.core.multiarray", b"_reconstruct"), (b"torch", b"os.system"),
    ):  # fmt: skip
        named = f"{module.decode()}.{name.decode()}"
        call = b"c" + module + b"\n" + name + b"\n" + argument + b"\x85R."
        both(bench, f"REDUCE of {named}", b"\x80\x02" + call, named)
    stack_global = short(b"os") + short(b"system") + b"\x93"
    both(bench, "STACK_GLOBAL os.system", b"\x80\x04" + stack_global + argument + b"\x85R.", "os.system")
    both(bench, "INST os.system", b"\x80\x02(" + argument + b"ios\nsystem\n.")
    both(bench, "OBJ os.system", b"\x80\x02(cos\nsystem\n" + argument + b"o.", "os.system")
    both(bench, "NEWOBJ os.system", b"\x80\x02cos\nsystem\n" + argument + b"\x85\x81.", "os.system")
    both(bench, "NEWOBJ_EX", b"\x80\x04" + stack_global + argument + b"\x85}\x92.", "os.system")
    both(bench, "EXT1", b"\x80\x02\x82\x01" + argument + b"\x85R.")
    both(bench, "EXT4", b"\x80\x02\x84\x01\0\0\0" + argument + b"\x85R.")
    both(bench, "a global with line feeds in its name", b"\x80\x02cos\n\x1b[31msystem\n.")
    both(bench, "a call of a string", b"\x80\x02" + argument + b")R.")
    both(bench, "a call of a dict", b"\x80\x02})R.")
    both(bench, "BUILD with a foreign state", b"\x80\x02ccollections\nOrderedDict\n)R}" + argument
         + b"cos\nsystem\nsb.", "os.system")  # fmt: skip
    # Hidden behind what a checkpoint really has.
    directory, path, tensors, storages = checkpoint(bench)
    good = pickled(tensors)
    write_zip(path, good[:-1] + b"cos\nsystem\n" + argument + b"\x85R.", storages)
    bench.refused("os.system behind a whole checkpoint", directory, path, "os.system")
    write_zip(path, good + b"cos\nsystem\n" + argument + b"\x85R.", storages)
    bench.survives("os.system behind the STOP", directory, path)


def machines(bench):
    """Programs that break the unpickler rather than its list of globals."""
    mark, proto = b"(", b"\x80\x02"
    programs = {
        "empty": b"",
        "only a protocol": proto,
        "no STOP": proto + b"}",
        "STOP on an empty stack": proto + b".",
        "an unknown opcode": proto + b"\xff.",
        "protocol 200": b"\x80\xc8}.",
        "POP on an empty stack": proto + b"0.",
        "POP_MARK without a mark": proto + b"1.",
        "TUPLE without a mark": proto + b"t.",
        "SETITEMS without a mark": proto + b"}u.",
        "SETITEM on an empty stack": proto + b"s.",
        "SETITEM on a number": proto + b"K\x01K\x01K\x01s.",
        "SETITEMS with an odd number": proto + b"}(K\x01u.",
        "APPENDS to a number": proto + b"K\x01(K\x02e.",
        "BUILD on an empty stack": proto + b"b.",
        "REDUCE on an empty stack": proto + b"R.",
        "TUPLE3 of one": proto + b"K\x01\x87.",
        "GET of nothing": proto + b"h\x05.",
        "LONG_BINGET of nothing": proto + b"j\xff\xff\xff\xff.",
        "text GET of nothing": proto + b"g99999999999999999999\n.",
        "PUT on an empty stack": proto + b"q\x01.",
        "LONG_BINPUT of a huge index": proto + b"}r\xff\xff\xff\xff.",
        "a number as the whole": proto + b"K\x01.",
        "a list as the whole": proto + b"].",
        "a list in itself": proto + b"]q\x00h\x00a.",
        "a dict in itself": proto + b"}q\x00X\x01\0\0\0ah\x00s.",
        "a dict as its own key": proto + b"}q\x00h\x00K\x01s.",
        "a state that is the object": proto + b"ccollections\nOrderedDict\n)Rq\x00h\x00b.",
        "a tuple of itself through a list": proto + b"]q\x00h\x00\x85a.",
        "a string longer than the file": proto + b"X\xff\xff\xff\x7fabc.",
        "a negative string": proto + b"T\xff\xff\xff\xffabc.",
        "a string of 2^63": b"\x80\x04\x8d" + b"\xff" * 7 + b"\x7fabc.",
        "a long of two gigabytes": proto + b"\x8b\xff\xff\xff\x7f.",
        "a long that is negative": proto + b"\x8b\xff\xff\xff\xff.",
        "a frame longer than the file": b"\x80\x04\x95" + b"\xff" * 8 + b"}.",
        "an endless line": proto + b"I" + b"9" * 100000,
        "an INT that is none": proto + b"Ixyz\n.",
        "ten million marks": proto + mark * 10_000_000 + b".",
        "ten million empty lists": proto + b"]" * 10_000_000 + b".",
        "a million nested tuples": proto + b")" + b"\x85" * 1_000_000 + b".",
        "a million nested lists": proto + b"]" * 1_000_000 + b"a" * 999_999 + b".",
        "doubled a hundred times": proto + b"X\x01\0\0\0a" + b"2\x86" * 100 + b".",
        "a million DUPs": proto + b"]" + b"2" * 1_000_000 + b".",
        "a persistent id that is no tuple": proto + b"}X\x01\0\0\0aK\x01Qs.",
        "a persistent id on an empty stack": proto + b"Q.",
        "a text persistent id": proto + b"}X\x01\0\0\0aPstorage\ns.",
        "a tensor that is a number": proto + b"}X\x01\0\0\0aK\x05s.",
        "a name that is a number": proto + b"}K\x01K\x05s.",
        "not a pickle": b"<html>404 not found</html>\n",
    }
    for title, program in programs.items():
        both(bench, title, program)
    both(bench, "an empty dict: not one tensor", proto + b"}.")


def tensors_and_storages(bench):
    def broken(title, change, *names, store=None):
        directory, path, tensors, storages = checkpoint(bench)
        change(tensors[NAME])
        if store:
            store(storages, tensors[NAME].storage.key)
        write_zip(path, pickled(tensors), storages)
        bench.refused(f"zip: {title}", directory, path, *names)

    def set_tensor(**values):
        return lambda tensor: [setattr(tensor, key, value) for key, value in values.items()]

    def set_storage(**values):
        return lambda tensor: [setattr(tensor.storage, key, value) for key, value in values.items()]

    for title, values in {
        "offset past the end": {"offset": 1 << 20},
        "offset by one": {"offset": 1},
        "negative offset": {"offset": -1},
        "huge offset": {"offset": (1 << 63) - 1},
        "offset beyond 64 bits": {"offset": 1 << 70},
        "offset that is a string": {"offset": "0"},
        "shape past the end": {"shape": (33, 32)},
        "negative shape": {"shape": (-32, 32)},
        "huge shape": {"shape": (1 << 62, 1 << 62)},
        "shape with a string": {"shape": ("32", 32)},
        "shape with a NaN": {"shape": (float("nan"), 32)},
        "shape that is a number": {"shape": 32},
        "shape and stride of unlike length": {"stride": (1,)},
        "forty dimensions": {"shape": (1,) * 40, "stride": (1,) * 40},
        "stride past the end": {"stride": (1 << 20, 1)},
        "negative stride": {"stride": (-32, 1)},
        "huge stride": {"stride": ((1 << 63) - 1, (1 << 63) - 1)},
        "stride that is None": {"stride": None},
        "two arguments": {"arguments": (1, 2)},
        "no storage": {"arguments": (None, 0, (32, 32), (32, 1), False, {})},
        "a tensor for a storage": {"arguments": ({}, 0, (32, 32), (32, 1), False, {})},
    }.items():
        broken(f"tensor: {title}", set_tensor(**values))
    floats = TORCH.FloatStorage
    for title, values in {
        "more elements than bytes": {"numel": 1 << 20},
        "negative elements": {"numel": -1},
        "elements beyond 64 bits": {"numel": 1 << 70},
        "key that is missing": {"key": "99999"},
        "key that is a path": {"key": "../../etc/passwd"},
        "key that is empty": {"key": ""},
        "key that is a number": {"key": 5},
        "id too short": {"id": ("storage", floats)},
        "id of another kind": {"id": ("module", floats, "0", "cpu", 1024)},
        "id with a string for the type": {"id": ("storage", "FloatStorage", "0", "cpu", 1024)},
        "id that holds itself": {"id": ("storage", floats, [], "cpu", 1024)},
    }.items():
        broken(f"storage: {title}", set_storage(**values))
    broken("storage cut short", lambda _: None,
           store=lambda s, key: s.update({key: s[key][:-4]}))  # fmt: skip
    broken("storage empty", lambda _: None, store=lambda s, key: s.update({key: b""}))
    broken("storage missing", lambda _: None, store=lambda s, key: s.pop(key))

    directory, path, tensors, storages = checkpoint(bench)
    for name in list(tensors):
        less = collections.OrderedDict((k, v) for k, v in tensors.items() if k != name)
        write_zip(path, pickled(less), storages)
        if "masked_spec_embed" not in name:
            bench.refused(f"zip: without {name}", directory, name)
    more = collections.OrderedDict(tensors)
    more["lm_head.extra"] = tensors["lm_head.bias"]
    write_zip(path, pickled(more), storages)
    bench.refused("zip: an extra tensor", directory, "lm_head.extra")
    # Different storages on the same bytes are what a bomb of shared views would be.
    shared = collections.OrderedDict(tensors)
    for i in range(20000):
        shared[f"bomb.{i}"] = tensors[NAME]
    write_zip(path, pickled(shared), storages)
    bench.refused("zip: twenty thousand views", directory, "bomb.")


def truncated(bench):
    directory, path, tensors, storages = checkpoint(bench)
    for kind, write, legacy in KINDS:
        write(path, pickled(tensors, legacy), storages)
        with open(path, "rb") as file:
            raw = file.read()
        lengths = {0, 1, 2, 3, 4, 21, 22, 64, len(raw) - 1, len(raw) - 21, len(raw) - 22, len(raw) - 23}
        lengths |= {bench.random.randrange(len(raw)) for _ in range(20)}
        lengths |= {bench.random.randrange(4096) for _ in range(10)}
        for length in sorted(lengths):
            with open(path, "wb") as file:
                file.write(raw[:length])
            bench.refused(f"{kind} of {length} of {len(raw)} bytes", directory, path)
        # Single bytes changed: refused or, where only a weight changed, accepted.
        for _ in range(60):
            at = bench.random.choice((bench.random.randrange(4000), bench.random.randrange(len(raw))))
            changed = bytearray(raw)
            changed[at] ^= 1 << bench.random.randrange(8)
            with open(path, "wb") as file:
                file.write(changed)
            bench.survives(f"{kind} with byte {at} changed", directory)
    document = pickled(tensors)
    ends = [position for _, _, position in pickletools.genops(document)]
    for at in bench.random.sample(ends, 40):
        write_zip(path, document[:at], storages)
        bench.refused(f"zip: a pickle of {at} of {len(document)} bytes", directory, path)


def archives(bench):
    directory, path, tensors, storages = checkpoint(bench)
    document = pickled(tensors)

    write_zip(path, document, storages, compression=zipfile.ZIP_DEFLATED)
    bench.refused("zip: compressed entries", directory, path)
    bomb = {**storages, "0": bytes(256 << 20)}
    write_zip(path, document, bomb, compression=zipfile.ZIP_DEFLATED)
    bench.refused("zip: 256 MB in a few bytes", directory, path)
    write_zip(path, None, storages)
    bench.refused("zip: no data.pkl", directory, path)
    write_zip(path, document, storages, prefix="../../")
    bench.survives("zip: names that climb", directory, path)
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(70000):
            archive.writestr(f"archive/data/{i}", b"")
    bench.refused("zip: seventy thousand entries", directory, path)

    write_zip(path, document, storages)
    with open(path, "rb") as file:
        raw = file.read()
    end = raw.rindex(b"PK\x05\x06")
    first = raw.index(b"PK\x01\x02", struct.unpack_from("<I", raw, end + 16)[0])

    def patched(title, at, form, *values, check=bench.refused):
        changed = bytearray(raw)
        struct.pack_into(form, changed, at, *values)
        with open(path, "wb") as file:
            file.write(changed)
        check(f"zip: {title}", directory, path)

    patched("the directory lies past the end", end + 16, "<I", len(raw) + 1)
    patched("the directory lies at 4 GB", end + 16, "<I", 0xFFFFFFFF)
    patched("the directory lies at 0", end + 16, "<I", 0)
    patched("the directory is longer than the file", end + 12, "<I", 0x7FFFFFFF)
    patched("the directory promises 65,534 entries", end + 8, "<HH", 65534, 65534)
    patched("the directory promises no entries", end + 8, "<HH", 0, 0)
    patched("another disk", end + 4, "<H", 7, check=bench.survives)
    patched("an entry lies past the end", first + 42, "<I", len(raw))
    patched("an entry lies at 4 GB", first + 42, "<I", 0xFFFFFFFE)
    patched("an entry is larger than the file", first + 20, "<II", 0x7FFFFFFF, 0x7FFFFFFF)
    patched("an entry is larger than it was packed", first + 24, "<I", 0x7FFFFFFF)
    patched("an entry's name reaches past the end", first + 28, "<H", 0xFFFF)
    patched("an entry's extra field reaches past the end", first + 30, "<H", 0xFFFF)
    patched("an encrypted entry", first + 8, "<H", 1)
    patched("an unknown method", first + 10, "<H", 99)
    patched("a second entry in the place of the first", first + 42, "<I", 64, check=bench.survives)
    patched("no directory's signature", first, "<I", 0)
