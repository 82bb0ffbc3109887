// A conversation by @grpc/grpc-js, which prints what each member sees.
//
//     node chat.mjs PROTO_DIRECTORY ADDRESS
//
// What it prints is what test_node.py expects.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';

const [directory, address] = process.argv.slice(2);
const { rpc } = grpc.loadPackageDefinition(
  loader.loadSync('rpc/chat.proto', { includeDirs: [directory], keepCase: true, enums: String, oneofs: true }),
);
const client = new rpc.ChatService(address, grpc.credentials.createInsecure(), {
  'grpc.default_compression_algorithm': grpc.compressionAlgorithms.gzip,
  'grpc.keepalive_time_ms': 1000,
});
const LONG = 'Grüße 👋'.repeat(200);
const deadline = () => ({ deadline: Date.now() + 20_000 });

// The answer of a unary method.
const call = (method, request) =>
  new Promise((resolve, reject) =>
    client[method](request, deadline(), (error, answer) => (error ? reject(error) : resolve(answer))),
  );

class Member {
  constructor(label, join) {
    this.label = label;
    this.stream = client.Chat(deadline());
    this.status = new Promise((resolve) => this.stream.on('status', resolve));
    this.stream.on('error', () => {}); // The status says it too.
    this.messages = this.stream[Symbol.asyncIterator]();
    this.stream.write({ join });
  }

  say(text, nonce) {
    this.stream.write({ message: { message: text, nonce } });
  }

  async sees() {
    const { value } = await this.messages.next();
    const text = value.message?.replace(LONG, 'a long line');
    const whole = {
      joined: () => `joined, ${value.joined.room.title} with ${value.joined.members.map((each) => each.name)}`,
      live: () => 'live',
      refused: () => `${value.refused.nonce} refused: ${value.refused.reason}`,
    }[value.event];
    console.log(`${this.label} sees ${whole?.() ?? `${value.name}: ${text}`}`);
  }

  async ends() {
    const { code, metadata } = await this.status;
    // Which ErrorInfo.reason stands in the details, found without parsing them.
    const details = metadata.get('grpc-status-details-bin').join('');
    const reason = /[A-Z]{3,}_[A-Z_]+/.exec(details)?.[0] ?? 'no reason';
    console.log(`${this.label} ends ${grpc.status[code]}, ${reason}`);
  }
}

const { room_id: room } = await call('CreateChatRoom', { title: 'Tea' });
console.log(`created ${room.replace(/[0-9]/g, '#')}`);
const { chat_rooms: rooms } = await call('ListChatRooms', {});
console.log(`listed as ${rooms.find((each) => each.room_id === room).title}`);

const alice = new Member('Alice', { room_id: room, name: 'Alice' });
await alice.sees();
const bob = new Member('Bob', {
  room_id: room,
  name: 'Bob',
  features: ['FEATURE_EVENTS', 'FEATURE_ECHO'],
});
await bob.sees();
await bob.sees();
await bob.sees();
await alice.sees();

alice.say('Hello Bob');
await bob.sees();
bob.say(LONG);
await bob.sees();
await alice.sees();
bob.say('x'.repeat(5000), 'n1');
await bob.sees();

const carol = new Member('Carol', { room_id: room, name: 'Carol', history: 1 });
await carol.sees();
await carol.sees();
await alice.sees();
await bob.sees();
carol.stream.cancel();
await carol.ends();
await alice.sees();
await bob.sees();
alice.stream.write({ leave: {} });
await alice.ends();
await bob.sees();

await call('DeleteChatRoom', { room_id: room });
await bob.sees();
await bob.ends();
const late = new Member('Late', { room_id: room, name: 'Late' });
await late.ends();
await call('DeleteChatRoom', { room_id: room }).catch((error) =>
  console.log(`DeleteChatRoom ends ${grpc.status[error.code]}`),
);
client.close();
