"""A tiny encoder taken through every step of text classification once."""

from dataclasses import dataclass
from pathlib import Path

from tasks.artifact import Artifact, Workspace
from tasks.recipe.data import DataConfig
from tasks.recipe.target import Target


@dataclass(frozen=True)
class TinyRun:
    """The artifacts of all steps on the tiny data, which `data` describes."""

    data: DataConfig
    snapshot: Artifact
    fine_tuned: Artifact
    pruned: Artifact
    export: Artifact
    compression: Artifact
    lexical: Artifact
    router: Artifact
    target: Target

    @classmethod
    def run(cls, data: Path, base_folder: Path, root: Path) -> "TinyRun":
        """Run the steps in order."""
        from tasks.base_models.base_model import resolve_base_model
        from tasks.data.snapshot import take_snapshot
        from tasks.data.sources import resolve_sources
        from tasks.families.classification.calibrate import calibrate_router
        from tasks.families.classification.export import export_graphs
        from tasks.families.classification.fine_tune import fine_tune
        from tasks.families.classification.lexical import train_lexical
        from tasks.families.classification.prune import prune
        from tasks.families.classification.pruning.latency import measure_layers
        from tasks.families.classification.quantize import select_compression
        from tasks.families.classification.recipe import FineTuneConfig, LexicalConfig, PruneConfig, QuantizeConfig
        from tasks.recipe.bundled import BundledRecipe
        from tasks.recipe.schema import RouterConfig

        def step(step_name, function, *inputs, **options):
            workspace = Workspace(out=root / step_name, scratch=root / f"{step_name}-scratch")
            workspace.out.mkdir()
            workspace.scratch.mkdir()
            return Artifact.of(step_name, workspace.out, function(*inputs, workspace=workspace, **options))

        target = Target(name="local-cpu")
        config = DataConfig(
            train="train.jsonl",
            validation="validation.jsonl",
            test="test.jsonl",
            out_of_scope_label="oos",
            slice_column="domain",
            near_duplicate_similarity=1.0,
        )
        sources = resolve_sources(config, recipe_file=data / "recipe.yaml", home=root)
        snapshot = step("snapshot", take_snapshot, config, sources=sources, seed=0)
        base = resolve_base_model(str(base_folder), recipe_folder=data)
        tuning = FineTuneConfig(epochs=6, learning_rate=3e-3, max_length=32, exits=(1, 2))
        fine_tuned = step("fine-tune", fine_tune, snapshot, base=base, config=tuning, seed=0)
        table = step("latency-table", measure_layers, snapshot, fine_tuned, quantized=True, target=target)
        pruned = step(
            "prune",
            prune,
            snapshot,
            fine_tuned,
            config=PruneConfig(target_speedup=1.05, importance_rows=64, learning_rate=1e-3),
            fine_tune_config=tuning,
            table=table.result,
            seed=0,
        )
        export = step("export", export_graphs, snapshot, fine_tuned)
        compression = step(
            "compression",
            select_compression,
            snapshot,
            {"fine-tuned": export, "pruned": step("export-pruned", export_graphs, snapshot, pruned)},
            config=QuantizeConfig(calibration_rows=32, max_accuracy_loss=0.05),
            prune_budget=0.05,
            confidence=0.95,
            target=target,
        )
        lexical = step("lexical", train_lexical, snapshot, fine_tuned, config=LexicalConfig(), seed=0)
        router = step(
            "calibrate",
            calibrate_router,
            snapshot,
            compression,
            export,
            lexical,
            name="tiny",
            recipe=BundledRecipe.of(RouterConfig(max_accuracy_loss=0.02), config),
            target=target,
            attempt=1,
        )
        return cls(config, snapshot, fine_tuned, pruned, export, compression, lexical, router, target)
