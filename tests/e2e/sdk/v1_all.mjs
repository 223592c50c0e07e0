// Every method that the first generation of the SDK has, found by looking into its client, is called once. Reported is,
// by method, what was asked and answered: {route, status, error}.
import { DIRECTORY, SERVER, ok, ownId, script, sdk } from "./checking.mjs";

const { createOpencodeClient } = await sdk("index.js");
const client = createOpencodeClient({ baseUrl: SERVER, directory: DIRECTORY });
const say = (text) => [{ type: "text", text }];
const model = { providerID: "fake", modelID: "fake-1" };
const remote = { type: "remote", url: "http://127.0.0.1:9/mcp", enabled: false };

const create = async () => (await ok(client.session.create({ body: { title: "For every method" } }))).id;
const id = await create();
const turn = await ok(client.session.prompt({ path: { id }, body: { parts: say("before everything") } }));
const messageID = turn.info.id;
const asked = turn.info.parentID;
const own = () => ({ path: { id } });
const terminal = async () => (await client.pty.create({ body: { command: "/bin/sh" } })).data?.id ?? "pty_none";

// The arguments of each: what is here depends on nothing that another one leaves behind.
const CALLS = {
  postSessionIdPermissionsPermissionId: () => ({ path: { id, permissionID: "per_none" }, body: { response: "once" } }),
  "pty.create": () => ({ body: { command: "/bin/sh", args: ["-c", "true"] } }),
  "pty.remove": async () => ({ path: { id: await terminal() } }),
  "pty.get": async () => ({ path: { id: await terminal() } }),
  "pty.update": async () => ({ path: { id: await terminal() }, body: { size: { rows: 20, cols: 90 } } }),
  "pty.connect": async () => ({ path: { id: await terminal() } }),
  "config.update": () => ({ body: { username: "somebody" } }),
  "tool.list": () => ({ query: { provider: "fake", model: "fake-1" } }),
  "session.create": () => ({ body: { title: "One more" } }),
  "session.delete": async () => ({ path: { id: await create() } }),
  "session.get": own,
  "session.update": () => ({ ...own(), body: { title: "Another title" } }),
  "session.children": own,
  "session.todo": own,
  "session.init": async () => ({ path: { id: await create() }, body: { ...model, messageID: ownId("msg") } }),
  "session.fork": () => ({ ...own(), body: { messageID: asked } }),
  "session.abort": own,
  "session.unshare": own,
  "session.share": own,
  "session.diff": own,
  "session.summarize": () => ({ ...own(), body: model }),
  "session.messages": own,
  "session.prompt": async () => ({ ...own(), body: { parts: await script("v1_all", [{ text: "Every method." }]) } }),
  "session.message": () => ({ path: { id, messageID } }),
  "session.promptAsync": async () => ({ path: { id: await create() }, body: { parts: say("later"), noReply: true } }),
  "session.command": () => ({ ...own(), body: { command: "greet", arguments: "Ada" } }),
  "session.shell": () => ({ ...own(), body: { agent: "build", command: "true" } }),
  "session.revert": () => ({ ...own(), body: { messageID: asked } }),
  "session.unrevert": own,
  "provider.oauth.authorize": () => ({ path: { id: "fake" }, body: { method: 0 } }),
  "provider.oauth.callback": () => ({ path: { id: "fake" }, body: { method: 0, code: "none" } }),
  "find.text": () => ({ query: { pattern: "model" } }),
  "find.files": () => ({ query: { query: "opencode" } }),
  "find.symbols": () => ({ query: { query: "model" } }),
  "file.list": () => ({ query: { path: "." } }),
  "file.read": () => ({ query: { path: "opencode.json" } }),
  "app.log": () => ({ body: { service: "test", level: "info", message: "every method" } }),
  "mcp.add": () => ({ body: { name: "faraway", config: remote } }),
  "tui.appendPrompt": () => ({ body: { text: "typed" } }),
  "tui.executeCommand": () => ({ body: { command: "agent_cycle" } }),
  "tui.showToast": () => ({ body: { message: "hello", variant: "info" } }),
  "tui.publish": () => ({ body: { type: "tui.prompt.append", properties: { text: "typed" } } }),
  "tui.control.response": () => ({ body: {} }),
};
for (const name of ["mcp.connect", "mcp.disconnect"]) CALLS[name] = () => ({ path: { name: "faraway" } });
for (const group of ["mcp.auth", "auth"]) {
  for (const name of ["remove", "start", "authenticate"]) CALLS[`${group}.${name}`] = () => ({ path: { name: "faraway" } });
  CALLS[`${group}.callback`] = () => ({ path: { name: "faraway" }, body: { code: "none" } });
  CALLS[`${group}.set`] = () => ({ path: { id: "somebody" }, body: { type: "api", key: "a-secret-of-everybody" } });
}
// These answer when something happens: asked and left.
const WAITING = new Set(["global.event", "event.subscribe", "tui.control.next"]);
const LAST = "instance.dispose";

function methods(object, above = []) {
  const found = [];
  for (let type = Object.getPrototypeOf(object); type && type !== Object.prototype; type = Object.getPrototypeOf(type)) {
    for (const name of Object.getOwnPropertyNames(type)) {
      const isMethod = name !== "constructor" && !name.startsWith("_") && typeof object[name] === "function";
      if (isMethod) found.push([[...above, name].join("."), object[name].bind(object)]);
    }
  }
  for (const [name, value] of Object.entries(object)) {
    if (value && typeof value === "object" && !name.startsWith("_")) found.push(...methods(value, [...above, name]));
  }
  return found;
}

async function call(name, method) {
  let route = "";
  const ending = new AbortController();
  const fetching = (request) => {
    route = `${request.method} ${new URL(request.url).pathname}`;
    return fetch(request);
  };
  const late = setTimeout(() => ending.abort(), WAITING.has(name) ? 500 : 20_000);
  try {
    const given = { ...(await CALLS[name]?.()), fetch: fetching, signal: ending.signal };
    const { error, response, stream } = await method(given);
    if (stream) {
      const first = await stream.next();
      return { route, status: 200, error: first.value ? null : "no event" };
    }
    return { route, status: response?.status ?? 0, error: error ?? null };
  } catch (error) {
    return { route, status: 0, error: `${error}` };
  } finally {
    clearTimeout(late);
    ending.abort();
  }
}

const report = {};
const all = methods(client);
for (const [name, method] of [...all.filter(([n]) => n !== LAST), ...all.filter(([n]) => n === LAST)]) {
  report[name] = await call(name, method);
}
process.stdout.write(JSON.stringify(report), () => process.exit(0));
