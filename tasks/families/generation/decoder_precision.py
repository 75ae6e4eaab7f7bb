"""What the weights of a decoder are kept in: the settings of onnxruntime-genai's model builder, under short names."""

from typing import Annotated, Literal

from pydantic import Field

from tasks.recipe.section import Section


class DecoderPrecision(Section):
    """What weights are kept in; the other fields than `weights` matter to int4 and int8 alone.

    `weights`: of the matrices. `block_size`: weights that share one scale. `accuracy_level`: what a product is
    computed in, 1 is fp32 and 4 is int8. `head`: whether the language-model head is kept in int8 where the body is
    int4. `method`: how weights are rounded, round-to-nearest (`default`) or by k-quant's search for the best scale.
    """

    weights: Literal["fp32", "fp16", "int8", "int4"]
    block_size: Literal[16, 32, 64, 128, 256] = 32
    accuracy_level: Annotated[int, Field(ge=1, le=4)] = 4
    head: Literal["same", "int8"] = "same"
    method: Literal["default", "k_quant"] = "default"

    @property
    def name(self) -> str:
        """Short and unique, for files and reports: `int4-block32-level4-head8`."""
        if self.weights in ("fp32", "fp16"):
            return self.weights
        parts = [self.weights, f"block{self.block_size}", f"level{self.accuracy_level}"]
        parts += ["head8"] if self.head == "int8" else []
        parts += ["kquant"] if self.method == "k_quant" else []
        return "-".join(parts)

    def builder_options(self) -> dict[str, str]:
        """The builder's extra options."""
        # Offline, and with no token of the person who runs this.
        options = {"hf_token": "false"}
        if self.weights in ("fp32", "fp16"):
            return options
        options |= {"block_size": str(self.block_size), "accuracy_level": str(self.accuracy_level)}
        options["algo_config"] = self.method
        if self.head == "int8" and self.weights == "int4":
            options["matmul_mixed_precision"] = "last_matmul:int8"
        if self.weights == "int8" or self.head == "int8":
            # 0.15.2 builds a graph that does not load where an int8 head shares its weights with the embedding.
            options["shared_embeddings"] = "false"
        return options
