"""Pictures of additive models for clinicians, in scikit-learn's Display convention."""

from glassbox.plots._contribution import ContributionDisplay
from glassbox.plots._importance import ImportanceDisplay
from glassbox.plots._shape import ShapeDisplay
from glassbox.plots._style import save_figure
from glassbox.plots._training import TrainingCurveDisplay

__all__ = [
    "ContributionDisplay",
    "ImportanceDisplay",
    "ShapeDisplay",
    "TrainingCurveDisplay",
    "save_figure",
]
