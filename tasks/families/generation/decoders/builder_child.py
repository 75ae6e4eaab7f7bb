"""The child process in which onnxruntime-genai's model builder runs: its imports put a module named `builders` into the

process that does them, and it prints. All jobs share the seconds that its imports take: each is the path of a JSON file, a
line of standard input. What went wrong with which graph, and what the libraries said of them, is answered as a line of JSON to
the descriptor that it is given.
"""

import gc
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from engine import strict_json


def _failure(builder: Any, job: dict[str, Any], graph: dict[str, Any]) -> str:
    """Why the graph could not be built; empty where it was."""
    place = (None, graph["model"], graph["out"], graph["weights"], job["execution_provider"], job["cache"])
    try:
        options = builder.parse_extra_options(*place, [f"{key}={value}" for key, value in graph["options"].items()])
        builder.create_model(*place, **options)
    except Exception as error:  # noqa: BLE001 - whatever it raises, the next graph may be built
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    finally:
        gc.collect()
    return ""


if __name__ == "__main__":
    from tasks.heard import listening
    from tasks.machine.child_process import die_with_parent

    die_with_parent()
    import onnxruntime_genai
    from onnxruntime_genai.models import builder as model_builder

    onnxruntime_genai.disable_telemetry_events()
    with os.fdopen(int(sys.argv[1]), "w", encoding="utf-8") as answers:
        for line in sys.stdin:
            given = strict_json.loads(Path(line.strip()).read_text(encoding="utf-8"))
            heard: dict[str, None] = {}
            with listening(heard.setdefault):
                failures = [_failure(model_builder, given, graph) for graph in given["graphs"]]
            answers.write(strict_json.dumps({"failures": failures, "heard": list(heard)}, ascii_only=True) + "\n")
            answers.flush()
