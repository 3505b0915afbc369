"""A deep network on images over its training."""

from excitable.report.figures.base import Drawing
from excitable.report.style import grid, log_axis, new_figure
from excitable.runs.images import ImageRun


def image_figures(run: ImageRun) -> tuple[Drawing, ...]:
    """Accuracy and loss by epoch."""
    figure = new_figure(2.6)
    accuracy, loss = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in run.records]
    for name, label in (("accuracy", "while training"), ("validation", "validation")):
        accuracy.plot(epochs, [row[name] for row in run.records], label=label)
    accuracy.set_title("accuracy")
    accuracy.legend()
    loss.plot(epochs, [row["loss"] for row in run.records])
    log_axis(loss, "y")
    loss.set_title(f"loss: {run.configuration.training.build().loss}")
    for axis in (accuracy, loss):
        axis.set_xlabel("epoch")
        grid(axis)
    return (
        Drawing(
            name="training",
            title="Training",
            description="Accuracy on the images of training and of the validation split, and the loss, by epoch.",
            figure=figure,
        ),
    )
