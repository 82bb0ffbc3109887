/** Where one writes: drafts, what was said before, names. */

import { byId } from "../dom.js";
import { draftOf, keepDraft } from "../store.js";
import { endReply } from "./quotes.js";

const RECALLED = 50;
const TYPING = 3_000; // ms between two notices: the server passes no more on
const STOPPED = 6_000; // ms without a key
const NEAR = 500; // so many bytes before the limit it is said how many are left

const field = byId("text");
const left = byId("left");
const text = () => field.value.trim();

/** @param {string} room @param {Enter} enter @param {Type} type @param {() => string[]} names */
export function makeComposer(room, enter, type, names) {
	let limit = 4096;
	/** @type {string[]} */
	let said = [];
	let at = 0; // which of them is in the field; their number: what is being written
	let typedAt = 0;
	let told = false; // that one types
	let toldAt = 0;
	let timer = 0;
	/** @type {{start: number, found: string[], next: number} | null} */
	let completing = null;

	function send() {
		const now = text();
		if (!now || fit() < 0 || field.readOnly) return;
		const why = enter(now);
		byId("trouble").textContent = why;
		if (why) return;
		said = [...said, now].slice(-RECALLED);
		at = said.length;
		told = false; // what is said ends the typing
		field.value = "";
		changed();
	}

	/** Whether there is something to recall. @param {number} step */
	function recall(step) {
		const next = at + step;
		if (field.value !== (said[at] ?? "") || next < 0 || next > said.length) return false;
		at = next;
		field.value = said[next] ?? "";
		changed();
		return true;
	}

	/** The name behind an at sign, another with each press. */
	function complete() {
		const end = field.selectionEnd;
		if (!completing) {
			const typed = /(?<=^|\s)@([^@\n]{0,32})$/u.exec(field.value.slice(0, end))?.[1]?.toLowerCase();
			if (typed === undefined) return false;
			const found = names().filter((name) => name.toLowerCase().startsWith(typed));
			completing = { start: end - typed.length, found, next: 0 };
		}
		const { start, found, next } = completing;
		if (!found.length) return false;
		field.setRangeText(`${found[next % found.length]} `, start, end, "end");
		completing.next += 1;
		changed();
		return true;
	}

	function changed() {
		keepDraft(room, field.value);
		fit();
		typedAt = Date.now();
		tell();
	}

	function tell() {
		clearTimeout(timer);
		const now = Date.now();
		const active = text() !== "" && !text().startsWith("/") && now - typedAt < STOPPED;
		if ((active || told) && now - toldAt >= TYPING) {
			type((told = active));
			toldAt = now;
		}
		if (active || told) timer = setTimeout(tell, 500);
	}

	/** Grow with the text; how many bytes are left. */
	function fit() {
		field.style.height = "auto";
		field.style.height = `${field.scrollHeight + 2}px`;
		const bytes = limit - new TextEncoder().encode(text()).length;
		left.textContent = bytes < NEAR ? `${bytes} bytes left` : "";
		left.classList.toggle("trouble", bytes < 0);
		return bytes;
	}

	field.oninput = changed;
	field.onkeydown = (event) => {
		const { key, shiftKey, isComposing } = event;
		if (isComposing || shiftKey) return;
		if (key === "Escape") endReply();
		const step = { ArrowUp: -1, ArrowDown: 1 }[key];
		if (key === "Enter") send();
		if (key === "Enter" || (step && recall(step)) || (key === "Tab" && complete())) event.preventDefault();
		if (key !== "Tab") completing = null;
	};
	byId("composer").onsubmit = (event) => {
		event.preventDefault();
		send();
	};
	field.value = draftOf(room);

	return {
		/** @param {number} [bytes] */
		limitTo: (bytes) => (limit = bytes ?? limit),

		/** Something was withdrawn: nothing said before is recalled. */
		forget() {
			if (field.value === said[at]) field.value = "";
			said = [];
			at = 0;
			changed();
		},

		/** @param {boolean} on */
		mute(on) {
			byId("muted").hidden = !on;
			field.readOnly = byId("send").disabled = on;
		},

		/** @param {string} [command]  what is written instead is recalled */
		begin(command) {
			if (command && !field.readOnly) {
				if (text()) said.push(text());
				at = said.length;
				field.value = command;
			}
			fit();
			field.focus();
		},
	};
}
