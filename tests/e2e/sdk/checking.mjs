// Named checks one after another; a failed one does not stop the others. What became of them goes to standard output.
import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";

const checks = [];

export const { SERVER, DIRECTORY, MODEL } = process.env;

export async function sdk(file) {
  return import(pathToFileURL(`${process.env.MODULES}/@opencode-ai/sdk/dist/${file}`));
}

export function check(name, body) {
  checks.push([name, body]);
}

export async function run() {
  const report = {};
  for (const [name, body] of checks) {
    const limit = new Promise((_, reject) => setTimeout(() => reject(new Error("no end after 20 s")), 20_000).unref());
    try {
      await Promise.race([body(), limit]);
      report[name] = "";
    } catch (error) {
      report[name] = `${error.stack ?? error}`;
    }
  }
  process.stdout.write(JSON.stringify(report), () => process.exit(0));
}

// The data of an answer that must be a success.
export async function ok(answer) {
  const { data, error, response } = await answer;
  assert.equal(error, undefined, `${response?.status} ${JSON.stringify(error)}`);
  return data;
}

// The body of an answer that must be a failure with this status.
export async function fails(status, answer) {
  const { error, data, response } = await answer;
  assert.equal(response?.status, status, JSON.stringify(data ?? error));
  return error;
}

// Every key with a value of this type ("array" is one of them), or as the nested shape says; others may be there too.
export function shape(value, wanted, where = "it") {
  for (const [key, type] of Object.entries(wanted)) {
    const found = value?.[key];
    if (typeof type === "object") shape(found, type, `${where}.${key}`);
    else assert.equal(Array.isArray(found) ? "array" : typeof found, type, `${where}.${key}: ${JSON.stringify(found)}`);
  }
}

export function list(value, wanted) {
  assert.ok(Array.isArray(value), JSON.stringify(value));
  for (const item of value) shape(item, wanted, "item");
  return value;
}

export async function until(condition) {
  for (;;) {
    const found = await condition();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function script(name, steps) {
  await fetch(`${MODEL}/scripts`, { method: "POST", body: JSON.stringify({ [name]: steps }) });
  return [{ type: "text", text: `script:${name}` }];
}

// An id as clients make them: it sorts by time.
export function ownId(prefix) {
  const time = BigInt.asUintN(48, BigInt(Date.now()) * 4096n).toString(16).padStart(12, "0");
  return `${prefix}_${time}${Math.random().toString(36).slice(2).padEnd(14, "0").slice(0, 14)}`;
}

// Gathers what a stream of events brings; `of(type)` waits for one.
export function gather(stream, unwrap = (event) => event) {
  const seen = [];
  const end = (async () => {
    for await (const event of stream) seen.push(unwrap(event));
  })();
  end.catch(() => {});
  return { seen, of: (type, more = () => true) => until(() => seen.find((e) => e.type === type && more(e))) };
}

export const SESSION = {
  id: "string", slug: "string", projectID: "string", directory: "string", title: "string", version: "string",
  time: { created: "number", updated: "number" },
};
export const USER = { id: "string", sessionID: "string", role: "string", agent: "string", time: { created: "number" } };
export const TOKENS = { input: "number", output: "number", reasoning: "number", cache: { read: "number", write: "number" } };
export const ASSISTANT = {
  id: "string", sessionID: "string", role: "string", parentID: "string", mode: "string", modelID: "string",
  providerID: "string", cost: "number", tokens: TOKENS, path: { cwd: "string", root: "string" },
  time: { created: "number", completed: "number" },
};
export const PROVIDER = { id: "string", name: "string", source: "string", env: "array", options: {}, models: {} };
export const MODEL_SHAPE = {
  id: "string", providerID: "string", name: "string", status: "string", options: {}, headers: {},
  capabilities: { toolcall: "boolean", reasoning: "boolean", attachment: "boolean", temperature: "boolean" },
  cost: { input: "number", output: "number", cache: { read: "number", write: "number" } },
  limit: { context: "number", output: "number" },
};
