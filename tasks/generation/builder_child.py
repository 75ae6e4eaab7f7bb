"""The child process in which onnxruntime-genai's model builder runs: its imports put a module named `builders` into the

process that does them, and it prints. All graphs of a job share the seconds that its imports take.
"""

import json
import sys
from pathlib import Path

if __name__ == "__main__":
    from tasks.child_process import die_with_parent

    die_with_parent()
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))

    from onnxruntime_genai.models import builder

    for graph in job["graphs"]:
        place = (None, graph["model"], graph["out"], graph["weights"], job["execution_provider"], job["cache"])
        options = builder.parse_extra_options(*place, [f"{key}={value}" for key, value in graph["options"].items()])
        builder.create_model(*place, **options)
