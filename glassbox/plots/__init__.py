"""Pictures of additive models for clinicians, in scikit-learn's Display convention."""

from glassbox.plots._contribution import ContributionDisplay
from glassbox.plots._dependence import DependenceDisplay
from glassbox.plots._gap import GapDisplay
from glassbox.plots._group_calibration import GroupCalibrationDisplay
from glassbox.plots._importance import ImportanceDisplay
from glassbox.plots._net_benefit import NetBenefitDisplay
from glassbox.plots._proxies import ProxyDisplay
from glassbox.plots._shape import ShapeDisplay
from glassbox.plots._style import save_figure
from glassbox.plots._trade_off import TradeOffDisplay
from glassbox.plots._training import TrainingCurveDisplay

__all__ = [
    "ContributionDisplay",
    "DependenceDisplay",
    "GapDisplay",
    "GroupCalibrationDisplay",
    "ImportanceDisplay",
    "NetBenefitDisplay",
    "ProxyDisplay",
    "ShapeDisplay",
    "TradeOffDisplay",
    "TrainingCurveDisplay",
    "save_figure",
]
