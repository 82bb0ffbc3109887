// A client in TypeScript: joins a room, says each line of its standard input, prints what is said.
//   node chat.js 127.0.0.1:8080 lobby Bob      (the proto files are in ./proto, or in $PROTO)
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import * as grpc from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

interface Message {
  name: string;
  message: string;
}
interface Said {
  join?: { room_id: string; name: string; features: string[] };
  message?: { message: string; nonce: string };
  leave?: object;
}

const [address, room_id, name] = process.argv.slice(2) as [string, string, string];
const contract = loadSync("rpc/chat.proto", {
  includeDirs: [process.env["PROTO"] ?? "proto"],
  keepCase: true, // room_id, as in the contract
  enums: String,
});
const Chat = grpc.makeClientConstructor(contract["rpc.ChatService"] as grpc.ServiceDefinition, "");
const client = new Chat(address, grpc.credentials.createInsecure());
const stream = client["Chat"]!() as unknown as grpc.ClientDuplexStream<Said, Message>;

stream.on("data", ({ name, message }: Message) => {
  if (message) console.log(`${name}: ${message}`); // events have a text for people too, but for a few
});
stream.on("error", (error: grpc.ServiceError) => {
  console.error(`${grpc.status[error.code]}: ${error.details}`);
  process.exitCode = 1;
});
stream.on("end", () => client.close());
stream.write({ join: { room_id, name, features: ["FEATURE_EVENTS", "FEATURE_ECHO"] } });
for await (const line of createInterface({ input: process.stdin })) {
  stream.write({ message: { message: line, nonce: randomUUID() } }); // see "Retrying"
}
stream.write({ leave: {} });
stream.end();
