"""What an audit found: frames, plain sentences, plots, a page and a document."""

from __future__ import annotations

import html
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from glassbox.fairness._audit.as_json import (
    KIND,
    SCHEMA_VERSION,
    check_document,
    frame_from_json,
    frame_to_json,
    plain,
)
from glassbox.fairness._audit.finding import Finding
from glassbox.fairness._audit.tripod import TRIPOD_AI

_MOST_SENTENCES = 12


@dataclass(frozen=True, eq=False, repr=False)
class Audit:
    """What :func:`audit` found.

    All intervals are of 95 %; ``reason`` says why a row has no figures. For models with several
    scores, ``output`` names the class in every frame.

    Attributes
    ----------
    overview : DataFrame
        ``attribute``, ``group``, ``n``, ``share``, ``events``, ``event_rate`` (mean outcome of
        regressions), ``mean_prediction``, ``missing`` (share of missing cells), ``reason``.
    dependence : DataFrame
        As :func:`glassbox.fairness.dependence` gives it, intersections included.
    groups : DataFrame
        ``attribute``, ``group``, ``threshold``, ``metric``, ``value``, ``lower``, ``upper``,
        ``n`` (rows behind the figure), ``reason``.
    disparities : DataFrame
        ``attribute``, ``threshold``, ``metric``, ``difference`` and ``ratio`` of the groups that
        are furthest apart with intervals, ``p_value`` (of all groups being the same),
        ``p_adjusted`` (for the number of rows of this frame, as to false discoveries),
        ``highest``, ``lowest``, ``reason``.
    terms : DataFrame
        ``attribute``, ``contrast``, ``term``, ``gap``, ``lower``, ``upper``, ``share`` of the
        total gap, ``eta2``, ``p_value``, ``p_adjusted`` (for all terms and
        the score), ``shape_p``, ``reason``.
        Empty for models without terms.
    proxies : DataFrame
        ``attribute``, ``feature``, ``measure``, ``from_feature``, ``from_shape``, ``reason``.
    calibration, calibration_curves : DataFrame
        O/E, intercept, slope and ICI of each group; ``predicted`` against ``observed``.
    net_benefit : DataFrame
        ``attribute``, ``group``, ``threshold``, ``net_benefit``, ``lower``, ``upper``,
        ``treat_all``, ``n``, ``reason``.
    flip : DataFrame
        ``attribute``, ``feature``, ``change``, ``mean_change``, ``max_change`` of predictions.
    strategies : DataFrame or None
        As :func:`glassbox.fairness.compare_strategies` gives it, if strategies were named.
    findings : tuple of Finding
        Plain sentences, the weightiest first.
    left_out : dict of str to str
        Sections that are not there, and why.
    settings : dict
        What was audited, and how.
    tripod : dict
        Items of TRIPOD+AI: what they ask, the frames that answer, what authors have to add.
    """

    overview: pd.DataFrame
    dependence: pd.DataFrame
    groups: pd.DataFrame
    disparities: pd.DataFrame
    terms: pd.DataFrame
    proxies: pd.DataFrame
    calibration: pd.DataFrame
    calibration_curves: pd.DataFrame
    net_benefit: pd.DataFrame
    flip: pd.DataFrame
    strategies: pd.DataFrame | None = None
    findings: tuple[Finding, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    tripod: dict[str, dict] = field(default_factory=lambda: TRIPOD_AI)

    @property
    def attributes(self) -> list[str]:
        """Names of the sensitive features, without intersections."""
        return self.settings["attributes"]

    def __repr__(self) -> str:
        return "\n".join([self._heading(), *(f"- {text}" for text in self._sentences())])

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in self._sentences())
        return f"<p>{html.escape(self._heading())}</p><ul>{items}</ul>"

    def _heading(self) -> str:
        rows = f"{self.settings['n_rows']:,} rows"
        return f"Audit of {self.settings['model']} on {', '.join(self.attributes)}, {rows}"

    def _sentences(self) -> list[str]:
        shown = [finding.text for finding in self.findings[:_MOST_SENTENCES]]
        more = len(self.findings) - len(shown)
        return [*shown, f"and {more} more in .findings"] if more > 0 else shown

    def to_dict(self) -> dict[str, Any]:
        """The audit as plain JSON values.

        Returns
        -------
        dict
            With "schema_version"; NaN is None.
        """
        return {
            "kind": KIND,
            "schema_version": SCHEMA_VERSION,
            "settings": plain(self.settings),
            "findings": [
                {"text": f.text, "weight": plain(f.weight), "kind": f.kind} for f in self.findings
            ],
            "left_out": plain(self.left_out),
            "tripod": plain(self.tripod),
            "frames": {name: frame_to_json(getattr(self, name)) for name in _FRAMES},
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> Audit:
        """Read back what :meth:`to_dict` returned.

        Raises
        ------
        ValueError
            If the document is no audit, or was written by a later version.
        """
        check_document(document)
        return cls(
            **{name: frame_from_json(document["frames"][name]) for name in _FRAMES},
            findings=tuple(Finding(**finding) for finding in document["findings"]),
            left_out=document["left_out"],
            settings=document["settings"],
            tripod=document["tripod"],
        )

    def plot_gap(self, attribute: str | None = None, ax: Any = None, **options: Any) -> Any:
        """Draw what each term adds to a gap: a :class:`glassbox.plots.GapDisplay`."""
        from glassbox.plots import GapDisplay

        return GapDisplay.from_audit(self, attribute, ax=ax, **options)

    def plot_calibration(
        self, attribute: str | None = None, ax: Any = None, **options: Any
    ) -> Any:
        """Draw calibration by group: a :class:`glassbox.plots.GroupCalibrationDisplay`."""
        from glassbox.plots import GroupCalibrationDisplay

        return GroupCalibrationDisplay.from_audit(self, attribute, ax=ax, **options)

    def plot_proxies(self, attribute: str | None = None, ax: Any = None, **options: Any) -> Any:
        """Draw what tells an attribute: a :class:`glassbox.plots.ProxyDisplay`."""
        from glassbox.plots import ProxyDisplay

        return ProxyDisplay.from_audit(self, attribute, ax=ax, **options)

    def plot_dependence(self, ax: Any = None, **options: Any) -> Any:
        """Draw dependence beside its floor: a :class:`glassbox.plots.DependenceDisplay`."""
        from glassbox.plots import DependenceDisplay

        return DependenceDisplay.from_audit(self, ax=ax, **options)

    def plot_net_benefit(
        self, attribute: str | None = None, ax: Any = None, **options: Any
    ) -> Any:
        """Draw decision curves by group: a :class:`glassbox.plots.NetBenefitDisplay`."""
        from glassbox.plots import NetBenefitDisplay

        return NetBenefitDisplay.from_audit(self, attribute, ax=ax, **options)

    def plot_strategies(self, ax: Any = None, **options: Any) -> Any:
        """Draw performance against dependence: a :class:`glassbox.plots.TradeOffDisplay`."""
        from glassbox.plots import TradeOffDisplay

        return TradeOffDisplay.from_audit(self, ax=ax, **options)

    def to_html(
        self, path: Any, *, dictionary: Any = None, title: str | None = None, force: bool = False
    ) -> Any:
        """Write the audit as one self-contained page.

        Parameters
        ----------
        path : path-like
            A file to write, or a folder.
        dictionary : DataDictionary, optional
            Labels and units of the columns.
        title : str, optional
        force : bool
            Overwrite what is there.
        """
        from glassbox.report.fairness import write_audit

        return write_audit(self, path, dictionary=dictionary, title=title, force=force)


_FRAMES = [f.name for f in fields(Audit) if "DataFrame" in str(f.type)]
