"""The toy problem as a program, for several processes: ball_job.py FOLDER [--die-at STEP] [name=value ...]"""

import argparse
import json
import os
from pathlib import Path

from ball_problem import build_tiny, make_ball_sampler, toy_config
from HeartSegTrainingLib.engine.trainer import Trainer
from HeartSegTrainingLib.finetuning import FinetuneTask, task_maker


class MortalTask(FinetuneTask):
    """Kills its process once, as the out-of-memory killer would, at a step; a file remembers that it did."""

    die_at = 0
    killed = Path()

    def after_step(self, step, progress, *, taken):
        if step == self.die_at and os.environ.get("RANK", "0") == os.environ.get("DYING_RANK", "0") \
                and not self.killed.exists():
            self.killed.touch()
            os._exit(9)
        return super().after_step(step, progress, taken=taken)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die-at", type=int, default=0)
    parser.add_argument("changes", nargs="*")
    asked = parser.parse_args()
    changes = {name: json.loads(value) for name, _, value in (change.partition("=") for change in asked.changes)}
    config = toy_config(**changes)
    MortalTask.die_at, MortalTask.killed = asked.die_at, asked.folder.with_suffix(".killed")
    make = task_maker(config, make_ball_sampler, build=build_tiny)
    if asked.die_at:
        def make(device):
            return MortalTask(config, build_tiny(config), make_ball_sampler, device)
    Trainer(config, make, asked.folder).run(resume=asked.resume)


if __name__ == "__main__":
    main()
