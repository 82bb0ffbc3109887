/** One member of one room: it outlives its streams. */

import { call } from "../wire/call.js";
import { ChatError, asError } from "../wire/errors.js";
import { subscribe } from "../wire/subscribe.js";
import { makeOutbox } from "./outbox.js";
import { makePulse } from "./pulse.js";
import { NAME, decision, makeBackoff } from "./retry.js";
import { Roster } from "./roster.js";

const ADMISSION = 15_000; // ms
const POLL = 5_000;
const PAGE = 1000;

/**
 * @param {Attach} asked @param {Tell} tell  everybody who shows it @param {Wiretap} wiretap
 * @param {() => void} ended
 */
export function makeMembership({ room, name, token, resume, again }, tell, wiretap, ended) {
	/** @type {State} */
	let state = { phase: "connecting", sentence: "joining" };
	/** @type {Joined | null} the latest admission */
	let joined = null;
	let seen = resume?.after ?? 0; // the highest sequence; every later entry comes
	/** @type {Message | undefined} the entry of that sequence */
	let last;
	let abort = new AbortController();
	let why = "";
	let wake = () => {};
	let running = false;
	let admitted = 0; // when the present stream was
	let live = false; // whether the replay of the present stream is over
	const roster = new Roster();
	const backoff = makeBackoff();
	const outbox = makeOutbox(token, tell, wiretap.take);
	const pulse = makePulse(token, cut);

	/** End the stream, not the membership. @param {string} because */
	function cut(because) {
		why = because;
		abort.abort();
	}

	/** Join, and stay. */
	async function run() {
		running = true;
		let taken = 0; // since when the name has been asked for again
		for (;;) {
			const begun = Date.now();
			let failure = null;
			try {
				await attend();
			} catch (error) {
				failure = why ? new ChatError("unavailable", why) : asError(error);
			}
			live = false;
			outbox.speakIn("");
			pulse.attend("");
			if (state.phase === "over") return;
			const what = failure && decision(failure);
			taken = what === "briefly" ? taken || begun : 0;
			const givenUp = taken && (!(resume || again) || Date.now() - taken > NAME);
			if (!failure || what === "no" || givenUp) return end("the stream ended", failure);
			set({ phase: "lost", sentence: failure.message });
			await pause(backoff(admitted ? Date.now() - admitted : 0, failure.retryAfter));
		}
	}

	/** One stream, to its end. */
	async function attend() {
		abort = new AbortController();
		why = "";
		admitted = 0;
		const join = {
			room_id: room,
			name,
			features: ["FEATURE_EVENTS", "FEATURE_ECHO"],
			history: 0, // tabs read the log by pages
			...(resume && { resume: { ...resume, after: String(seen) } }),
		};
		const late = setTimeout(() => cut("the server does not answer"), ADMISSION);
		try {
			for await (const messages of subscribe(join, token, abort.signal, wiretap.take)) {
				clearTimeout(late);
				pulse.heard();
				for (const message of messages) if (message.joined) await admit(message.joined);
				take(messages);
			}
		} finally {
			clearTimeout(late);
			abort.abort();
		}
	}

	/** @param {Joined} admission */
	async function admit(admission) {
		const before = resume;
		const { session, epoch } = (joined = admission);
		name = joined.name;
		roster.admit(joined);
		pulse.attend(session);
		admitted = Date.now();
		if (!before) begin(Number(joined.sequence ?? 0));
		else if (before.session !== session) await catchUp(before, joined);
		resume = { session, epoch, after: 0 };
		tell("joined", joined);
		tell("members", roster.members);
	}

	/** Nothing before this is asked for. @param {number} sequence */
	function begin(sequence) {
		seen = sequence;
		last = undefined;
	}

	/**
	 * After a fresh join take what was missed, if the log is the same: by its epoch, or by the
	 * entry seen last. @param {Resume} before @param {Joined} now
	 */
	async function catchUp(before, now) {
		const newest = Number(now.sequence ?? 0);
		let got = await page(Math.max(seen - 1, 0), true);
		if (got.epoch !== now.epoch) throw new ChatError("unavailable", "the server was started anew");
		const [first] = got.messages ?? [];
		// To the nanosecond. The text may have been withdrawn.
		const keyOf = (/** @type {Message} */ { name, sequence, sent, nonce }) => [name, sequence, sent, nonce].join();
		const known = first && last && keyOf(first) === keyOf(last);
		if (newest < seen || !(known || before.epoch === now.epoch)) {
			begin(newest);
			return tell("anew", null);
		}
		for (let at = -1; ; got = await page(at, true)) {
			pass(got.messages);
			if (!got.more || seen >= newest || seen === at) return;
			at = seen;
		}
	}

	/**
	 * Entries above a sequence; for 0 the newest, unless `exactly`. @param {number} after @param {boolean} [exactly] @returns {Promise<Page>}
	 */
	function page(after, exactly) {
		const which = (after || exactly) && { after: String(after) };
		return call("ListMessages", { room_id: room, page_size: PAGE, ...which }, token);
	}

	/** What one read of the stream brought. @param {Message[]} messages */
	function take(messages) {
		const entries = [];
		for (const message of messages) {
			if (message.live) {
				pass(entries.splice(0));
				const newest = Math.max(seen, Number(joined?.sequence ?? 0));
				if (newest > seen) begin(newest);
				live = true;
				set({ phase: "live", sentence: "connected" });
				tell("newest", newest);
				outbox.speakIn(joined?.session ?? "");
			} else if (message.typing) {
				tell("typing", { name: message.name ?? "", active: !!message.typing.active });
			} else if (message.sequence) entries.push(message);
			else if (message.renamed) goBy(message.renamed.name); // only this member is told
		}
		pass(entries);
	}

	/** Each entry goes to the tabs once, in order. @param {Message[]} [entries] */
	function pass(entries = []) {
		const fresh = [];
		let moved = false;
		for (const entry of entries) {
			const sequence = Number(entry.sequence);
			const own = outbox.find(entry.nonce || entry.renamed?.nonce || ""); // whatever the name was then
			if (own) {
				outbox.settle(own.nonce);
				// The answer to a retry may overtake the log; the entry itself is to come.
				if (own.retried && live && sequence > seen + 1) continue;
			}
			if (sequence <= seen) continue;
			seen = sequence;
			last = entry;
			moved = roster.take(entry) || moved;
			if (entry.withdrawn) wiretap.forget(entry.withdrawn.sequence);
			const later = joined && sequence > Number(joined.sequence ?? 0); // than what that has
			if (entry.renamed && later && entry.name === name) goBy(entry.renamed.name);
			if (entry.updated && joined && later) {
				joined = { ...joined, room: { ...joined.room, title: "", closed_to_newcomers: false, ...entry.updated } };
				tell("room", joined.room);
			}
			fresh.push(entry);
		}
		if (fresh.length) tell("entries", fresh);
		if (moved) tell("members", roster.members);
	}

	/** @param {string} now  the name */
	function goBy(now) {
		name = now;
		if (joined) tell("joined", (joined = { ...joined, name }));
	}

	/** Without an answer. @param {object} what */
	function mention(what) {
		const session = joined?.session;
		if (session) call("SendMessage", { session, ...what }, token, POLL, true).catch(() => {});
	}

	/** @param {string} sentence @param {ChatError | null} [failure] */
	function end(sentence, failure) {
		if (state.phase === "over") return;
		const { message = sentence, reason = "", metadata = {} } = failure ?? {};
		set({ phase: "over", sentence: message, reason, metadata });
		outbox.fail(message);
		pulse.stop();
		abort.abort();
		wake();
		ended();
	}

	/** @param {State} next */
	function set(next) {
		state = next;
		tell("state", state);
	}

	/** Wait; `wake` cuts it short. @param {number} ms */
	function pause(ms) {
		return new Promise((done) => {
			wake = () => done(null);
			setTimeout(done, ms);
		});
	}

	return {
		room, run, say: outbox.say,

		/** Read along without a stream. @param {string} sentence */
		async poll(sentence) {
			set({ phase: "polling", sentence });
			while (state.phase === "polling" && !running) {
				try {
					pass((await page(seen)).messages);
				} catch (failure) {
					const error = asError(failure);
					if (decision(error) === "no") return end("", error);
				}
				await pause(POLL);
			}
		},

		/** By its present name, or its session, which goes on under any. @param {Attach} asked */
		isFor: (asked) =>
			asked.room === room &&
			asked.token === token &&
			(asked.name === name || (!!asked.resume && asked.resume.session === resume?.session)),

		hurry() {
			wake();
			void pulse.probe();
		},

		/** @param {boolean} active */
		type: (active) => live && mention({ typing: { active } }),

		leave() {
			mention({ leave: {} });
			end("you left");
		},

		/** All that a tab has to know that comes later. @param {Tell} tellOne */
		catchUp(tellOne) {
			if (joined) tellOne("joined", joined);
			tellOne("members", roster.members);
			tellOne("state", state);
			for (const posted of outbox.posted()) tellOne("posted", posted);
		},
	};
}
