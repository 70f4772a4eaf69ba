// A client on @grpc/grpc-js; see ../README.md for what it is told and what it prints.
import { createInterface } from "node:readline";
import { createRegistry, create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { EmptySchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { file_google_rpc_error_details } from "./gen/google/rpc/error_details_pb.js";
import { StatusSchema } from "./gen/google/rpc/status_pb.js";
import { Health } from "./gen/health/v1/health_pb.js";
import { ContactService } from "./gen/sendgate/v1/contact_pb.js";
import { SendGateService } from "./gen/sendgate/v1/send_gate_pb.js";

const REGISTRY = createRegistry(file_google_rpc_error_details);
const METHODS = new Map(
  [SendGateService, ContactService, Health].flatMap((service) =>
    service.methods.map((method) => [`/${service.typeName}/${method.name}`, method]),
  ),
);
// What the contract does not have is called with an empty message.
const UNKNOWN = { input: EmptySchema, output: EmptySchema };

const clients = new Map();
const calls = new Map();
const stops = new Set();

function connect(channel) {
  const key = JSON.stringify(channel);
  if (!clients.has(key)) {
    const options = { "grpc.use_local_subchannel_pool": 1 };
    if (channel.gzip) options["grpc.default_compression_algorithm"] = grpc.compressionAlgorithms.gzip;
    if (channel.service_config) options["grpc.service_config"] = channel.service_config;
    if (channel.keepalive_s) {
      options["grpc.keepalive_time_ms"] = channel.keepalive_s * 1000;
      options["grpc.keepalive_timeout_ms"] = channel.keepalive_timeout_s * 1000;
      options["grpc.keepalive_permit_without_calls"] = 1;
    }
    clients.set(key, new grpc.Client(channel.target, grpc.credentials.createInsecure(), options));
  }
  return clients.get(key);
}

function metadata(order) {
  const entries = new grpc.Metadata({ waitForReady: true });
  for (const [name, value] of order.metadata ?? [])
    entries.add(name, name.endsWith("-bin") ? Buffer.from(value, "base64") : value);
  return entries;
}

function tell(order, answer) {
  process.stdout.write(`${JSON.stringify({ id: order.id, ...answer })}\n`);
}

function json(schema, message) {
  return toJson(schema, message, { registry: REGISTRY, useProtoFieldName: true });
}

function tellEnd(order, status, more = {}) {
  const [details] = status.metadata.get("grpc-status-details-bin");
  if (details) more.status = json(StatusSchema, fromBinary(StatusSchema, details));
  tell(order, { code: grpc.status[status.code], message: status.details, ...more });
}

// The parts of a call as grpc-js wants them: path, how to write and to read, the request, metadata, options.
function parts(order) {
  const { input, output } = METHODS.get(order.method) ?? UNKNOWN;
  const request = input === EmptySchema ? create(input) : fromJson(input, order.request ?? {});
  return [
    order.method,
    (message) => Buffer.from(toBinary(input, message)),
    (bytes) => json(output, fromBinary(output, bytes)),
    request,
    metadata(order),
    { deadline: Date.now() + order.timeout_s * 1000 },
  ];
}

function call(order, client) {
  let told;
  const begun = client.makeUnaryRequest(...parts(order), (error, response) => {
    told = error ? undefined : response;
  });
  calls.set(order.id, begun);
  begun.on("status", (status) =>
    setImmediate(() => {
      if (told) tell(order, { response: told });
      tellEnd(order, status);
    }),
  );
}

function watch(order, client) {
  const stream = client.makeServerStreamRequest(...parts(order));
  calls.set(order.id, stream);
  stream.on("data", (response) => tell(order, { response }));
  stream.on("error", () => {}); // told with the status
  stream.on("status", (status) => setImmediate(() => tellEnd(order, status)));
}

async function loop(order, client) {
  let count = 0;
  for (let last = false; !last; ) {
    await new Promise((resume) => setTimeout(resume, 5));
    last = stops.has(order.id);
    try {
      const response = await new Promise((resolve, reject) =>
        client.makeUnaryRequest(...parts(order), (error, answer) => (error ? reject(error) : resolve(answer))),
      );
      if (++count === 1) tell(order, { response });
    } catch (error) {
      tellEnd(order, error, { calls: count });
      return;
    }
  }
  tell(order, { code: "OK", message: "", calls: count });
}

function take(order) {
  if (order.do === "stop") {
    stops.add(order.of);
    calls.get(order.of)?.cancel();
    return;
  }
  ({ call, watch, loop })[order.do](order, connect(order.channel));
}

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("line", (line) => take(JSON.parse(line)));
lines.on("close", () => {
  for (const client of clients.values()) client.close();
  process.exit(0); // open watches would go on
});
