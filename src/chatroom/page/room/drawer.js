/** The wire drawer: what passes between page and server. */

import { byId, make } from "../dom.js";

const SHOWN = 200;
const drawer = byId("drawer");
const lines = byId("drawer-lines");
const scroller = byId("drawer-scroller");
const toggle = byId("wire");

/** @param {(wanted: boolean) => void} want  tells the hub */
export function wireDrawer(want) {
	toggle.onclick = () => {
		drawer.hidden = !drawer.hidden;
		toggle.ariaExpanded = String(!drawer.hidden);
		lines.replaceChildren();
		want(!drawer.hidden);
	};
}

/** @param {Envelope[] | null} envelopes  null: those shown are gone */
export function showEnvelopes(envelopes) {
	if (!envelopes) lines.replaceChildren();
	if (drawer.hidden || !envelopes) return;
	const { scrollHeight, scrollTop, clientHeight } = scroller;
	lines.append(...envelopes.map(lineOf));
	while (lines.childElementCount > SHOWN) lines.firstElementChild?.remove();
	if (scrollHeight - scrollTop - clientHeight < 40) scroller.scrollTop = scroller.scrollHeight;
}

/** @param {Envelope} envelope */
function lineOf({ at, out, what, size, flag, json }) {
	const time = new Date(at).toISOString().slice(11, 23);
	const sequence = /"sequence": ?"(\d+)"/.exec(json)?.[1] ?? "";
	const cells = [time, out ? "→ out" : "← in", what, size, flag ?? "none", sequence];
	const line = make("tr", "", ...cells.map((cell) => make("td", "", String(cell))));
	line.append(make("td", "json", make("code", "", json)));
	return line;
}
