/** The lobby: rooms to go to, and a way to make one. */

import { byId, isolated, link, make, stamp } from "./dom.js";
import { idIn, pathTo } from "./rooms.js";
import { lastRooms } from "./store.js";
import { call } from "./wire/call.js";
import { asError } from "./wire/errors.js";

const PAGE = 100;
const PAGES = 10;
const EVERY = 5_000; // ms, while the page is visible
const WHEN = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });

const search = byId("search");
const list = byId("rooms");
const more = byId("rooms-more");

/** @param {string} token */
export function openLobby(token) {
	/** @type {ChatRoom[]} */
	let rooms = [];
	let pages = 1;
	let further = false;
	let asking = false;
	let trouble = "";

	async function load() {
		if (asking || document.hidden) return;
		asking = true;
		try {
			const found = [];
			let next = "";
			for (let page = 0; page < pages && (next || !page); page++) {
				const answer = await call("ListChatRooms", { page_size: PAGE, page_token: next }, token);
				found.push(...(answer.chat_rooms ?? []));
				next = answer.next_page_token ?? "";
			}
			rooms = found;
			further = next !== "";
			trouble = "";
		} catch (failure) {
			trouble = `The list is not up to date: ${asError(failure).message}.`;
		}
		asking = false;
		show();
	}

	function show() {
		const wanted = search.value.trim().toLowerCase();
		const found = rooms.filter(({ room_id, title }) => `${room_id} ${title}`.toLowerCase().includes(wanted));
		place(found.map(roomLine));
		more.hidden = !further || pages >= PAGES;
		const those = `${further ? "first " : ""}${rooms.length} rooms`;
		const none = rooms.length ? "" : "There are no rooms yet.";
		const all = further ? `These are the ${those}.` : none;
		byId("rooms-note").textContent = trouble || (wanted ? `${found.length} of the ${those} match.` : all);
	}

	for (const { id, name } of lastRooms()) {
		const chip = link(pathTo(id), "button", id.length > 24 ? `${id.slice(0, 12)}…` : id);
		chip.title = `as ${name}`;
		byId("last-rooms").append(make("li", "", chip));
		byId("last").hidden = false;
	}
	byId("lobby").hidden = false;
	search.oninput = show;
	more.onclick = () => (pages++, load());
	const form = byId("create");
	byId("create-open").onclick = () => byId("create-dialog").showModal();
	form.onsubmit = async (event) => {
		event.preventDefault();
		const given = new FormData(form);
		const request = { title: String(given.get("title")).trim(), private: given.has("private") };
		try {
			location.assign(pathTo((await call("CreateChatRoom", request, token)).room_id));
		} catch (failure) {
			byId("create-trouble").textContent = asError(failure).message;
		}
	};
	byId("by-link").onsubmit = (event) => {
		event.preventDefault();
		const id = idIn(byId("link").value);
		if (id) location.assign(pathTo(id));
		else byId("link-trouble").textContent = "That is no link to a room.";
	};
	setInterval(load, EVERY);
	document.addEventListener("visibilitychange", load);
	void load();
}

/** Touch only what has changed: focus and selection stay. @param {HTMLElement[]} lines */
function place(lines) {
	const ids = new Set(lines.map(({ id }) => id));
	for (const old of list.querySelectorAll("a")) if (!ids.has(old.id)) old.parentElement?.remove();
	lines.forEach((line, at) => {
		const old = document.getElementById(line.id);
		if (!old) list.insertBefore(make("li", "", line), list.children[at] ?? null);
		else if (!old.isEqualNode(line)) old.replaceChildren(...line.childNodes);
	});
}

/** @param {ChatRoom} room */
function roomLine({ room_id, title, member_count = 0, active }) {
	const facts = make("span", "faint", title ? `${room_id} · ` : "");
	facts.append(member_count === 1 ? "1 member" : `${member_count} members`);
	if (active) facts.append(" · last said ", stamp(Date.parse(active), WHEN));
	const line = link(pathTo(room_id), "room-line", make("b", "", isolated(title || room_id)), facts);
	line.id = `room ${room_id}`;
	return line;
}
