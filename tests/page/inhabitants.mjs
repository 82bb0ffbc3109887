// Who is in a room without a page.

import { base } from "./people.mjs";

/** A message in its envelope, as Subscribe wants it. */
export function enveloped(message) {
  const json = new TextEncoder().encode(JSON.stringify(message));
  const body = new Uint8Array(5 + json.length);
  new DataView(body.buffer).setUint32(1, json.length);
  body.set(json, 5);
  return body;
}

/** Join, and stay; the session that lets them speak. */
export async function inhabit(room_id, name) {
  const body = enveloped({ room_id, name, features: ["FEATURE_EVENTS"], history: 0 });
  const headers = { "content-type": "application/connect+json" };
  const response = await fetch(`${base}/rpc.ChatService/Subscribe`, { method: "POST", headers, body });
  const reader = response.body.getReader();
  let told = "";
  while (!told.includes('"session"')) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`${name} did not get in: ${told}`);
    told += new TextDecoder().decode(value);
  }
  return /"session": ?"([^"]+)"/.exec(told)[1];
}
