"""The addresses of the pages and of what they link to.

All are relative to the page, so that the dashboard also works below a path of a reverse proxy.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from evald.dashboard.items_query import FORM_MARK, ItemsAsked, written_asked
from evald.rules.item_query import ItemQuery, Sort
from evald.rules.item_query_words import Parameters, written_query
from evald.rules.verdict import ItemStatus


def _segment(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _query(**parameters: str | None) -> str:
    given = {name: value for name, value in parameters.items() if value is not None}
    return f"?{urlencode(given, errors='replace')}" if given else ""


def _pairs(parameters: Parameters) -> str:
    return f"?{urlencode(parameters, safe=',', errors='replace')}"


def evals_address(root: str, *, after: str | None = None) -> str:
    """Give the address of the list of evals. `root` leads from the page to the server's root."""
    return root + _query(after=after)


def runs_address(root: str, eval_id: str, *, after: str | None = None) -> str:
    """Give the address of the list of an eval's runs."""
    return f"{root}evaluations/{_segment(eval_id)}{_query(after=after)}"


def report_address(root: str, eval_id: str, run_id: str) -> str:
    """Give the address of a run's report."""
    return f"{root}evaluations/{_segment(eval_id)}{_query(run_id=run_id)}"


def compare_address(root: str, eval_id: str, run_ids: Sequence[str]) -> str:
    """Give the address at which runs of an eval are compared, the baseline first."""
    query = urlencode([("run", run_id) for run_id in run_ids], errors="replace")
    return f"{root}evaluations/{_segment(eval_id)}/compare?{query}"


@dataclass(frozen=True)
class ReportAddresses:
    """The addresses that one run's report links to, seen from the report itself."""

    eval_id: str
    run_id: str
    root: str = "../"
    columns: tuple[str, ...] = ()
    """The columns that the reader has chosen for the items, if any."""

    def evals(self) -> str:
        """Give the address of the list of evals."""
        return evals_address(self.root)

    def runs(self) -> str:
        """Give the address of the eval's runs."""
        return runs_address(self.root, self.eval_id)

    def report(self) -> str:
        """Give the report itself."""
        return report_address(self.root, self.eval_id, self.run_id)

    def items(
        self,
        query: ItemQuery | None = None,
        *,
        status: ItemStatus | None = None,
        item: str | None = None,
    ) -> str:
        """Give the report at the first of these items, with the details of one open or of none.

        They are those that `query` asks for, or all of a status; the reader's columns are kept.
        """
        asked = ItemsAsked(query or ItemQuery(status=status), self.columns, item=item)
        return self.items_page(asked)

    def items_page(self, asked: ItemsAsked) -> str:
        """Give the report at a page of items, with all that a reader has chosen."""
        query = _pairs([("run_id", self.run_id), *written_asked(asked)])
        return runs_address(self.root, self.eval_id) + query

    def compare(self, baseline: str) -> str:
        """Give the comparison of this run with one that went before."""
        return compare_address(self.root, self.eval_id, [baseline, self.run_id])

    def items_form(self, asked: ItemsAsked, *fields: str) -> list[tuple[str, str]]:
        """Give what a form sends beside its own fields, whose names begin like this."""
        kept = [
            (name, value) for name, value in written_asked(asked) if not name.startswith(fields)
        ]
        return [("run_id", self.run_id), *kept, (FORM_MARK, "1")]

    def cancel(self) -> str:
        """Give the address that the cancel form posts to."""
        return (
            f"{self.root}evaluations/{_segment(self.eval_id)}/runs/{_segment(self.run_id)}/cancel"
        )

    def live(self) -> str:
        """Give the address of the events by which the report follows its run."""
        return f"{self.root}evaluations/{_segment(self.eval_id)}/runs/{_segment(self.run_id)}/live"

    def api_item(self, item_id: str) -> str:
        """Give the API's address of an output item, whole and as JSON."""
        return f"{self._api_run()}/output_items/{_segment(item_id)}"

    def export(self, kind: str, query: ItemQuery | None = None) -> str:
        """Give the address of the output items as a file, in the order of their rows."""
        asked = written_query(replace(query, sort=Sort())) if query else []
        return f"{self._api_run()}/export{_pairs([('format', kind), *asked])}"

    def _api_run(self) -> str:
        return f"{self.root}v1/evals/{_segment(self.eval_id)}/runs/{_segment(self.run_id)}"
