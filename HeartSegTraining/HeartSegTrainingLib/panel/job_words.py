"""How a job is doing, in words."""

from __future__ import annotations

from typing import Any

from HeartSeg3DLib.scene.text import _


def stage_name(kind: str) -> str:
    """Return what a kind of training is called."""
    return {"finetune": _("fine-tune"), "ssl": _("pretrain"), "ressl": _("refine")}.get(kind, kind)


def state_text(job: Any) -> str:
    """Return a job's state in a word or two.

    Args:
        job: JobSummary.
    """
    if job.state == "running":
        return f"{100 * job.progress:.0f} %"
    return {"new": _("not started"), "queued": _("waiting"), "starting": _("starting"), "stopped": _("stopped"),
            "finished": _("✔ finished"), "failed": _("✘ failed"), "silent": _("✘ ended early"),
            "gone": _("not found")}.get(job.state, job.state)


def sentence_of(job: Any) -> str:
    """Return where a job stands: steps, loss and Dice, and why it does not run.

    Args:
        job: JobSummary.
    """
    said = []
    if job.step is not None:
        said.append(_("Step {step} of {steps}").format(step=job.step, steps=job.steps) if job.steps
                    else _("Step {step}").format(step=job.step))
    if job.loss is not None:
        said.append(_("loss {loss:.3f}").format(loss=job.loss))
    if job.mean_dice is not None:
        said.append(_("Dice {dice:.2f} on what it learns from").format(dice=job.mean_dice))
    validation = job.state_file.get("val_dice")
    if validation is not None:
        said.append(_("{dice:.2f} on other cases").format(dice=validation))
    standing = ", ".join(said) + "." if said else ""
    if job.state == "starting":
        standing = f"{standing} " + _("It is loading PyTorch and its data.")
    reason = _("Its checkpoint is written.") if job.state == "stopped" else job.reason
    return f"{standing} {reason}".strip()
