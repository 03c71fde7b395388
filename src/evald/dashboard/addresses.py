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


def _query(**parameters: str | Sequence[str] | None) -> str:
    given = {name: value for name, value in parameters.items() if value is not None}
    text = urlencode(given, doseq=True, errors="replace")
    return f"?{text}" if text else ""


def _pairs(parameters: Parameters) -> str:
    text = urlencode(parameters, safe=",", errors="replace")
    return f"?{text}" if text else ""


def evals_address(
    root: str, *, words: str | None = None, meta: Sequence[str] = (), after: str | None = None
) -> str:
    """Give the address of the list of evals. `root` leads from the page to the server's root.

    `words` are searched for, and `meta` are pairs of metadata as `MetadataPair.as_text` gives them.
    """
    return root + _query(q=words or None, meta=meta, after=after)


def runs_address(
    root: str,
    eval_id: str,
    *,
    status: str | None = None,
    after: str | None = None,
    did: str | None = None,
) -> str:
    """Give the address of the list of an eval's runs, or of those with a status.

    `did` is the act that led there.
    """
    return f"{root}evaluations/{_segment(eval_id)}{_query(status=status, after=after, did=did)}"


def eval_act_address(root: str, eval_id: str, act: str) -> str:
    """Give the address of something that is done with an eval: `compare`, `delete`, `rename`."""
    return f"{root}evaluations/{_segment(eval_id)}/{act}"


def again_address(root: str, eval_id: str, run_id: str) -> str:
    """Give the address of the form by which a run is made once more, with changes."""
    return f"{root}evaluations/{_segment(eval_id)}/runs/{_segment(run_id)}/again"


def files_address(root: str, *, after: str | None = None) -> str:
    """Give the address of the list of files."""
    return f"{root}dashboard/files{_query(after=after)}"


def file_address(root: str, file_id: str) -> str:
    """Give the address of one file."""
    return f"{root}dashboard/files/{_segment(file_id)}"


def file_delete_address(root: str, file_id: str) -> str:
    """Give the address that the form posts to by which a file is deleted."""
    return f"{file_address(root, file_id)}/delete"


def file_content_address(root: str, file_id: str) -> str:
    """Give the API's address of the bytes of a file."""
    return f"{root}v1/files/{_segment(file_id)}/content"


def report_address(root: str, eval_id: str, run_id: str, *, did: str | None = None) -> str:
    """Give the address of a run's report. `did` is the act that led there, for the page to tell."""
    return f"{root}evaluations/{_segment(eval_id)}{_query(run_id=run_id, did=did)}"


def compare_address(root: str, eval_id: str, run_ids: Sequence[str]) -> str:
    """Give the address at which runs of an eval are compared, the baseline first."""
    query = urlencode([("run", run_id) for run_id in run_ids], errors="replace")
    return f"{root}evaluations/{_segment(eval_id)}/compare?{query}"


@dataclass(frozen=True)
class CompareAddresses:
    """The addresses that a comparison links to, seen from the comparison itself."""

    eval_id: str
    run_ids: Sequence[str]
    """The baseline first."""
    root: str = "../../"

    def compare(
        self,
        run_ids: Sequence[str] | None = None,
        *,
        against: str | None = None,
        rows: str | None = None,
        after: str | None = None,
    ) -> str:
        """Give the comparison of these runs, or of its own.

        `against` is the run whose rows are listed beside the baseline's, and `rows` which of them.
        """
        runs = self.run_ids if run_ids is None else run_ids
        query = [("run", run_id) for run_id in runs]
        named = {"against": against, "rows": rows, "after": after}
        query += [(name, value) for name, value in named.items() if value is not None]
        path = f"{self.root}evaluations/{_segment(self.eval_id)}/compare"
        return f"{path}?{urlencode(query, errors='replace')}" if query else path

    def runs(self) -> str:
        """Give the address of the eval's runs."""
        return runs_address(self.root, self.eval_id)

    def report(self, run_id: str, item_id: str | None = None) -> str:
        """Give a run's report, with the details of an item open or not."""
        return ReportAddresses(self.eval_id, run_id, self.root).items(item=item_id)

    def api(self) -> str:
        """Give the API's address of the comparison, as JSON."""
        query = urlencode([("run_id", run_id) for run_id in self.run_ids], errors="replace")
        return f"{self.root}v1/evals/{_segment(self.eval_id)}/compare?{query}"


@dataclass(frozen=True)
class ReportAddresses:
    """The addresses that one run's report links to, seen from the report itself.

    Seen by a share link they lead to that report and nowhere else.
    """

    eval_id: str
    run_id: str
    root: str = "../"
    share: str = ""
    """The token of the share link, or empty."""
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
        return self.items()

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
        return self.items_action() + _pairs([*self._of_run(), *written_asked(asked)])

    def items_action(self) -> str:
        """Give the address that the forms above the items are sent to."""
        if self.share:
            return f"{self.root}shared/{_segment(self.share)}"
        return runs_address(self.root, self.eval_id)

    def compare(self, baseline: str) -> str:
        """Give the comparison of this run with one that went before."""
        return compare_address(self.root, self.eval_id, [baseline, self.run_id])

    def act(self, act: str) -> str:
        """Give the address that the form of an act on the run posts to."""
        return f"{self._run()}/{act}"

    def revoke(self, share_id: str) -> str:
        """Give the address that the form posts to by which a share link is revoked."""
        return f"{self._run()}/shares/{_segment(share_id)}/revoke"

    def again(self) -> str:
        """Give the form by which the run is carried out again, with changes."""
        return again_address(self.root, self.eval_id, self.run_id)

    def items_form(self, asked: ItemsAsked, *fields: str) -> list[tuple[str, str]]:
        """Give what a form sends beside its own fields, whose names begin like this."""
        kept = [
            (name, value) for name, value in written_asked(asked) if not name.startswith(fields)
        ]
        return [*self._of_run(), *kept, (FORM_MARK, "1")]

    def live(self) -> str:
        """Give the address of the events by which the report follows its run; by a share link none."""
        return "" if self.share else f"{self._run()}/live"

    def api_item(self, item_id: str) -> str:
        """Give the address of an output item, whole and as JSON."""
        if self.share:
            return f"{self.root}shared/{_segment(self.share)}/items/{_segment(item_id)}"
        return f"{self._api_run()}/output_items/{_segment(item_id)}"

    def export(self, kind: str, query: ItemQuery | None = None) -> str:
        """Give the address of the output items as a file by row; by a share link there is none."""
        if self.share:
            return ""
        asked = written_query(replace(query, sort=Sort())) if query else []
        return f"{self._api_run()}/export{_pairs([('format', kind), *asked])}"

    def _of_run(self) -> Parameters:
        """Say which run is meant; the token of a share link says so already."""
        return [] if self.share else [("run_id", self.run_id)]

    def _run(self) -> str:
        return f"{self.root}evaluations/{_segment(self.eval_id)}/runs/{_segment(self.run_id)}"

    def _api_run(self) -> str:
        return f"{self.root}v1/evals/{_segment(self.eval_id)}/runs/{_segment(self.run_id)}"
