// The first generation of the SDK's client: one call of every operation that is served.
import assert from "node:assert/strict";
import {
  ASSISTANT, DIRECTORY, MODEL_SHAPE, PROVIDER, SERVER, SESSION, TOKENS, USER, check, fails, gather, list, ok, ownId, run, script,
  sdk, shape, until,
} from "./checking.mjs";

const { createOpencodeClient } = await sdk("index.js");
const client = createOpencodeClient({ baseUrl: SERVER, directory: DIRECTORY });
const say = (text) => [{ type: "text", text }];
const create = async (body = {}) => (await ok(client.session.create({ body }))).id;
const prompt = (id, body) => ok(client.session.prompt({ path: { id }, body }));
const removing = (file) => [
  { tools: [{ name: "bash", args: { command: `rm -f ${file}`, description: "remove" } }] },
  { text: "removed" },
];
const unknown = { path: { id: "ses_000000000000unknown" } };

check("session.create", async () => {
  const session = await ok(client.session.create({ body: { title: "By v1" } }));
  shape(session, SESSION);
  assert.match(session.id, /^ses_/);
  assert.equal(session.title, "By v1");
  assert.equal(session.directory, DIRECTORY);
});

check("session.get", async () => {
  const id = await create({ title: "Got" });
  assert.equal((await ok(client.session.get({ path: { id } }))).title, "Got");
  const error = await fails(404, client.session.get(unknown));
  assert.equal(error.name, "NotFoundError");
  shape(error, { data: { message: "string" } });
});

check("session.list", async () => {
  const id = await create();
  const sessions = list(await ok(client.session.list()), SESSION);
  assert.equal(sessions[0].id, id);
  assert.ok(sessions.every((session) => session.directory === DIRECTORY));
});

check("session.update", async () => {
  const id = await create();
  assert.equal((await ok(client.session.update({ path: { id }, body: { title: "New" } }))).title, "New");
  assert.equal((await ok(client.session.get({ path: { id } }))).title, "New");
  await fails(404, client.session.update({ ...unknown, body: { title: "New" } }));
});

check("session.delete", async () => {
  const id = await create();
  assert.equal(await ok(client.session.delete({ path: { id } })), true);
  await fails(404, client.session.get({ path: { id } }));
});

check("session.children", async () => {
  const id = await create();
  const child = await create({ parentID: id });
  const children = list(await ok(client.session.children({ path: { id } })), SESSION);
  assert.deepEqual(children.map((session) => [session.id, session.parentID]), [[child, id]]);
});

check("session.prompt", async () => {
  const id = await create();
  const parts = await script("v1_prompt", [{ text: "Hello v1", chunks: 3 }]);
  const answer = await prompt(id, { parts });
  shape(answer.info, ASSISTANT);
  assert.equal(answer.info.role, "assistant");
  assert.deepEqual(answer.parts.map((part) => part.type), ["step-start", "text", "step-finish"]);
  assert.equal(answer.parts[1].text, "Hello v1");
  assert.deepEqual(answer.info.tokens.output, 20);
  shape(answer.parts[2], { reason: "string", cost: "number", tokens: TOKENS });
  await fails(404, client.session.prompt({ ...unknown, body: { parts } }));
  const error = await fails(400, client.session.prompt({ path: { id }, body: {} }));
  assert.equal(error.name, "BadRequest");
  assert.match(error.data.message, /parts/);
});

check("session.prompt with noReply", async () => {
  const id = await create();
  const answer = await prompt(id, { parts: say("for later"), noReply: true });
  shape(answer.info, USER);
  assert.equal(answer.info.role, "user");
  assert.equal(answer.parts[0].text, "for later");
});

check("session.prompt with a tool", async () => {
  const id = await create();
  const call = { name: "bash", args: { command: "echo tool output", description: "echo" } };
  await prompt(id, { parts: await script("v1_tool", [{ tools: [call] }, { text: "done" }]) });
  const messages = await ok(client.session.messages({ path: { id } }));
  assert.deepEqual(messages.map((message) => message.info.role), ["user", "assistant", "assistant"]);
  const tool = messages[1].parts.find((part) => part.type === "tool");
  assert.equal(tool.tool, "bash");
  shape(tool, { callID: "string", state: { status: "string", input: {}, output: "string", title: "string" } });
  shape(tool.state, { metadata: { output: "string", exit: "number" }, time: { start: "number", end: "number" } });
  assert.equal(tool.state.output.trim(), "tool output");
});

check("session.prompt with the model's error", async () => {
  const id = await create();
  const parts = await script("v1_error", [{ status: 400, message: "no more of this" }]);
  const answer = await prompt(id, { parts });
  assert.equal(answer.info.error.name, "APIError");
  assert.match(answer.info.error.data.message, /no more of this/);
});

check("session.promptAsync", async () => {
  const id = await create();
  const answer = await client.session.promptAsync({ path: { id }, body: { parts: say("later") } });
  assert.equal(answer.response.status, 204);
  await until(async () => {
    const messages = await ok(client.session.messages({ path: { id } }));
    return messages.at(-1)?.parts.some((part) => part.type === "text" && part.text === "You said: later");
  });
});

check("session.messages and session.message", async () => {
  const id = await create();
  for (const text of ["one", "two"]) await prompt(id, { parts: say(text) });
  const all = await ok(client.session.messages({ path: { id } }));
  assert.equal(all.length, 4);
  const newest = await ok(client.session.messages({ path: { id }, query: { limit: 2 } }));
  assert.deepEqual(newest.map((message) => message.info.id), all.slice(2).map((message) => message.info.id));
  const one = await ok(client.session.message({ path: { id, messageID: all[1].info.id } }));
  assert.deepEqual(one, all[1]);
  await fails(404, client.session.message({ path: { id, messageID: "msg_000000000000unknown" } }));
  await fails(404, client.session.messages(unknown));
});

check("session.fork", async () => {
  const id = await create({ title: "Stem" });
  for (const text of ["one", "two"]) await prompt(id, { parts: say(text) });
  const messages = await ok(client.session.messages({ path: { id } }));
  const whole = await ok(client.session.fork({ path: { id } }));
  assert.equal(whole.title, "Stem (fork #1)");
  assert.equal((await ok(client.session.messages({ path: { id: whole.id } }))).length, 4);
  const half = await ok(client.session.fork({ path: { id }, body: { messageID: messages[2].info.id } }));
  const kept = await ok(client.session.messages({ path: { id: half.id } }));
  assert.equal(kept.length, 2);
  assert.notEqual(kept[0].info.id, messages[0].info.id);
});

check("session.status and session.abort", async () => {
  const id = await create();
  const parts = await script("v1_hang", [{ text: "begun", hang: true }]);
  const answer = prompt(id, { parts });
  await until(async () => (await ok(client.session.status()))[id]?.type === "busy");
  await until(async () => (await ok(client.session.messages({ path: { id } }))).length === 2);
  assert.equal(await ok(client.session.abort({ path: { id } })), true);
  assert.equal((await answer).info.error.name, "MessageAbortedError");
  assert.equal((await ok(client.session.status()))[id], undefined);
});

check("session.todo", async () => {
  const id = await create();
  assert.deepEqual(await ok(client.session.todo({ path: { id } })), []);
  const todos = [{ content: "write", status: "in_progress", priority: "high" }];
  await prompt(id, { parts: await script("v1_todo", [{ tools: [{ name: "todowrite", args: { todos } }] }, { text: "ok" }]) });
  const [todo] = list(await ok(client.session.todo({ path: { id } })), { content: "string", status: "string" });
  assert.equal(todo.content, "write");
});

check("session.diff", async () => assert.deepEqual(await ok(client.session.diff({ path: { id: await create() } })), []));

check("session.summarize", async () => {
  const id = await create();
  await prompt(id, { parts: say("one") });
  const body = { providerID: "fake", modelID: "fake-1" };
  assert.equal(await ok(client.session.summarize({ path: { id }, body })), true);
  const messages = await ok(client.session.messages({ path: { id } }));
  assert.ok(messages.some((message) => message.info.summary === true && message.info.role === "assistant"));
});

check("session.init", async () => {
  const id = await create();
  const body = { providerID: "fake", modelID: "fake-1", messageID: ownId("msg") };
  assert.equal(await ok(client.session.init({ path: { id }, body })), true);
  assert.equal((await ok(client.session.messages({ path: { id } })))[0].info.id, body.messageID);
});

check("session.command", async () => {
  const id = await create();
  const answer = await ok(client.session.command({ path: { id }, body: { command: "greet", arguments: "Ada" } }));
  shape(answer.info, ASSISTANT);
  assert.ok(answer.parts.some((part) => part.type === "text" && part.text === "You said: Greet Ada politely"));
});

check("session.shell", async () => {
  const id = await create();
  const answer = await ok(client.session.shell({ path: { id }, body: { agent: "build", command: "echo from the shell" } }));
  shape(answer.info, ASSISTANT);
  assert.equal(answer.parts[0].state.output.trim(), "from the shell");
});

check("permission by the old reply", async () => {
  const id = await create();
  const events = gather((await client.event.subscribe()).stream);
  await events.of("server.connected");
  const answer = prompt(id, { parts: await script("v1_permission", removing("v1_file")) });
  const asked = await events.of("permission.asked", (event) => event.properties.sessionID === id);
  shape(asked.properties, { id: "string", permission: "string", patterns: "array", metadata: {}, always: "array" });
  const permissionID = asked.properties.id;
  const reply = client.postSessionIdPermissionsPermissionId({ path: { id, permissionID }, body: { response: "once" } });
  assert.equal(await ok(reply), true);
  await events.of("permission.replied", (event) => event.properties.requestID === permissionID);
  assert.ok((await answer).parts.some((part) => part.text === "removed"));
  const again = client.postSessionIdPermissionsPermissionId({ path: { id, permissionID }, body: { response: "once" } });
  await fails(404, again);
});

check("event.subscribe", async () => {
  const events = gather((await client.event.subscribe()).stream);
  await events.of("server.connected");
  const id = await create();
  await prompt(id, { parts: await script("v1_event", [{ text: "streamed text", chunks: 4 }]) });
  await events.of("session.idle", (event) => event.properties.sessionID === id);
  const types = events.seen.map((event) => event.type);
  for (const type of ["session.created", "session.status", "message.updated", "message.part.updated"]) {
    assert.ok(types.includes(type), `${type} is missing among ${types}`);
  }
  const deltas = events.seen.filter((event) => event.type === "message.part.delta" && event.properties.sessionID === id);
  assert.equal(deltas.map((event) => event.properties.delta).join(""), "streamed text");
});

check("global.event", async () => {
  const events = gather((await client.global.event()).stream, (event) => ({ ...event.payload, directory: event.directory }));
  await events.of("server.connected");
  const id = await create();
  const created = await events.of("session.created", (event) => event.properties.info.id === id);
  assert.equal(created.directory, DIRECTORY);
});

check("config.get", async () => {
  const config = await ok(client.config.get());
  shape(config, { agent: {}, command: {}, mode: {}, plugin: "array", username: "string" });
  assert.equal(config.model, "fake/fake-1");
  assert.notEqual(config.provider.fake.options.apiKey, "x");
});

check("config.providers", async () => {
  const answer = await ok(client.config.providers());
  const fake = list(answer.providers, PROVIDER).find((provider) => provider.id === "fake");
  shape(fake.models["fake-1"], MODEL_SHAPE);
  assert.equal(answer.default.fake, "fake-1");
});

check("provider.list and provider.auth", async () => {
  const answer = await ok(client.provider.list());
  list(answer.all, { id: "string", name: "string", env: "array", models: {} });
  assert.ok(answer.connected.includes("fake"));
  shape(answer, { default: {} });
  assert.equal(typeof (await ok(client.provider.auth())), "object");
});

check("auth.set", async () => {
  const body = { type: "api", key: "a-secret-of-v1" };
  assert.equal(await ok(client.auth.set({ path: { id: "somebody" }, body })), true);
  const everything = JSON.stringify([await ok(client.provider.list()), await ok(client.config.get())]);
  assert.ok(!everything.includes("a-secret-of-v1"));
  const removed = await fetch(`${SERVER}/auth/somebody`, { method: "DELETE" });
  assert.equal(await removed.json(), true);
});

check("app.agents", async () => {
  const agents = list(await ok(client.app.agents()), { name: "string", mode: "string", permission: "array", options: {} });
  const names = agents.map((agent) => agent.name);
  for (const name of ["build", "plan", "general", "terse"]) assert.ok(names.includes(name), name);
});

check("app.log", async () => {
  assert.equal(await ok(client.app.log({ body: { service: "test", level: "info", message: "hello", extra: { a: 1 } } })), true);
  await fails(400, client.app.log({ body: { service: "test", level: "shout", message: "hello" } }));
});

check("command.list", async () => {
  const commands = list(await ok(client.command.list()), { name: "string", template: "string" });
  assert.ok(commands.some((command) => command.name === "greet"));
});

check("path.get", async () => {
  const path = await ok(client.path.get());
  shape(path, { state: "string", config: "string", worktree: "string", directory: "string" });
  assert.equal(path.directory, DIRECTORY);
});

check("project.list and project.current", async () => {
  const current = await ok(client.project.current());
  shape(current, { id: "string", worktree: "string", time: { created: "number" } });
  list(await ok(client.project.list()), { id: "string", worktree: "string" });
});

check("vcs, lsp, formatter and mcp", async () => {
  assert.equal(typeof (await ok(client.vcs.get())), "object");
  assert.deepEqual(await ok(client.lsp.status()), []);
  assert.deepEqual(await ok(client.formatter.status()), []);
  assert.deepEqual(await ok(client.mcp.status()), {});
});

check("file.list, file.read and file.status", async () => {
  const nodes = list(await ok(client.file.list({ query: { path: "" } })), {
    name: "string", path: "string", absolute: "string", type: "string", ignored: "boolean",
  });
  assert.ok(nodes.some((node) => node.path === "opencode.json" && node.absolute === `${DIRECTORY}/opencode.json`));
  const content = await ok(client.file.read({ query: { path: "opencode.json" } }));
  assert.equal(content.type, "text");
  assert.ok(JSON.parse(content.content).provider);
  list(await ok(client.file.status()), { path: "string", added: "number", removed: "number", status: "string" });
  const error = await fails(400, client.file.read({ query: { path: "../../etc/passwd" } }));
  assert.equal(error.name, "BadRequest");
});

check("find.text, find.files and find.symbols", async () => {
  const [match] = list(await ok(client.find.text({ query: { pattern: "Greet \\$1" } })), {
    path: { text: "string" }, lines: { text: "string" }, line_number: "number", absolute_offset: "number", submatches: "array",
  });
  assert.equal(match.path.text, "opencode.json");
  assert.equal(match.submatches[0].match.text, "Greet $1");
  assert.deepEqual(await ok(client.find.files({ query: { query: "opn json" } })), ["opencode.json"]);
  assert.deepEqual(await ok(client.find.symbols({ query: { query: "x" } })), []);
  await fails(400, client.find.text({ query: { pattern: "(" } }));
});

check("tool.ids and tool.list", async () => {
  const ids = await ok(client.tool.ids());
  for (const id of ["bash", "read", "edit", "write", "task"]) assert.ok(ids.includes(id), id);
  const tools = list(await ok(client.tool.list({ query: { provider: "fake", model: "fake-1" } })), {
    id: "string", description: "string", parameters: {},
  });
  assert.ok(tools.length > 5);
});

check("instance.dispose", async () => {
  const events = gather((await client.event.subscribe()).stream);
  await events.of("server.connected");
  assert.equal(await ok(client.instance.dispose()), true);
  await events.of("server.instance.disposed");
  assert.equal((await ok(client.config.get())).model, "fake/fake-1");
});

check("throwOnError", async () => {
  await assert.rejects(client.session.get({ ...unknown, throwOnError: true }), /Session not found/);
});

await run();
