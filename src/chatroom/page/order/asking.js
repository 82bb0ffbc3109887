/** What keeps a room in order, each asked for in a dialog. */

import { button, byId, isolated, make } from "../dom.js";
import { share } from "../room/share.js";
import { call } from "../wire/call.js";
import { asError } from "../wire/errors.js";

const WHY = { Reason: "" };

/** @param {Ask} ask @param {string} [sequence] */
export function aboutMessage(ask, sequence) {
	open(ask, "Withdraw this message?", WHY, { Withdraw: ["WithdrawMessage", { sequence }] });
}

/** @param {Ask} ask @param {Member} member */
export function aboutMember(ask, { name, muted }) {
	// By session and identity; and by name, since sessions are easily had.
	const ban = (/** @type {object} */ time) => ["CreateBan", { member: name, ...time }, { name, ...time }];
	open(ask, isolated(name), WHY, {
		[muted ? "Let speak again" : "Mute"]: ["SetMember", { name, muted: !muted }],
		Remove: ["RemoveMember", { name }],
		"Ban for an hour": ban(within(1)),
		"Ban for a day": ban(within(24)),
		"Ban for good": ban({}),
	});
}

/** @param {Ask} ask @param {ChatRoom} [about] */
export function aboutRoom(ask, { title = "", closed_to_newcomers = false } = { room_id: "" }) {
	const week = within(7 * 24);
	const other = { closed_to_newcomers: !closed_to_newcomers };
	open(ask, "Keep order", { Title: title }, {
		"Save the title": ["UpdateChatRoom", { title }],
		[closed_to_newcomers ? "Open to newcomers" : "Close to newcomers"]: ["UpdateChatRoom", other],
		"Invite one person for a week": ["CreateInvitation", { uses: 1, ...week }],
		"Invite anybody for a week": ["CreateInvitation", week],
	});
}

/** @param {number} hours */
const within = (hours) => ({ until: new Date(Date.now() + hours * 3_600_000).toISOString() });

/**
 * A dialog with a field, and a button for each way: a method, and what it is asked.
 * @param {Ask} ask @param {Node | string} heading @param {Record<string, string>} asked  by its label
 * @param {Record<string, any[]>} ways
 */
function open({ room, token, refused }, heading, asked, ways) {
	const [[label = "", value = ""] = []] = Object.entries(asked);
	const field = Object.assign(make("input"), { value, dir: "auto" });
	const close = button("✕", () => dialog.close(), "tool");
	close.ariaLabel = "Close";
	const trouble = make("p", "trouble");
	trouble.role = "alert";

	/** @param {string} method @param {object} request */
	async function act(method, request) {
		const service = /^(Remove|Update)/.test(method) ? "Chat" : "Moderation";
		const given = (label !== "Title" || "title" in request) && { [label.toLowerCase()]: field.value.trim() };
		try {
			const answer = await call(`${service}Service/${method}`, { room_id: room, ...request, ...given }, token);
			dialog.close();
			if (answer.secret) void share(room, answer.secret);
		} catch (failure) {
			const { reason, message } = asError(failure);
			(dialog.open ? trouble : byId("trouble")).textContent = message;
			if (!/GRANT_MISSING|TOKEN_REQUIRED/.test(reason)) return;
			dialog.replaceChildren(head, trouble);
			refused();
		}
	}

	const buttons = Object.entries(ways).map(([way, [method, ...requests]]) =>
		button(way, async () => { for (const request of requests) await act(method, request); }, "button"),
	);
	const head = make("div", "bar", make("h2", "", heading), close);
	const dialog = make("dialog", "", head, trouble, make("label", "", label, field), make("p", "ways", ...buttons));
	dialog.ariaLabel = "Keep order";
	dialog.onclose = () => {
		dialog.remove();
		if (document.activeElement === document.body) byId("log").focus(); // what opened it is gone
	};
	document.body.append(dialog);
	dialog.showModal();
}
