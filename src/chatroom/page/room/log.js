/** The log on the screen: a window on a part of the room's entries, loaded as somebody scrolls. */

import { call } from "../wire/call.js";
import { asError } from "../wire/errors.js";
import { byId, make } from "../dom.js";
import { blankQuotes } from "./quotes.js";
import { blank, dress, merge, noticeRow, rowOf } from "./rows.js";

const PAGE = 50;
const MOST = 300; // entries on the screen
const WAITING = 1000; // new entries for the next frame; more are loaded later
const FLOOD = 6; // so many new messages at once are not read out
const AT_END = 48; // px: how near the end counts as there
const NEAR = 800; // px: how near an edge loads more

const scroller = byId("scroller");
const list = byId("log");
const divider = make("div", "line unread", make("span", "", "new"));

/** @param {{sequence?: string}} entry */
const number = ({ sequence }) => Number(sequence);
const attended = () => !document.hidden && document.hasFocus();

/** @param {Where} where @param {() => void} moved  unread or the position has changed */
export function makeLog({ room, token }, moved) {
	/** @type {Row[]} */
	let rows = [];
	/** @type {Message[]} */
	let waiting = [];
	/** @type {Set<number>} withdrawn since a page was asked for that may have the text */
	const gone = new Set();
	let me = "";
	let unread = 0;
	let unreadFrom = 0;
	let newest = 0; // the newest sequence known of
	let last = 0; // the last one shown
	let count = 0;
	let barred = false; // from reading what was said before
	let atStart = false; // whether the room's first and last entry are shown
	let atEnd = false;
	let pinned = true; // whether the end is looked at, and what comes is followed
	let busy = false;
	let loading = Promise.resolve();
	let scheduled = false;

	/** One page at a time; nothing is read out. @param {object} which @param {Show} show */
	async function load(which, show) {
		while (busy) await loading;
		busy = true;
		list.ariaLive = "off";
		gone.clear();
		const request = { room_id: room, page_size: PAGE, ...which };
		let good = true;
		const got = call("ListMessages", request, token);
		loading = got.then((page) => (show(page), withdraw(page.messages))).catch((failure) => {
			good = false;
			const { reason, message } = asError(failure);
			barred ||= /GRANT_MISSING|TOKEN_REQUIRED/.test(reason);
			byId("trouble").textContent = `Messages could not be loaded: ${message}`;
		});
		await loading;
		busy = false;
		follow();
		requestAnimationFrame(() => (list.ariaLive = "polite"));
		return good;
	}

	/** Take texts out that these withdraw. @param {Message[]} [entries] */
	function withdraw(entries = []) {
		for (const { withdrawn } of entries) if (withdrawn) gone.add(number(withdrawn));
		if (!gone.size) return;
		for (const sequence of gone) blankQuotes(String(sequence));
		waiting = []; // to be loaded, as they are now
		for (const { kind, first, element } of rows) if (kind === "said" && gone.has(first)) blank(element);
	}

	/** Load at an edge, and leave what is looked at where it is. @param {object} which @param {Show} show */
	async function loadMore(which, show) {
		const good = await load(which, (page) => {
			const edge = scroller.getBoundingClientRect().top;
			const bottom = (/** @type {Row} */ { element }) => element.getBoundingClientRect().bottom;
			const seen = rows.find((row) => bottom(row) > edge);
			const before = seen ? bottom(seen) : 0; // the day above moves its top
			show(page);
			if (seen?.element.isConnected) scroller.scrollTop += bottom(seen) - before;
		});
		if (good) scrolled();
		await fill();
	}

	/** If the end is what is shown: show what waits, load what is missing. */
	async function fill() {
		while (atEnd && !busy) {
			if (barred) last = Math.max(last, Number(waiting[0]?.sequence ?? 0) - 1);
			let next = last;
			const fitting = waiting.filter((entry) => number(entry) === next + 1 && ++next);
			waiting = [];
			if (fitting.length) {
				list.ariaLive = fitting.length > FLOOD ? "off" : "polite";
				grow(fitting);
			}
			if (last >= newest || barred) return;
			const before = last;
			await load({ after: String(before) }, ({ messages }) => grow(messages));
			if (last === before) return; // it failed; the next entry asks again
		}
	}

	/** New entries at the end. @param {Message[]} [entries] */
	function grow(entries) {
		append(entries);
		drop(!pinned);
		follow();
	}

	/** @param {Message[]} [entries] */
	function append(entries = []) {
		const added = [];
		for (const entry of entries) {
			const missing = number(entry) - last - 1;
			if (missing < 0) continue;
			if (last && missing) added.push(noticeRow(`${missing} messages are missing: they are not kept any more.`, last));
			last = number(entry);
			added.push(rowOf(entry, me));
		}
		newest = Math.max(newest, last);
		list.append(...join(rows, added));
		divide();
	}

	/** @param {Message[]} [entries] */
	function prepend(entries = []) {
		/** @type {Row[]} */
		const above = [];
		const added = join(above, entries.map((entry) => rowOf(entry, me)));
		const [below] = rows;
		if (below && merge(above.at(-1), below)) rows.shift()?.element.remove();
		else if (below) dress(below, above.at(-1));
		list.prepend(...added);
		rows.unshift(...above);
		divide();
	}

	/** Add rows to others; the elements to be shown. @param {Row[]} to @param {Row[]} more */
	function join(to, more) {
		const added = [];
		for (const row of more) {
			count += row.count;
			if (merge(to.at(-1), row)) continue;
			dress(row, to.at(-1));
			to.push(row);
			added.push(row.element);
		}
		return added;
	}

	/** Drop a page at a time: what is left moves. @param {boolean} below  or else above */
	function drop(below) {
		if (count <= MOST) return;
		while (count > MOST - PAGE) {
			const row = below ? rows.pop() : rows.shift();
			if (!row) return;
			row.element.remove();
			count -= row.count;
			if (below) atEnd = false;
			else atStart = barred;
		}
		if (below) last = rows.at(-1)?.last ?? 0;
		else if (rows[0]) dress(rows[0]);
	}

	/** The line where unread begins, once that is shown. */
	function divide() {
		if (!unreadFrom || divider.isConnected) return;
		const row = rows.find((each) => each.last >= unreadFrom);
		if (row && row.first <= unreadFrom) row.element.before(divider);
	}

	function scrolled() {
		const { scrollTop, scrollHeight, clientHeight } = scroller;
		const below = scrollHeight - clientHeight - scrollTop;
		pinned = below < AT_END || (pinned && document.hidden);
		if (busy || !rows[0]) return;
		if (scrollTop < NEAR && !atStart) {
			void loadMore({ before: String(rows[0].first) }, ({ messages, more }) => {
				atStart = !more;
				prepend(messages);
				drop(true);
			});
		} else if (below < NEAR && !atEnd) {
			void loadMore({ after: String(last) }, ({ messages, more }) => {
				atEnd = !more;
				append(messages);
				drop(false);
			});
		}
		if (atEnd && pinned && attended()) read();
		else moved();
	}

	/** Stay at the end; unseen, not beyond where unread begins. */
	function follow() {
		if (!atEnd || !pinned) return;
		const unseen = document.hidden && divider.isConnected;
		const line = divider.offsetTop - AT_END;
		scroller.scrollTop = unseen ? Math.max(line, scroller.scrollTop) : scroller.scrollHeight;
	}

	/** All was looked at; with `done` the line goes too. @param {boolean} [done] */
	function read(done) {
		unread = 0;
		if (done) divider.remove();
		if (!divider.isConnected) unreadFrom = 0;
		moved();
	}

	/** There are entries up to this one. @param {number} sequence */
	function reaches(sequence) {
		newest = Math.max(newest, sequence);
		if (scheduled) return;
		scheduled = true;
		const flush = () => {
			scheduled = false;
			void fill();
		};
		if (document.hidden) setTimeout(flush, 200);
		else requestAnimationFrame(flush);
	}

	/** In place of whatever is shown. @param {Page} page */
	function replace({ messages, more }) {
		rows = [];
		last = count = 0;
		list.replaceChildren();
		atStart = !more;
		append(messages);
	}

	/** Show the newest page. */
	async function open() {
		await load({ page_size: 2 * PAGE }, (page) => {
			atEnd = pinned = true;
			replace(page);
		});
		atStart ||= barred;
		atEnd ||= barred;
		moved();
		await fill();
	}

	scroller.addEventListener("scroll", scrolled, { passive: true });
	new ResizeObserver(follow).observe(scroller);

	return {
		open, follow, read, reaches,
		state: () => ({ atEnd: atEnd && pinned, unread, newest, barred }),

		/** @param {string} name */
		isFor: (name) => (me = name),

		/** New entries; those that were not known of yet. @param {Message[]} entries */
		take(entries) {
			const fresh = entries.filter((entry) => number(entry) > newest);
			const looked = attended() && atEnd && pinned;
			for (const entry of fresh) {
				if (entry.entered || entry.left || entry.renamed || entry.name === me || looked) continue;
				if (!unread && !divider.isConnected) unreadFrom = number(entry);
				unread += 1;
			}
			if (atEnd && waiting.length < WAITING) waiting.push(...fresh);
			withdraw(entries);
			for (const entry of fresh) reaches(number(entry));
			moved();
			return fresh;
		},

		/** Lead to an entry, shown or not. @param {number} sequence */
		async show(sequence) {
			const find = () => rows.find(({ first, last }) => first <= sequence && sequence <= last)?.element;
			pinned = false;
			if (!find()) {
				await load({ before: String(sequence + PAGE / 2) }, (page) => {
					if (page.messages?.some((entry) => number(entry) === sequence)) {
						replace(page);
						atEnd = last >= newest;
					} else byId("trouble").textContent = "That message is not kept any more.";
				});
			}
			const found = find();
			if (found) found.tabIndex = -1;
			found?.focus({ preventScroll: true });
			found?.scrollIntoView({ block: "center" });
			scrolled();
		},

		/** Go to the newest entry, and load it where it was dropped. */
		async toEnd() {
			if (!atEnd) await open();
			pinned = true;
			follow();
			read();
		},

		/** Sequences have started over: what is shown is of a log that is gone. */
		async startOver() {
			newest = 0;
			waiting = [];
			await open();
			list.append(...join(rows, [noticeRow("The room was begun anew: messages may be missing.", last)]));
		},
	};
}
