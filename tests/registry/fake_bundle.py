"""A folder that looks like a bundle to everything that does not load it."""

from pathlib import Path

from engine.bundle import FORMAT, Manifest, PathEntry, write_manifest


def write_fake_bundle(folder: Path, weights: str) -> Path:
    """Of one path, whose weights are no graph."""
    folder.mkdir(parents=True)
    (folder / "segment-1.onnx").write_text(weights, encoding="utf-8")
    manifest = Manifest(
        format=FORMAT,
        name="support-intents",
        labels=("move_money", "lost_card", "opening_hours"),
        out_of_scope_label="oos",
        max_length=64,
        paths=(PathEntry("full", "encoder", "segment-1.onnx"),),
        runtime={},
        reference_digest="a" * 64,
        files={},
    )
    write_manifest(folder, manifest)
    return folder
