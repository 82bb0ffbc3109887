/** A room: what the hub tells is shown, what one does is told to it. */

import { byId } from "../dom.js";
import { areScarce, openPort } from "../hub/port.js";
import { keepVisit, lastRooms, rememberRoom, takeVisit } from "../store.js";
import { bell, count, notify, unnotify } from "./attention.js";
import { parse } from "./commands.js";
import { makeComposer } from "./composer.js";
import { showState } from "./connection.js";
import { showEnvelopes, wireDrawer } from "./drawer.js";
import { showEnding } from "./ending.js";
import { offerAt } from "./handle.js";
import { makeLog } from "./log.js";
import { offerAnother, showMembers } from "./members.js";
import { refusePending, removePending, showPending } from "./pending.js";
import { mentions } from "./pieces.js";
import { beginQuotes, endReply, startReply } from "./quotes.js";
import { share } from "./share.js";
import { forgetTyping, noteTyping } from "./typists.js";

const nameForm = byId("name-form");
const nameField = byId("name");
const toEnd = byId("to-end");
const trouble = byId("trouble");

/** @param {string} room @param {string} token */
export async function openRoom(room, token) {
	const where = { room, token };
	let me = "";
	let title = room;
	let opened = false;
	/** @type {Joined | null} */
	let joined = null;
	/** @type {Member[] | null} */
	let members = null;
	/** @type {ChatRoom | undefined} */
	let about;

	const port = await openPort();
	/** @type {TellHub} */
	const tell = (...told) => port.postMessage(told);
	const hurry = () => tell("hurry", null);
	const log = makeLog(where, moved);
	byId("room").hidden = false;
	const names = () => (members ?? []).map(({ name }) => name).filter((name) => name !== me);
	const composer = makeComposer(room, enter, (active) => tell("typing", active), names);

	/** Something about unread or the position has changed. */
	function moved() {
		const { atEnd, unread, barred } = log.state();
		byId("search-open").hidden = barred || !joined?.supported?.includes("FEATURE_SEARCH");
		toEnd.hidden = atEnd || !opened;
		toEnd.textContent = unread ? `${unread} new ↓` : "To the newest ↓";
		count(title, unread);
	}

	/** Do what was typed; or why that cannot be. @param {string} typed */
	function enter(typed) {
		const { word, rest, trouble = "" } = parse(typed);
		if (trouble) return trouble;
		if (word === "nick") return rename(rest);
		say({ text: rest, action: word === "me", in_reply_to: endReply() });
		return "";
	}

	/** @param {Said} said */
	function say(said) {
		post(said);
		void log.toEnd();
		log.read(true);
	}

	/** @param {Said} said */
	function post(said) {
		const random = crypto.getRandomValues(new Uint32Array(3)); // 96 bits
		tell("say", { ...said, nonce: random.join("-") });
	}

	/** Or why that cannot be. @param {string} name */
	function rename(name) {
		if (!joined?.supported?.includes("FEATURE_RENAME")) return "Nobody can take another name here.";
		post({ text: "", rename: name });
		return "";
	}

	/** @param {string} name @param {Resume | null} [resume] */
	function join(name, resume = null, again = false) {
		me = log.isFor(name);
		composer.mute(false);
		show("");
		tell("attach", { room, name, token, scarce: areScarce(), resume, again });
		if (!opened) void log.open();
		opened = true;
		composer.begin();
	}

	/** The composer, or in place of it this. @param {"" | "name-form" | "ending"} instead */
	function show(instead) {
		for (const id of ["name-form", "ending"]) byId(id).hidden = id !== instead;
		byId("composer").hidden = instead !== "";
		byId("talk").hidden = !opened && instead !== "";
	}

	/** @param {string} name @param {string} sentence */
	function askName(name, sentence) {
		byId("name-why").textContent = sentence;
		nameField.value = name || me || (lastRooms()[0]?.name ?? "");
		show("name-form");
		nameField.select();
	}

	/** @param {State} state */
	function change(state) {
		const { phase, reason, sentence, metadata = {} } = state;
		showState(state);
		if (phase !== "live") trouble.textContent = "";
		byId("polling").hidden = phase !== "polling";
		byId("polling-rooms").textContent = sentence;
		byId("speak").hidden = phase === "polling";
		if (phase !== "live") forgetTyping();
		if (phase !== "over") return;
		joined = null;
		const [free = ""] = Object.values(metadata);
		if (reason === "NAME_TAKEN") askName(free, "That name is taken in this room. This one is free:");
		else if (reason === "NAME_FIXED") askName(free, "Your link is for this name:");
		else if (reason?.startsWith("NAME_")) askName("", sentence);
		else {
			show("ending");
			showEnding(state, room, () => join(me));
		}
	}

	/** @param {Joined} admission */
	function admit(admission) {
		joined = admission;
		me = log.isFor(joined.name);
		describe(joined.room);
		composer.limitTo(joined.limits?.text_bytes);
		rememberRoom(room, me);
		log.reaches(Number(joined.sequence ?? 0));
	}

	/** What one is in the room; menus for who keeps order. @param {Member} [own] */
	async function mark(own) {
		if (own) composer.mute(!!own.muted);
		(await import("../order/order.js")).offerOrder(where, () => about, own?.moderator);
	}

	/** @param {ChatRoom} [now] */
	function describe(now) {
		about = now;
		title = now?.title || room;
		byId("title").textContent = title;
		byId("closed").hidden = !now?.closed_to_newcomers;
		moved();
	}

	/** @param {Message[]} entries */
	function take(entries) {
		for (const { nonce = "", changed, withdrawn } of entries) {
			removePending(nonce); // it was stored after all
			if (changed?.name === me) void mark(changed);
			if (!withdrawn) continue;
			composer.forget();
			unnotify();
		}
		for (const { name = "", message = "" } of log.take(entries)) {
			noteTyping(name, false);
			if (name !== me && mentions(message, me)) notify(title, name, message);
		}
	}

	/** @type {Takes<ToTab>} */
	const takes = {
		state: change,
		joined: admit,
		room: describe,
		entries: take,
		newest: log.reaches,
		anew: log.startOver,
		stored: removePending,
		wire: showEnvelopes,
		typing: ({ name, active }) => name !== me && noteTyping(name, active),
		members(known) {
			members = known;
			void mark(known?.find((each) => each.name === me));
			void showMembers(members, joined?.room?.member_count ?? 0, me, where);
		},
		posted(posted) {
			if (!posted.rename) showPending(posted, me);
			log.follow();
		},
		refused(posted) {
			if (posted.rename) trouble.textContent = `You are still ${me}: ${posted.note}`;
			else refusePending(posted, me, say);
			log.follow();
		},
	};
	port.onmessage = ({ data }) => {
		const [kind, value] = /** @type {[keyof ToTab, never]} */ (data);
		takes[kind](value);
	};
	byId("title").textContent = title;
	wireDrawer((wanted) => tell("wire", wanted));
	bell();
	beginQuotes(where, log.show);
	offerAt("↩\uFE0E", "Reply", startReply);
	offerAnother(() => composer.begin("/nick "));
	toEnd.onclick = () => void log.toEnd();
	byId("search-open").onclick = async () => (await import("./search.js")).openSearch(where, log.show);
	byId("share").onclick = () => share(room);
	byId("state-now").onclick = hurry;
	byId("leave").onclick = () => {
		tell("leave", null);
		location.assign("/");
	};
	nameForm.onsubmit = (event) => {
		event.preventDefault();
		if (nameField.value.trim()) join(nameField.value.trim());
	};
	const seen = () => !document.hidden && log.state().atEnd && log.read();
	document.addEventListener("visibilitychange", () => {
		if (!document.hidden) hurry();
		seen();
	});
	addEventListener("focus", seen);
	addEventListener("online", hurry);
	addEventListener("pagehide", () => {
		if (joined) {
			const { session, epoch } = joined;
			keepVisit(room, { name: me, resume: { session, epoch, after: log.state().newest } });
		}
		tell("bye", null);
	});
	addEventListener("pageshow", (event) => event.persisted && location.reload());

	const kept = takeVisit(room);
	const name = kept?.name ?? lastRooms().find(({ id }) => id === room)?.name;
	if (name) join(name, kept?.resume, true);
	else askName("", "");
}
