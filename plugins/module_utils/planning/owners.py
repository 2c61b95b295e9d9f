# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which units belong to whom, as people name owners: an account, a project, or a domain and all below it. Pure.

Before 4.19.2 a server tells only the names of domains, not their paths: there a domain is meant by its name, and what
is below it is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..cloud.model import Owner, Unit, domain_path
from ..knowledge.counts import first_of
from ..knowledge.guesses import did_you_mean
from ..options.option_names import OptionError
from .named import ALIKE

MOST_OWNERS = 5  # of those that there are, in a message


def owned_units(units: Sequence[Unit], owners: Sequence[str]) -> frozenset[str]:
    """The ids of the units of these owners.

    :param owners: each an account (C(jane)), a domain and an account (C(ROOT/customers/jane), C(customers/jane)), a
        project, or a domain (C(ROOT/customers), C(customers), an id); with a slash at its end it is a domain for sure,
        with C(project) before it a project.
    :raises OptionError: for an owner that no unit has, and for a name that means several.
    """
    known = {unit.owner for unit in units}
    meant: set[Owner] = set()
    for text in owners:
        found = {words: some for words, some in _meanings(text, known).items() if some}
        if not found:
            raise _unknown(text, known)
        if len(found) > 1:
            raise OptionError(
                f"is ambiguous: {text!r} is {' and '.join(sorted(found))}",
                option="owners",
                remedy="Give an account with its domain, a domain with a slash at its end or by its id, or 'project'"
                " before the name of a project.",
            )
        meant.update(*found.values())
    return frozenset(unit.id for unit in units if unit.owner in meant)


def _meanings(text: str, known: Iterable[Owner]) -> dict[str, set[Owner]]:
    """What the text may mean, in words, with the owners that this is."""
    found: dict[str, set[Owner]] = {}
    above, dummy, name = text.rpartition("/")
    for owner in known:
        for domain in _at_or_above(owner.domain):
            if _is_domain(domain, text.rstrip("/")) or (domain == owner.domain and text == owner.domain_id):
                found.setdefault(f"the domain {_called(domain, owner)}", set()).add(owner)
        where = _called(owner.domain or "", owner)
        if owner.project:
            if text in (owner.project, f"project {owner.project}"):
                found.setdefault(f"the project {owner.project} in {where}", set()).add(owner)
        elif owner.account == name and (not above or _is_domain(owner.domain or "", above)):
            found.setdefault(f"the account {owner.account} in {where}", set()).add(owner)
    return found


def _called(domain: str, owner: Owner) -> str:
    """With its id where the server tells no path, as several domains may have one name."""
    only_name = domain == owner.domain and "/" not in domain and domain != "ROOT"
    return f"{domain} ({owner.domain_id})" if only_name and owner.domain_id else domain


def _is_domain(domain: str, text: str) -> bool:
    """By its path, in any of the forms that releases tell, or by its own name."""
    if "/" in text:
        return domain == domain_path(text)
    return bool(text) and domain.rpartition("/")[2] == text


def _at_or_above(domain: str | None) -> list[str]:
    """The domain and those that it is in."""
    names = (domain or "").split("/")
    return ["/".join(names[: count + 1]) for count in range(len(names))]


def _unknown(text: str, known: Iterable[Owner]) -> OptionError:
    domains = sorted({domain for owner in known for domain in _at_or_above(owner.domain) if domain})
    accounts = sorted({owner.account for owner in known if owner.account and not owner.project})
    projects = sorted({owner.project for owner in known if owner.project})
    paths = [f"{owner.domain}/{owner.account}" for owner in known if owner.account and not owner.project]
    only_names = bool(set(domains) - {"ROOT"}) and not any("/" in domain for domain in domains)
    remedy = did_you_mean([text], [*domains, *accounts, *projects, *paths], ALIKE)
    if "/" in text and only_names:
        remedy = "This server tells only the names of domains, not their paths: give the name. "
    there = [("Domains", domains), ("Accounts", accounts), ("Projects", projects)]
    remedy += " ".join(f"{what}: {first_of(names, MOST_OWNERS)}." for what, names in there if names)
    return OptionError(
        f"has {text!r}, but no network, VPC or router belongs to such an account, domain or project",
        option="owners",
        remedy=f"{remedy} All owners are in plan.csv, which check_sysvms writes into its report folder.",
    )
