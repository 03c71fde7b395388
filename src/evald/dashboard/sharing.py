"""The page by which a run's report is shared: a form that makes a link, and the links in force."""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.access.share_links import LIVES, USUAL_LIFE, SharedBy
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.frame import Frame
from evald.dashboard.names import name_of
from evald.dashboard.reading import ApiObject, text_of
from evald.dashboard.rendering import render


@dataclass(frozen=True)
class ShareRow:
    """A share link in force: its whole URL, and where the form posts to that revokes it."""

    id: str
    url: str
    expires_at: float
    revoke_address: str


def render_sharing(
    eval_object: ApiObject,
    run: ApiObject,
    links: Sequence[SharedBy],
    *,
    frame: Frame,
    public_url: str,
    is_local: bool,
) -> str:
    """Give the page as HTML. `is_local`: links lead to this server on this machine alone."""
    addresses = ReportAddresses(text_of(run.get("eval_id")), text_of(run.get("id")), frame.root)
    return render(
        "sharing.html",
        frame,
        addresses=addresses,
        run_name=name_of(run),
        eval_name=name_of(eval_object),
        rows=[_row(link, addresses, public_url) for link in links],
        is_local=is_local,
        lives=LIVES,
        usual_life=USUAL_LIFE,
    )


def _row(link: SharedBy, addresses: ReportAddresses, public_url: str) -> ShareRow:
    url = f"{public_url}/shared/{link.token}"
    return ShareRow(link.id, url, float(link.expires_at), addresses.revoke(link.id))
