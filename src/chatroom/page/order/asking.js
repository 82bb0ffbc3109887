/** What keeps a room in order, each asked for in a dialog. */

import { button, byId, isolated, make } from "../dom.js";
import { share } from "../room/share.js";
import { call } from "../wire/call.js";
import { asError } from "../wire/errors.js";

const HOUR = 3_600_000; // ms
const BANS = { "Ban for an hour": HOUR, "Ban for a day": 24 * HOUR, "Ban for good": 0 };
const INVITED = { "A link for one person": 1, "A link for anybody": 0 };
const VALID = 7 * 24 * HOUR;
const SET = "ModerationService/SetMember";
const BAN = "ModerationService/CreateBan";

/** @param {Ask} ask @param {HTMLElement} row */
export function askAboutMessage(ask, row) {
	const { sequence } = row.dataset;
	open(ask, ["Withdraw this message?"], true, (act) => ({
		Withdraw: () => act("ModerationService/WithdrawMessage", { sequence }),
	}));
}

/** @param {Ask} ask @param {Member} member */
export function askAboutMember(ask, { name, muted }) {
	open(ask, [isolated(name)], true, (act) => ({
		[muted ? "Let speak again" : "Mute"]: () => act(SET, { name, muted: !muted }),
		Remove: () => act("RemoveMember", { name }),
		...each(BANS, (time) => {
			const until = time && { until: later(time) };
			// By session and identity; who has no token comes back with another session, so by name, too.
			return act(BAN, { name, ...until }, { member: name, ...until });
		}),
	}));
}

/** @param {Ask} ask @param {ChatRoom} [about] */
export function askAboutRoom(ask, { title = "", closed_to_newcomers = false } = { room_id: "" }) {
	const field = Object.assign(make("input"), { value: title, maxLength: 128, dir: "auto" });
	const contents = open(ask, ["Keep order"], false, (act) => ({
		"Save the title": () => act("UpdateChatRoom", { title: field.value.trim() }),
		[`${closed_to_newcomers ? "Open" : "Close"} to newcomers`]: () =>
			act("UpdateChatRoom", { closed_to_newcomers: !closed_to_newcomers }),
		...each(INVITED, async (uses) => {
			const made = await act("ModerationService/CreateInvitation", { uses, until: later(VALID) });
			if (made) void share(ask.room, made.secret);
		}),
	}));
	contents.before(
		make("label", "", "Title", field),
		make("p", "faint", "Whoever has the link of an invitation can join, for a week, also while newcomers cannot."),
	);
}

/** @param {number} ms */
const later = (ms) => new Date(Date.now() + ms).toISOString();

/** @param {Record<string, number>} values @param {(value: number) => unknown} then */
const each = (values, then) =>
	Object.fromEntries(Object.entries(values).map(([label, value]) => [label, () => then(value)]));

/**
 * A dialog with a button for each way; where they are.
 * @param {Ask} ask @param {(Node | string)[]} title @param {boolean} reasoned  a reason may be given
 * @param {(act: Act) => Record<string, () => unknown>} ways
 */
function open({ room, token, refused }, title, reasoned, ways) {
	const close = button("✕", () => dialog.close(), "tool");
	close.ariaLabel = "Close";
	const why = Object.assign(make("input"), { maxLength: 256, dir: "auto" });
	const trouble = make("p", "trouble");
	trouble.role = "alert";
	const head = make("div", "bar", make("h2", "", ...title), close);
	const dialog = make("dialog", "", head, trouble);
	dialog.ariaLabel = "Keep order";
	dialog.onclose = () => {
		dialog.remove();
		if (document.activeElement === document.body) byId("log").focus(); // what opened it is gone
	};

	/** @type {Act} */
	async function act(method, request, first) {
		const all = { room_id: room, ...(why.value && { reason: why.value }) };
		try {
			const before = first && call(method, { ...all, ...first }, token);
			await before?.catch((failure) => {
				if (!/invalid|not_found/.test(failure.code)) throw failure;
			});
			const answer = await call(method, { ...all, ...request }, token);
			dialog.close();
			return answer;
		} catch (failure) {
			const { reason, message } = asError(failure);
			trouble.textContent = message;
			if (!/GRANT_MISSING|TOKEN_REQUIRED/.test(reason)) return;
			dialog.replaceChildren(head, trouble);
			refused();
		}
	}

	const buttons = Object.entries(ways(act)).map(([label, then]) => button(label, then, "button"));
	const contents = make("p", "ways", ...buttons);
	if (reasoned) dialog.append(make("label", "", "Reason, if you give one", why));
	dialog.append(contents);
	document.body.append(dialog);
	dialog.showModal();
	return contents;
}
