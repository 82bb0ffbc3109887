// Rooms by grpc-web, Google's client for browsers, in mode grpcwebtext.
//
//     node web_text.mjs PROTO_DIRECTORY ADDRESS
//
// What it prints is what test_node.py expects.
import loader from '@grpc/proto-loader';
import { XMLHttpRequest } from './xml_http_request.mjs';

globalThis.XMLHttpRequest = XMLHttpRequest;
const { default: web } = await import('grpc-web');

const [directory, address] = process.argv.slice(2);
const options = { includeDirs: [directory], keepCase: true, enums: String, oneofs: true };
const methods = loader.loadSync('rpc/chat.proto', options)['rpc.ChatService'];
const client = new web.GrpcWebClientBase({ format: 'text' });

// What protoc-gen-grpc-web would have written for a method.
const described = (name) => {
  const { path, responseStream, requestSerialize, responseDeserialize } = methods[name];
  const kind = responseStream ? 'server_streaming' : 'unary';
  const decode = (octets) => responseDeserialize(Buffer.from(octets));
  return [`http://${address}${path}`, new web.MethodDescriptor(path, kind, Object, Object, requestSerialize, decode)];
};

const call = (name, request) => {
  const [url, descriptor] = described(name);
  return client.unaryCall(url, request, {}, descriptor);
};

const subscribe = (label, request) => {
  const [url, descriptor] = described('Subscribe');
  const stream = client.serverStreaming(url, request, {}, descriptor);
  const heard = [];
  let wake = () => {};
  const hear = (line) => {
    heard.push(line);
    wake();
  };
  stream.on('data', (message) => hear(`${label} sees ${message.name}: ${message.message}`));
  stream.on('error', (error) => hear(`${label} ends ${error.code}: ${error.message.replace(request.room_id, '######')}`));
  return async (count) => {
    while (heard.length < count) await new Promise((resolve) => (wake = resolve));
    for (const line of heard.splice(0, count)) console.log(line);
  };
};

const room = await call('CreateChatRoom', { title: 'Tea' });
console.log(`created ${room.room_id.replace(/\d/g, '#')}`);
const { chat_rooms: rooms } = await call('ListChatRooms', {});
console.log(`listed as ${rooms.find((each) => each.room_id === room.room_id).title}`);
const alice = subscribe('Alice', { room_id: room.room_id, name: 'Alice' });
await alice(1);
const bob = subscribe('Bob', { room_id: room.room_id, name: 'Bób ☕' });
await alice(1);
await bob(1);
await call('DeleteChatRoom', { room_id: room.room_id });
await alice(2);
await bob(2);
await call('DeleteChatRoom', { room_id: room.room_id }).catch((error) =>
  console.log(`DeleteChatRoom ends ${error.code}: ${error.message.replace(room.room_id, '######')}`),
);
