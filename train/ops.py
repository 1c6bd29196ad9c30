"""Norms, activations and attention weights: in one pass each through fused.c
under autocast, as plain PyTorch otherwise (and where there is no compiler).
"""
import ctypes
import pathlib
import subprocess
import tempfile

import torch
import torch.nn.functional as F

NEVER = -1e9  # added to a score that must not count


def build():
    """fused.c as a library of this process, or None."""
    source = pathlib.Path(__file__).with_name("fused.c")
    with tempfile.TemporaryDirectory() as scratch:
        library = f"{scratch}/fused.so"
        command = ["cc", "-O3", "-march=native", "-ffast-math", "-fopenmp", "-shared", "-fPIC",
                   "-o", library, str(source), "-lm"]
        try:
            subprocess.run(command, check=True)
            return ctypes.CDLL(library)
        except (OSError, subprocess.CalledProcessError):
            print("train: no C compiler, going on at half the speed", flush=True)
            return None


LIBRARY = build()


def call(name, *arguments):
    def convert(a):
        if a is None:
            return ctypes.c_void_p(0)
        if isinstance(a, torch.Tensor):
            assert a.is_contiguous()
            return ctypes.c_void_p(a.data_ptr())
        return ctypes.c_float(a) if isinstance(a, float) else ctypes.c_long(a)

    getattr(LIBRARY, name)(*map(convert, arguments))


def fused(x):
    return LIBRARY is not None and (x.dtype == torch.bfloat16 or torch.is_autocast_cpu_enabled())


class Gelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        call("gelu_forward", x, y, x.numel())
        ctx.save_for_backward(x)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, = ctx.saved_tensors
        dx = torch.empty_like(x)
        call("gelu_backward", x, dy.contiguous(), dx, x.numel())
        return dx


def gelu(x):
    return Gelu.apply(x) if fused(x) and x.dtype == torch.bfloat16 else F.gelu(x)


class AddNorm(torch.autograd.Function):
    """x float32, h bfloat16 or None: x + keep * h (float32) and its norm (bfloat16)."""

    @staticmethod
    def forward(ctx, x, h, keep, gamma, beta, eps):
        x, d = x.contiguous(), x.shape[-1]
        rows = x.numel() // d
        h = None if h is None else h.contiguous()
        total = x if h is None else torch.empty_like(x)
        y = torch.empty(x.shape, dtype=torch.bfloat16)
        mean, scale = torch.empty(rows), torch.empty(rows)
        call("add_norm_forward", x, h, keep, gamma, beta, float(eps), total, y, mean, scale, rows,
             d)
        ctx.save_for_backward(total, keep, gamma, mean, scale)
        ctx.added = h is not None
        if h is None:
            return y
        return total, y

    @staticmethod
    def backward(ctx, *gradients):
        total, keep, gamma, mean, scale = ctx.saved_tensors
        dsum = gradients[0].contiguous() if ctx.added else None
        dy = gradients[-1].contiguous()
        dx = torch.empty_like(total)
        dh = torch.empty(total.shape, dtype=torch.bfloat16) if ctx.added else None
        dgamma, dbeta = torch.empty_like(gamma), torch.empty_like(gamma)
        d = total.shape[-1]
        call("add_norm_backward", total, dsum, dy, keep, gamma, mean, scale, dx, dh, dgamma, dbeta,
             total.numel() // d, d)
        return dx, dh, None, dgamma, dbeta, None


def norm(x, module):
    if fused(x):
        return AddNorm.apply(x.float(), None, None, module.weight, module.bias, module.eps)
    return F.layer_norm(x.float(), module.normalized_shape, module.weight, module.bias, module.eps)


def add_norm(x, h, keep, module):
    """x + keep * h and its norm; keep (None: all) is dropout's mask, scaled."""
    if fused(x):
        return AddNorm.apply(x, h, keep, module.weight, module.bias, module.eps)
    x = x + (h if keep is None else h * keep.view(h.shape))
    return x, norm(x, module)


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, near, ahead, lengths, geometry):
        # Their memory becomes the result's: nobody else needs the scores again.
        near, ahead = near.detach().contiguous(), ahead.detach().contiguous()
        call("softmax_forward", near, ahead, lengths, *geometry)
        ctx.save_for_backward(near, ahead, lengths)
        ctx.geometry = geometry
        return near, ahead

    @staticmethod
    def backward(ctx, dnear, dahead):
        near, ahead, lengths = ctx.saved_tensors
        dnear, dahead = dnear.contiguous(), dahead.contiguous()
        call("softmax_backward", near, ahead, dnear, dahead, lengths, *ctx.geometry)
        return dnear, dahead, None, None


def plain_softmax(near, ahead, lengths, chunk, left):
    batch, heads, rows, keys = near.shape
    right = ahead.shape[3]
    step = torch.arange(rows)[:, None] // (chunk + right)
    key = torch.arange(keys)[None]
    seen = (key < (step + 1) * chunk) & (key >= step * chunk - left)
    seen = seen[None] & (key < lengths[:, None, None])
    look = (step + 1) * chunk + torch.arange(right)[None] < lengths[:, None, None]
    mask = torch.zeros(batch, 1, rows, keys + right)
    mask.masked_fill_(~torch.cat([seen, look], -1)[:, None], NEVER)
    share = F.softmax(torch.cat([near, ahead], -1).float() + mask, -1).to(near.dtype)
    return share[..., :keys], share[..., keys:]


def window_softmax(near, ahead, lengths, chunk, left):
    """Scores to weights, in place where possible. near [B, heads, S * W, S * chunk] are scores of
    chunk frames, ahead [B, heads, S * W, R] those of the lookahead frames of the own window.
    A row sees its own chunk, `left` frames before it, and frames below lengths [B]."""
    if not fused(near):
        return plain_softmax(near, ahead, lengths, chunk, left)
    batch, heads, rows, keys = near.shape
    right = ahead.shape[3]
    geometry = (batch, heads, rows // (chunk + right), chunk, left, right, keys)
    return Softmax.apply(near, ahead, lengths, geometry)
