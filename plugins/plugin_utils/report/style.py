# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the page looks and what its filter does: its style sheet and its script."""

from __future__ import annotations

HEADER = ("Unit", "Kind", "Zone", "Hypervisor", "Owner", "Method", "Status", "Reason", "Before → after", "Time", "Jobs")

CSS = """
:root { color-scheme: light dark; --page: #fff; --ink: #1b1f24; --faint: #57606a; --line: #d0d7de; --soft: #f6f8fa;
  --upgraded: #1a7f37; --current: #0b6bcb; --failed: #c4162a; --degraded: #c4162a; --gone: #5f6873;
  --left_running: #6639ba; --skipped: #8a5a00; --not_started: #5f6873;
  --running: #6639ba; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #0d1117; --ink: #e6edf3; --faint: #9aa4af;
  --line: #30363d; --soft: #161b22; --upgraded: #3fb950; --current: #6cb6ff; --failed: #ff7b72;
  --degraded: #ff7b72; --gone: #a0a9b4; --left_running: #bc8cff; --skipped: #d9a22b;
  --not_started: #a0a9b4; --running: #bc8cff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 1700px; background: var(--page); color: var(--ink);
  font: 14px/1.45 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1rem; color: var(--faint); }
h2 { margin: 2.2rem 0 .6rem; font-size: 1.25rem; }
h3 { margin: 1.2rem 0 .1rem; font-size: .95rem; }
small, .faint { color: var(--faint); font-size: .86em; font-weight: normal; }
code { font: .78em/1.3 ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; color: var(--faint); }
a { color: inherit; text-decoration-color: var(--faint); text-underline-offset: 2px; }
[hidden] { display: none !important; }
[data-status] { --color: var(--ink); }
[data-status=failed], [data-status=fail] { --color: var(--failed); }
[data-status=skipped], [data-status=warn] { --color: var(--skipped); }
[data-status=not_started] { --color: var(--not_started); }
[data-status=gone] { --color: var(--gone); }
[data-status=degraded] { --color: var(--degraded); }
[data-status=left_running] { --color: var(--left_running); }
[data-status=running] { --color: var(--running); }
[data-status=upgraded] { --color: var(--upgraded); }
[data-status=current] { --color: var(--current); }
.status { color: var(--color); font-weight: 600; white-space: nowrap; }
.outcome { display: flex; flex-wrap: wrap; gap: 1rem 4rem; padding: 1rem 1.25rem; background: var(--soft);
  border: 1px solid var(--line); border-left: .6rem solid var(--color); border-radius: 6px; }
.outcome div { flex: 1 1 22rem; }
.outcome strong { font-size: 1.7rem; line-height: 1.3; color: var(--color); }
.outcome p { margin: .2rem 0 .8rem; max-width: 60rem; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0; padding: 0; list-style: none; }
.counts a { display: block; padding: .4rem .9rem; border: 1px solid var(--line); border-top: 4px solid;
  border-radius: 6px; text-decoration: none; }
.counts b { font-size: 1.6rem; line-height: 1.2; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; align-content: start; gap: .15rem 1rem; margin: .4rem 0 0;
  flex: 2 1 26rem; }
dt { color: var(--faint); }
dd { margin: 0; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .35rem .6rem .35rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  overflow-wrap: break-word; }
thead th { color: var(--faint); font-size: .86em; border-bottom-width: 2px; background: var(--page); }
tbody th { min-width: 11rem; }
#units tbody th { overflow-wrap: anywhere; }
#undone th:last-child { width: 50%; }
tbody small, tbody code { display: block; }
.group th { padding-top: 1rem; }
.group small, #undone small { display: inline; }
#units thead th { position: sticky; top: 0; }
#units td:nth-child(9) { min-width: 14rem; }
#units td:nth-child(10) { white-space: nowrap; }
#units td:nth-child(11) { min-width: 9rem; }
tr:target > * { background: var(--soft); box-shadow: inset 0 2px var(--current), inset 0 -2px var(--current); }
#filter { display: flex; flex-wrap: wrap; gap: .6rem; align-items: end; margin: .6rem 0; color: var(--faint); }
#filter :is(input, select, button) { display: block; font: inherit; padding: .3rem .5rem; color: var(--ink);
  background: var(--soft); border: 1px solid var(--faint); border-radius: 4px; }
#filter input { width: min(24rem, 80vw); }
details[open] span { display: none; }
.chart { overflow-x: auto; }
svg { fill: var(--ink); font-size: 11px; }
.chart svg { display: block; min-width: 1000px; width: 100%; }
.tick { fill: var(--faint); text-anchor: middle; }
svg .faint { fill: var(--faint); }
svg line { stroke: var(--line); }
svg a { text-decoration: none; }
svg [data-status=failed] text, .mark { fill: var(--color); }
.mark { text-anchor: middle; font-weight: bold; stroke: var(--page); stroke-width: 2.5; paint-order: stroke; }
rect { fill: var(--color); stroke: var(--page); stroke-width: .6; }
[data-status=failed] rect { fill: url(#stripes); stroke: var(--color); stroke-width: 1; }
[data-status=current] rect { fill: url(#dots); stroke: var(--color); stroke-width: 1; }
[data-status=skipped] rect, [data-status=not_started] rect { fill: none; stroke: var(--color); stroke-width: 1; }
.gap, [data-status] .gap { fill: var(--ink); stroke: var(--page); stroke-width: 1; }
a:hover rect { stroke: var(--ink); }
#stripes path { stroke: var(--failed); stroke-width: 2.5; }
#dots circle { fill: var(--current); }
.key span { margin-left: 1.2rem; }
.key > svg { position: absolute; width: 0; height: 0; }
.key span svg { width: 26px; height: 12px; vertical-align: middle; }
@media screen and (max-width: 1250px) {
  .wide { overflow-x: auto; }
  #units thead th { position: static; }
}
@media screen and (max-width: 720px) {
  body { padding: .8rem; }
  thead { display: none; }
  table, tbody, tr, tbody :is(th, td) { display: block; }
  tbody tr { padding: .6rem 0; border-bottom: 1px solid var(--line); }
  tbody :is(th, td) { border: 0; padding: .1rem 0; }
  td:empty { display: none; }
  #units tr[data-status] > * { padding-left: 7rem; position: relative; }
  #units tr[data-status] > ::before { position: absolute; left: 0; font-weight: normal; color: var(--faint); }
NAMES}
@page { size: A4 landscape; margin: 11mm; }
@media print {
  :root { color-scheme: light; font-size: 11px; }
  body { padding: 0; max-width: none; font-size: 8pt; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  #filter { display: none; }
  h2, h3 { break-after: avoid; }
  tr, .chart, .outcome { break-inside: avoid; }
  #units thead th { position: static; }
  .chart svg { min-width: 0; }
}
""".replace(
    "NAMES",
    "".join(
        f"  #units tr[data-status] > :nth-child({place})::before {{ content: '{name}'; }}\n"
        for place, name in enumerate(HEADER, 1)
    ),
)

JS = """
const find = id => document.getElementById(id), form = find("filter");
const rows = [...document.querySelectorAll("#units tr[data-status]")];
const texts = rows.map(row => row.textContent.toLowerCase());
const words = form.querySelector("input"), boxes = [...form.querySelectorAll("select")];
function apply() {
  const wanted = words.value.toLowerCase().split(" ");
  rows.forEach((row, at) => {
    row.hidden = !wanted.every(word => texts[at].includes(word))
      || boxes.some(box => box.value && box.value !== row.dataset[box.name]);
  });
  for (const body of find("units").tBodies) body.hidden = !body.querySelector("[data-status]:not([hidden])");
  form.querySelector("output").value = rows.filter(row => !row.hidden).length + " of " + rows.length;
}
function show(status) {
  words.value = "";
  for (const box of boxes) box.value = box.name === "status" ? status : "";
  apply();
}
form.hidden = false;
form.addEventListener("input", apply);
form.querySelector("button").addEventListener("click", () => show(""));
for (const link of document.querySelectorAll("[data-show]"))
  link.addEventListener("click", () => show(link.dataset.show));
addEventListener("hashchange", () => {
  const row = find(location.hash.slice(1));
  if (row && row.hidden) { show(""); row.scrollIntoView(); }
});
apply();
"""
