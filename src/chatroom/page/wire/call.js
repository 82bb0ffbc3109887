/** Calls that answer once: Connect's unary protocol, a POST of JSON. */

import { ChatError, asError, errorFrom } from "./errors.js";

/**
 * @param {string} method  of ChatService, unless it names another @param {string} type  of the content @param {BodyInit} body
 * @param {string} token @param {RequestInit} more
 */
export const post = (method, type, body, token, more) =>
	fetch(`/rpc.${method.includes("/") ? method : `ChatService/${method}`}`, {
		method: "POST",
		body,
		cache: "no-store",
		credentials: "omit",
		headers: {
			"content-type": type,
			"connect-protocol-version": "1",
			...(token && { authorization: `Bearer ${token}` }),
		},
		...more,
	});

/**
 * Throws a ChatError. @param {string} method @param {object} request @param {string} token
 * @param {number} [patience]  in ms @param {boolean} [keepalive] @returns {Promise<any>}
 */
export async function call(method, request, token, patience = 15000, keepalive = false) {
	let response;
	let body;
	try {
		const more = { signal: AbortSignal.timeout(patience), keepalive };
		response = await post(method, "application/json", JSON.stringify(request), token, more);
		body = await response.text();
	} catch (failure) {
		throw asError(failure);
	}
	let answer;
	try {
		answer = JSON.parse(body);
	} catch {
		throw new ChatError("unavailable", `the server answered ${response.status}`);
	}
	if (!response.ok) throw errorFrom(answer);
	return answer;
}
