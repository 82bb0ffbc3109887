// A client without a library: shows a room and says a line, in Node 20 or newer.
//   node examples/room.mjs http://localhost:8080 lobby Parrot "hello from JavaScript"
const [origin, room_id, name, text] = process.argv.slice(2);
const method = (called) => `${origin}/rpc.ChatService/${called}`;

// An envelope: a byte of flags, four of length, the message (here: JSON).
function envelope(message) {
  const payload = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(5 + payload.length);
  new DataView(bytes.buffer).setUint32(1, payload.length);
  bytes.set(payload, 5);
  return bytes;
}

async function* subscribe(join) {
  const headers = { "content-type": "application/connect+json" };
  const { body } = await fetch(method("Subscribe"), { method: "POST", headers, body: envelope(join) });
  let kept = new Uint8Array();
  for await (const piece of body) {
    kept = new Uint8Array([...kept, ...piece]);
    for (let size; kept.length >= 5; kept = kept.slice(5 + size)) {
      size = new DataView(kept.buffer, kept.byteOffset).getUint32(1);
      if (kept.length < 5 + size) break;
      const message = JSON.parse(new TextDecoder().decode(kept.subarray(5, 5 + size)));
      if (kept[0] & 2) throw new Error(message.error?.message ?? "the stream has ended");
      yield message;
    }
  }
}

const features = ["FEATURE_EVENTS", "FEATURE_ECHO"];
for await (const message of subscribe({ room_id, name, features })) {
  console.log(`${message.name}: ${message.message ?? ""}`);
  if (message.joined && text) {
    const said = { session: message.joined.session, message: { message: text, nonce: "1" } };
    const headers = { "content-type": "application/json" };
    await fetch(method("SendMessage"), { method: "POST", headers, body: JSON.stringify(said) });
  }
}
