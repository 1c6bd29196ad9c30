"""A small HubertForCTC in plain PyTorch, trained the way heard runs it.

Parameter names and values are those of Hugging Face's HubertForCTC with
feat_extract_norm "layer" and do_stable_layer_norm true, so the state dict is
the checkpoint. The forward pass has two forms:

  full      every frame sees every frame: the offline pass
  windows   the streaming definition to the letter: step s covers the frames
            [sC, (s+1)C + R); its keys are the L frames before it, as they were
            computed in their own steps, and the window itself; what lies to the
            right of the window is zero for the positional convolution

Windows are unrolled side by side: a lookahead frame is there once for the
window that looks ahead to it and once for the window it belongs to. Training
then meets exactly the numbers that the C engine will compute.
"""
import dataclasses
import math
import random

import torch
import torch.nn.functional as F
from torch import nn

import ops

LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|"] + list("ETAONIHSRDLUMWCFGYPBVK'XJQZ")
TOKEN = {letter: i for i, letter in enumerate(LETTERS)}
RATE = 16000


@dataclasses.dataclass
class Config:
    conv_dim: tuple = (160, 192, 256)
    conv_kernel: tuple = (320, 6, 4)
    conv_stride: tuple = (80, 2, 2)
    hidden: int = 256
    layers: int = 6
    heads: int = 4
    intermediate: int = 1024
    pos_kernel: int = 31
    pos_groups: int = 16
    dropout: float = 0.1
    eps: float = 1e-5

    @property
    def hop(self):
        return math.prod(self.conv_stride)

    def frames(self, samples):
        for kernel, stride in zip(self.conv_kernel, self.conv_stride):
            samples = (samples - kernel) // stride + 1
        return samples


@dataclasses.dataclass
class Windows:
    """Frames: left context, chunk, lookahead."""
    left: int
    chunk: int
    right: int


class Dropout:
    """Dropout that draws its masks from a prepared pool: drawing them anew costs
    a CPU as much as the product they follow."""

    def __init__(self, share, size=1 << 23):
        self.pool = (torch.rand(size) >= share).float() / (1 - share)
        self.pool = self.pool.to(torch.bfloat16)

    def mask(self, size):
        """bfloat16 [size]: 0, or what makes up for the zeros."""
        start = random.randrange(max(1, len(self.pool) - size))
        mask = self.pool[start:start + size]
        return mask if len(mask) == size else mask.repeat(-(-size // len(mask)))[:size]


def gabor_pairs(channels, kernel):
    """A first layer that already hears: windowed sinusoids at mel distances, a
    cosine and a sine each. From random values the network sits on the blank for
    hours of audio."""
    mel = torch.linspace(2595 * math.log10(1 + 80 / 700), 2595 * math.log10(1 + 7600 / 700),
                         channels // 2)
    hz = 700 * (10 ** (mel / 2595) - 1)
    t = (torch.arange(kernel) - kernel / 2) / RATE
    width = torch.clamp(hz * 0.12, min=60)
    envelope = torch.exp(-0.5 * (t[None] * width[:, None] * 2.2) ** 2)
    waves = torch.stack([envelope * torch.cos(2 * math.pi * hz[:, None] * t[None] + phase)
                         for phase in (0, math.pi / 2)], 1).reshape(-1, kernel)
    return (waves / waves.pow(2).sum(1, keepdim=True).sqrt())[:, None]


class ConvLayer(nn.Module):
    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        if kernel % stride:
            raise ValueError("a kernel must be a multiple of its stride")
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv1d(inputs, outputs, kernel, stride)
        self.layer_norm = nn.LayerNorm(outputs)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, x):
        """[B, T, in] to [B, T', out]: one matrix product over rows that overlap. It trains
        faster than the library's convolution, whose gradient was seen to be garbage in
        bfloat16 once in some hundred steps."""
        b, t, channels = x.shape
        frames = (t - self.kernel) // self.stride + 1
        blocks = self.kernel // self.stride
        x = x[:, :(frames + blocks - 1) * self.stride].reshape(b, -1, self.stride * channels)
        x = torch.cat([x[:, i:i + frames] for i in range(blocks)], -1)
        weight = self.conv.weight.transpose(1, 2).reshape(self.conv.out_channels, -1)
        return ops.gelu(ops.norm(F.linear(x, weight, self.conv.bias), self.layer_norm))


class FeatureExtractor(nn.Module):
    def __init__(self, config):
        super().__init__()
        dims = (1,) + config.conv_dim
        self.conv_layers = nn.ModuleList(
            ConvLayer(dims[i], dims[i + 1], config.conv_kernel[i], config.conv_stride[i])
            for i in range(len(config.conv_dim)))
        first = self.conv_layers[0].conv
        with torch.no_grad():
            first.weight.copy_(gabor_pairs(config.conv_dim[0], config.conv_kernel[0]))
            first.bias.zero_()

    def forward(self, samples):
        x = samples[:, :, None]
        for layer in self.conv_layers:
            x = layer(x)
        return x


class FeatureProjection(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer_norm = nn.LayerNorm(config.conv_dim[-1], config.eps)
        self.projection = nn.Linear(config.conv_dim[-1], config.hidden)

    def forward(self, x):
        return self.projection(ops.norm(x, self.layer_norm))


class PosConvEmbed(nn.Module):
    def __init__(self, config):
        super().__init__()
        conv = nn.Conv1d(config.hidden, config.hidden, config.pos_kernel,
                         groups=config.pos_groups)
        std = math.sqrt(4 / (config.pos_kernel * config.hidden / config.pos_groups)) * 0.3
        nn.init.normal_(conv.weight, std=std)
        nn.init.zeros_(conv.bias)
        self.conv = nn.utils.weight_norm(conv, dim=2)
        self.before = config.pos_kernel // 2
        self.after = config.pos_kernel - 1 - self.before

    def forward(self, x):
        """[B, before + T + after, H] to [B, T, H]"""
        return ops.gelu(self.conv(x.transpose(1, 2)).transpose(1, 2))


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads = config.heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(self, name, nn.Linear(config.hidden, config.hidden))

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)

    def forward(self, x, layout):
        q = self.split(self.q_proj(x) * (x.shape[2] // self.heads) ** -0.5)
        context = layout.attend(q, self.split(self.k_proj(x)), self.split(self.v_proj(x)))
        return self.out_proj(context.transpose(1, 2).reshape(x.shape))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.intermediate_dense = nn.Linear(config.hidden, config.intermediate)
        self.output_dense = nn.Linear(config.intermediate, config.hidden)

    def forward(self, x):
        return self.output_dense(ops.gelu(self.intermediate_dense(x)))


class EncoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attention = Attention(config)
        self.layer_norm = nn.LayerNorm(config.hidden, config.eps)
        self.feed_forward = FeedForward(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden, config.eps)

    def forward(self, x, y, layout, drop, next_norm):
        """x and y, its layer_norm, to the output and its next_norm."""
        x, y = ops.add_norm(x, self.attention(y, layout), drop(x), self.final_layer_norm)
        return ops.add_norm(x, self.feed_forward(y), drop(x), next_norm)


class WindowLayout:
    """S windows of W = C + R frames side by side: row s * W + j is frame s * C + j. Without
    windows there is one, as long as the batch."""

    def __init__(self, frames, lengths, windows):
        if not windows or windows.chunk >= frames:
            windows = Windows(frames, frames, 0)
        self.frames, self.lengths = frames, lengths
        self.left, self.chunk, self.right = windows.left, windows.chunk, windows.right
        self.steps = -(-frames // self.chunk)
        self.width = self.chunk + self.right

    def windowed(self, x):
        """[B, heads, S * W, n] to [B, heads, S, W, n]"""
        return x.view(*x.shape[:2], self.steps, self.width, x.shape[-1])

    def attend(self, q, k, v):
        """Queries are all rows; keys the chunk frames of every window and the lookahead frames
        of the row's own, each as computed in its window."""
        b, h, rows, d = q.shape
        k, v, c = self.windowed(k), self.windowed(v), self.chunk
        near_k = k[:, :, :, :c].reshape(b, h, -1, d)
        near_v = v[:, :, :, :c].reshape(b, h, -1, d)
        ahead_k, ahead_v = k[:, :, :, c:], v[:, :, :, c:]
        near = q @ near_k.transpose(2, 3)
        ahead = (self.windowed(q) @ ahead_k.transpose(3, 4)).reshape(b, h, rows, self.right)
        near, ahead = ops.window_softmax(near, ahead, self.lengths, c, self.left)
        own = self.windowed(ahead) @ ahead_v
        return near @ near_v + own.reshape(b, h, rows, d)

    def arrange(self, x, pos):
        """Projected features [B, T, H] to rows, positional convolution added."""
        b, _, h = x.shape
        # Left of a window lie real features, zeros before the start.
        x = F.pad(x, (0, 0, pos.before, self.steps * self.chunk + self.right - self.frames))
        x = x.unfold(1, pos.before + self.width, self.chunk)  # [B, S, H, before + W]
        x = x.transpose(2, 3).reshape(b * self.steps, -1, h)
        y = pos(F.pad(x, (0, 0, 0, pos.after)))
        return (x[:, pos.before:] + y).reshape(b, self.steps * self.width, h)

    def committed(self, x):
        x = x.view(x.shape[0], self.steps, self.width, x.shape[-1])[:, :, :self.chunk]
        return x.reshape(x.shape[0], -1, x.shape[-1])[:, :self.frames]


class Encoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.pos_conv_embed = PosConvEmbed(config)
        self.layer_norm = nn.LayerNorm(config.hidden, config.eps)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))


class Hubert(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.masked_spec_embed = nn.Parameter(torch.zeros(config.hidden), requires_grad=False)
        self.feature_extractor = FeatureExtractor(config)
        self.feature_projection = FeatureProjection(config)
        self.encoder = Encoder(config)


class HubertForCTC(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.hubert = Hubert(config)
        self.lm_head = nn.Linear(config.hidden, len(LETTERS))
        self.dropout = Dropout(config.dropout) if config.dropout else None

    def drop(self, x):
        return self.dropout.mask(x.numel()) if self.training and self.dropout else None

    def forward(self, samples, lengths, windows=None, masker=None):
        """samples [B, N], lengths [B] in frames. Returns the logits of the head
        [B, T, V] and, in training, those of the same head half way up."""
        hubert, encoder = self.hubert, self.hubert.encoder
        x = hubert.feature_projection(hubert.feature_extractor(samples)).float()
        frames = x.shape[1]
        if masker:
            x = masker(x, lengths)
        x = x.masked_fill((torch.arange(frames)[None] >= lengths[:, None])[..., None], 0.0)
        layout = WindowLayout(frames, lengths, windows)
        x = layout.arrange(x, encoder.pos_conv_embed)
        norms = [layer.layer_norm for layer in encoder.layers] + [encoder.layer_norm]
        y, half = ops.norm(x, norms[0]), None
        for i, layer in enumerate(encoder.layers):
            x, y = layer(x, y, layout, self.drop, norms[i + 1])
            if self.training and i + 1 == len(encoder.layers) // 2:
                half = self.lm_head(ops.norm(layout.committed(x), encoder.layer_norm)).float()
        return self.lm_head(layout.committed(y)).float(), half
