/** A text in pieces: nothing but links, code and mentions is interpreted. */

const CODE = /`[^`\n]+`/g;
// Not within a word; ends before what is not seen, or turns the direction of what follows.
const LINK = /(?<![\p{L}\p{N}])https?:\/\/[^\s<>"`\p{Cc}\p{Cf}\u2028\u2029]+/giu;
const TRAILING = /[.,;:!?'"…*_~]/;
const BRACKETS = ["()", "[]", "{}"];
const WORD = /[\p{L}\p{N}]/u;

/** @param {string} text @param {string} name  whose mentions to find; "" for none */
export function pieces(text, name) {
	const parts = split([{ kind: "text", text }], CODE, (code) => ({ kind: "code", text: code }));
	const linked = split(parts, LINK, link);
	if (!name) return linked;
	const sign = new RegExp(`@${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}`, "giu");
	return split(linked, sign, (found, before, after) =>
		WORD.test(before) || WORD.test(after) ? null : { kind: "mention", text: found },
	);
}

/** @param {string} text @param {string} name */
export const mentions = (text, name) => pieces(text, name).some(({ kind }) => kind === "mention");

/** Without what its sentence has put behind it. @param {string} found @returns {Piece | null} */
function link(found) {
	const count = (/** @type {string} */ char) => found.split(char).length;
	const lonely = new Map(BRACKETS.map(([open = "", close = ""]) => [close, count(close) - count(open)]));
	let end = found.length;
	for (; ; end--) {
		const char = found[end - 1] ?? "";
		const left = lonely.get(char) ?? 0;
		if (left <= 0 && !TRAILING.test(char)) break;
		lonely.set(char, left - 1);
	}
	const text = found.slice(0, end);
	if (!URL.canParse(text)) return null;
	const { protocol, href } = new URL(text);
	return /^https?:$/.test(protocol) ? { kind: "link", text, href } : null;
}

/**
 * Find a sign in what is plain text yet; what is made may be shorter than what was found.
 * @param {Piece[]} parts @param {RegExp} sign @param {MakePiece} made
 */
function split(parts, sign, made) {
	/** @type {Piece[]} */
	const all = [];
	for (const part of parts) {
		const { kind, text } = part;
		let at = 0;
		for (const { 0: found, index } of kind === "text" ? text.matchAll(sign) : []) {
			const piece = made(found, text[index - 1] ?? "", text[index + found.length] ?? "");
			if (!piece) continue;
			if (index > at) all.push({ kind, text: text.slice(at, index) });
			all.push(piece);
			at = index + piece.text.length;
		}
		if (!at) all.push(part);
		else if (at < text.length) all.push({ kind, text: text.slice(at) });
	}
	return all;
}
