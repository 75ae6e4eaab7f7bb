"""The encoder cut at its exits: one module per segment, hidden state in, hidden state, logits and embedding out."""

from torch import Tensor, nn

from tasks.families.classification.encoder.multi_exit import MultiExitClassifier, mean_pool


class Segment(nn.Module):
    """Layers `start`..`stop` (0-based, half-open) with the exit head after the last of them.

    Input: ids (rows, tokens) for the first segment, else hidden states (rows, tokens, hidden), and the mask.
    Output: hidden states (unless it is the last layer), logits (rows, labels), embedding (rows, hidden).
    """

    def __init__(self, model: MultiExitClassifier, start: int, stop: int) -> None:
        """`stop` is one of the model's exits."""
        super().__init__()
        self.layout = model.layout
        self.encoder = model.encoder if start == 0 else None
        self.layers = nn.ModuleList(model.layers[start:stop])
        self.head = model.heads[model.shape.exits.index(stop)]
        self.is_last = stop == model.shape.exits[-1]

    def forward(self, features: Tensor, attention_mask: Tensor) -> tuple[Tensor, ...]:
        """Run the segment."""
        hidden = features if self.encoder is None else self.layout.embed(self.encoder, features)
        for layer in self.layers:
            hidden = self.layout.run_layer(layer, hidden, attention_mask)
        embedding = mean_pool(hidden, attention_mask)
        logits = self.head(embedding)
        return (logits, embedding) if self.is_last else (hidden, logits, embedding)


def cut_at_exits(model: MultiExitClassifier) -> list[Segment]:
    """The model's segments in order; together they do the work of `monolith`."""
    starts = (0, *model.shape.exits[:-1])
    return [Segment(model, start, stop).eval() for start, stop in zip(starts, model.shape.exits, strict=True)]


def monolith(model: MultiExitClassifier) -> Segment:
    """All layers in one module, with the last head alone."""
    return Segment(model, 0, model.shape.exits[-1]).eval()
