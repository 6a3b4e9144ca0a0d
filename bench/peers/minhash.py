"""datatrove's MinHash deduplication with its own defaults, one worker per core: `minhash.py questions.jsonl folder`.

The four steps of its example (examples/minhash_deduplication.py): signatures, buckets, clusters, filter. The questions
are lines of {"id", "text"}; the last line of the output is JSON: seconds, and the ids that it removes.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from pathlib import Path


def main(questions: Path, folder: Path) -> None:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.hashing import HashConfig
    from datatrove.utils.typeshelper import Languages

    cores = os.cpu_count() or 1
    started = time.perf_counter()
    config = MinhashConfig(hash_config=HashConfig(precision=64))
    parts = folder / "parts"
    parts.mkdir()
    # a reader gives each task its share of the files
    lines = questions.read_text().splitlines(keepends=True)
    for part in range(cores):
        (parts / f"{part}.jsonl").write_text("".join(lines[part::cores]))
    reader = JsonlReader(str(parts))
    steps = [
        (cores, [reader, MinhashDedupSignature(str(folder / "signatures"), config=config, language=Languages.english)]),
        (config.num_buckets, [MinhashDedupBuckets(str(folder / "signatures"), str(folder / "buckets"), config=config)]),
        (1, [MinhashDedupCluster(str(folder / "buckets"), str(folder / "remove"), config=config)]),
        (
            cores,
            [
                reader,
                MinhashDedupFilter(str(folder / "remove"), exclusion_writer=JsonlWriter(str(folder / "removed"))),
                JsonlWriter(str(folder / "kept")),
            ],
        ),
    ]
    for number, (tasks, pipeline) in enumerate(steps):
        LocalPipelineExecutor(
            pipeline, tasks=tasks, workers=cores, logging_dir=str(folder / "logs" / str(number))
        ).run()
    removed = []
    for path in sorted((folder / "removed").glob("*.gz")):
        with gzip.open(path, "rt") as file:
            removed += [json.loads(line)["id"] for line in file]
    print(json.dumps({"seconds": time.perf_counter() - started, "removed": removed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
