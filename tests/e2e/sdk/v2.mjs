// The second generation of the SDK's client: flat parameters, and the operations which the first does not have.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import {
  ASSISTANT, DIRECTORY, MODEL_SHAPE, PROVIDER, SERVER, SESSION, check, fails, gather, list, ok, ownId, run, script, sdk, shape,
  until,
} from "./checking.mjs";

const { createOpencodeClient } = await sdk("v2/index.js");
const client = createOpencodeClient({ baseUrl: SERVER, directory: DIRECTORY });
const say = (text) => [{ type: "text", text }];
const create = async (fields = {}) => (await ok(client.session.create(fields))).id;
const located = (answer, wanted) => {
  shape(answer, { location: { directory: "string", project: { id: "string", directory: "string" } } });
  return list(answer.data, wanted);
};
const removing = (file) => [
  { tools: [{ name: "bash", args: { command: `rm -f ${file}`, description: "remove" } }] },
  { text: "removed" },
];
const sessionID = "ses_000000000000unknown";

// Starts a prompt that asks for a permission or a question, and waits until that is in its list.
async function asked(family, name, steps) {
  const id = await create();
  const answer = ok(client.session.prompt({ sessionID: id, parts: await script(name, steps) }));
  const request = await until(async () => (await ok(client[family].list())).find((found) => found.sessionID === id));
  return { id, answer, request };
}

check("global.health", async () => {
  const health = await ok(client.global.health());
  assert.equal(health.healthy, true);
  assert.match(health.version, /^\d+\.\d+\.\d+/);
});

check("global.config.get", async () => assert.equal(typeof (await ok(client.global.config.get())), "object"));

check("session.create with everything", async () => {
  const permission = [{ permission: "bash", pattern: "*", action: "deny" }];
  const given = { title: "By v2", agent: "plan", model: { providerID: "fake", id: "fake-2" }, metadata: { a: 1 }, permission };
  const session = await ok(client.session.create(given));
  shape(session, SESSION);
  const { title, agent, model, metadata } = await ok(client.session.get({ sessionID: session.id }));
  assert.deepEqual([title, agent, metadata, session.permission], ["By v2", "plan", { a: 1 }, permission]);
  assert.deepEqual([model.providerID, model.id], ["fake", "fake-2"]);
  await fails(400, client.session.create({ title: 5 }));
});

check("session.list and its filters", async () => {
  const id = await create({ title: "Needle in v2" });
  const child = await create({ title: "Needle's child", parentID: id });
  const ids = async (filters) => list(await ok(client.session.list(filters)), SESSION).map((session) => session.id);
  assert.deepEqual((await ids({ search: "NEEDLE" })).toSorted(), [id, child].toSorted());
  assert.deepEqual(await ids({ search: "needle", roots: true }), [id]);
  assert.equal((await ids({ limit: 1 })).length, 1);
  assert.deepEqual(await ids({ start: Date.now() + 60_000 }), []);
  assert.deepEqual(await ids({ directory: "/nowhere" }), []);
  assert.ok((await ids({ scope: "project" })).includes(id));
});

check("session.update, archived and permission", async () => {
  const id = await create();
  const rule = { permission: "edit", pattern: "*", action: "deny" };
  const session = await ok(client.session.update({ sessionID: id, time: { archived: 12 }, permission: [rule], metadata: { b: 2 } }));
  assert.equal(session.time.archived, 12);
  assert.deepEqual(session.permission.at(-1), rule);
  assert.deepEqual(session.metadata, { b: 2 });
});

check("session.delete takes children along", async () => {
  const id = await create();
  const child = await create({ parentID: id });
  assert.equal(await ok(client.session.delete({ sessionID: id })), true);
  for (const gone of [id, child]) await fails(404, client.session.get({ sessionID: gone }));
  await fails(404, client.session.delete({ sessionID }));
});

check("session.prompt with ids of the client's own", async () => {
  const id = await create();
  const messageID = ownId("msg");
  const part = { id: ownId("prt"), type: "text", text: "mine" };
  const answer = await ok(client.session.prompt({ sessionID: id, messageID, parts: [part] }));
  shape(answer.info, ASSISTANT);
  assert.equal(answer.info.parentID, messageID);
  const [user] = await ok(client.session.messages({ sessionID: id }));
  assert.deepEqual([user.info.id, user.parts[0].id], [messageID, part.id]);
});

check("session.prompt with agent, model, system and tools", async () => {
  const id = await create();
  const model = { providerID: "fake", modelID: "fake-2" };
  const given = { agent: "terse", model, system: "Speak up.", tools: { bash: false } };
  const { info } = await ok(client.session.prompt({ sessionID: id, parts: say("hi"), ...given }));
  assert.deepEqual([info.mode, info.agent, info.modelID], ["terse", "terse", "fake-2"]);
  const [user] = await ok(client.session.messages({ sessionID: id }));
  assert.deepEqual([user.info.system, user.info.tools], ["Speak up.", { bash: false }]);
});

check("session.prompt with a format", async () => {
  const id = await create();
  const schema = { type: "object", properties: { answer: { type: "number" } }, required: ["answer"] };
  const parts = await script("v2_format", [{ tools: [{ name: "StructuredOutput", args: { answer: 42 } }] }, { text: "ok" }]);
  const { info } = await ok(client.session.prompt({ sessionID: id, parts, format: { type: "json_schema", schema } }));
  assert.deepEqual(info.structured, { answer: 42 });
  assert.equal((await ok(client.session.messages({ sessionID: id }))).length >= 2, true);
});

check("session.prompt with files", async () => {
  const id = await create();
  const url = `data:text/plain;base64,${Buffer.from("inside the file").toString("base64")}`;
  const parts = [...say("see"), { type: "file", mime: "text/plain", filename: "f.txt", url }];
  await ok(client.session.prompt({ sessionID: id, parts }));
  const [user] = await ok(client.session.messages({ sessionID: id }));
  assert.ok(user.parts.some((part) => part.type === "file" && part.filename === "f.txt"));
  assert.ok(user.parts.some((part) => part.synthetic && part.text.includes("inside the file")));
});

check("session.prompt of an unknown agent or model", async () => {
  const id = await create();
  const model = { providerID: "fake", modelID: "none" };
  for (const wrong of [{ agent: "nobody" }, { model }]) {
    const { response, error } = await client.session.prompt({ sessionID: id, parts: say("hi"), ...wrong });
    assert.ok(response.status >= 400, `${response.status}`);
    shape(error, { name: "string", data: { message: "string" } });
  }
  assert.equal((await ok(client.session.prompt({ sessionID: id, parts: say("hi") }))).info.error, undefined);
});

check("session.messages by pages", async () => {
  const id = await create();
  for (const text of ["one", "two", "three"]) await ok(client.session.prompt({ sessionID: id, parts: say(text) }));
  const all = await ok(client.session.messages({ sessionID: id }));
  const found = [];
  let before;
  do {
    const { data, response } = await client.session.messages({ sessionID: id, limit: 4, before });
    found.unshift(...data);
    before = response.headers.get("x-next-cursor") ?? undefined;
  } while (before);
  assert.deepEqual(found, all);
  const { response, error } = await client.session.messages({ sessionID: id, limit: 4, before: "nonsense" });
  assert.equal(response.status, 400, JSON.stringify(error));
});

check("session.deleteMessage, part.update and part.delete", async () => {
  const id = await create();
  const { info, parts } = await ok(client.session.prompt({ sessionID: id, parts: say("hi") }));
  const part = parts.find((one) => one.type === "text");
  const place = { sessionID: id, messageID: info.id, partID: part.id };
  assert.equal((await ok(client.part.update({ ...place, part: { ...part, text: "changed" } }))).text, "changed");
  const read = async () => ok(client.session.message({ sessionID: id, messageID: info.id }));
  assert.ok((await read()).parts.some((one) => one.text === "changed"));
  assert.equal(await ok(client.part.delete(place)), true);
  assert.ok(!(await read()).parts.some((one) => one.id === part.id));
  assert.equal(await ok(client.session.deleteMessage({ sessionID: id, messageID: info.id })), true);
  assert.equal((await ok(client.session.messages({ sessionID: id }))).length, 1);
});

check("session.promptAsync, queueing and abort", async () => {
  const id = await create();
  const parts = await script("v2_hang", [{ text: "begun", hang: true }]);
  assert.equal((await client.session.promptAsync({ sessionID: id, parts })).response.status, 204);
  await until(async () => (await ok(client.session.status()))[id]?.type === "busy");
  assert.equal(await ok(client.session.abort({ sessionID: id })), true);
  assert.equal((await ok(client.session.status()))[id], undefined);
  assert.equal(await ok(client.session.abort({ sessionID: id })), true);
  const { parts: after } = await ok(client.session.prompt({ sessionID: id, parts: say("after") }));
  assert.ok(after.some((part) => part.text === "You said: after"));
});

check("session.status with a retry", async () => {
  const id = await create();
  const attempts = [{ status: 503, message: "too busy", headers: { "retry-after": "1" } }, { text: "recovered" }];
  const events = gather((await client.event.subscribe()).stream);
  await events.of("server.connected");
  const answer = await ok(client.session.prompt({ sessionID: id, parts: await script("v2_retry", [{ attempts }]) }));
  const retry = events.seen.find((event) => event.type === "session.status" && event.properties.status.type === "retry");
  shape(retry.properties.status, { attempt: "number", message: "string", next: "number" });
  assert.ok(answer.parts.some((part) => part.text === "recovered"));
});

check("permission.reply once", async () => {
  const { answer, request } = await asked("permission", "v2_once", removing("v2_once"));
  shape(request, { id: "string", permission: "string", patterns: "array", metadata: { command: "string" }, always: "array" });
  shape(request, { tool: { messageID: "string", callID: "string" } });
  assert.deepEqual(request.patterns, ["rm -f v2_once"]);
  assert.equal(await ok(client.permission.reply({ requestID: request.id, reply: "once" })), true);
  assert.ok((await answer).parts.some((part) => part.text === "removed"));
  const error = await fails(404, client.permission.reply({ requestID: request.id, reply: "once" }));
  assert.equal(error._tag, "PermissionNotFoundError");
});

check("permission.reply reject", async () => {
  const { id, answer, request } = await asked("permission", "v2_reject", removing("v2_reject"));
  assert.equal(await ok(client.permission.reply({ requestID: request.id, reply: "reject" })), true);
  await answer;
  const messages = await ok(client.session.messages({ sessionID: id }));
  assert.equal(messages.at(-1).parts.find((part) => part.type === "tool").state.status, "error");
  assert.ok(!(await ok(client.permission.list())).some((pending) => pending.sessionID === id));
});

check("permission.reply reject with a message", async () => {
  const { id, answer, request } = await asked("permission", "v2_told", removing("v2_told"));
  assert.equal(await ok(client.permission.reply({ requestID: request.id, reply: "reject", message: "use git rm" })), true);
  assert.ok((await answer).parts.some((part) => part.text === "removed"));
  assert.match(JSON.stringify(await ok(client.session.messages({ sessionID: id }))), /use git rm/);
});

check("permission.respond, deprecated", async () => {
  const { id, answer, request } = await asked("permission", "v2_respond", removing("v2_respond"));
  assert.equal(await ok(client.permission.respond({ sessionID: id, permissionID: request.id, response: "once" })), true);
  assert.ok((await answer).parts.some((part) => part.text === "removed"));
});

const QUESTION = { question: "Which colour?", header: "Colour", options: [{ label: "Red", description: "r" }, { label: "Blue", description: "b" }] };
const asking = [{ tools: [{ name: "question", args: { questions: [QUESTION] } }] }, { text: "noted" }];

check("question.reply", async () => {
  const { id, answer, request } = await asked("question", "v2_question", asking);
  shape(request, { id: "string", sessionID: "string", questions: "array", tool: { messageID: "string", callID: "string" } });
  assert.equal(request.questions[0].question, "Which colour?");
  assert.equal(await ok(client.question.reply({ requestID: request.id, answers: [["Blue"]] })), true);
  assert.ok((await answer).parts.some((part) => part.text === "noted"));
  assert.match(JSON.stringify(await ok(client.session.messages({ sessionID: id }))), /Blue/);
  const error = await fails(404, client.question.reply({ requestID: request.id, answers: [["Blue"]] }));
  assert.equal(error._tag, "QuestionNotFoundError");
});

check("question.reject", async () => {
  const { answer, request } = await asked("question", "v2_dismissed", asking);
  assert.equal(await ok(client.question.reject({ requestID: request.id })), true);
  assert.ok(!(await answer).parts.some((part) => part.text === "noted"));
  assert.deepEqual(await ok(client.question.list()), []);
});

check("global.event", async () => {
  const events = gather((await client.global.event()).stream, (event) => event.payload);
  await events.of("server.connected");
  const id = await create();
  await events.of("session.created", (event) => event.properties.info.id === id);
  await until(() => events.seen.some((event) => event.type === "sync" && event.syncEvent.aggregateID === id));
});

check("config, providers and their models", async () => {
  assert.equal((await ok(client.config.get())).model, "fake/fake-1");
  const { providers } = await ok(client.config.providers());
  shape(list(providers, PROVIDER).find((one) => one.id === "fake").models["fake-2"], MODEL_SHAPE);
  assert.ok((await ok(client.provider.list())).connected.includes("fake"));
  assert.equal(typeof (await ok(client.provider.auth())), "object");
});

check("auth.set and auth.remove", async () => {
  assert.equal(await ok(client.auth.set({ providerID: "anybody", auth: { type: "api", key: "a-secret-of-v2" } })), true);
  assert.ok(!JSON.stringify(await ok(client.provider.list())).includes("a-secret-of-v2"));
  assert.equal(await ok(client.auth.remove({ providerID: "anybody" })), true);
  await fails(400, client.auth.set({ providerID: "anybody", auth: { type: "nonsense" } }));
});

check("agents, skills, commands", async () => {
  list(await ok(client.app.agents()), { name: "string", mode: "string", permission: "array", options: {} });
  const skills = list(await ok(client.app.skills()), { name: "string", description: "string", location: "string" });
  assert.ok(skills.some((skill) => skill.name === "baking"), JSON.stringify(skills));
  list(await ok(client.command.list()), { name: "string", template: "string", hints: "array" });
});

check("path, project and project.directories", async () => {
  shape(await ok(client.path.get()), { home: "string", state: "string", config: "string", worktree: "string" });
  const { id } = await ok(client.project.current());
  list(await ok(client.project.list()), { id: "string", worktree: "string", time: { created: "number" } });
  assert.ok(Array.isArray(await ok(client.project.directories({ projectID: id }))));
});

check("vcs, lsp, formatter, mcp, log, tools", async () => {
  assert.equal(typeof (await ok(client.vcs.get())), "object");
  assert.deepEqual(await ok(client.lsp.status()), []);
  assert.deepEqual(await ok(client.formatter.status()), []);
  assert.deepEqual(await ok(client.mcp.status()), {});
  assert.equal(await ok(client.app.log({ service: "s", level: "warn", message: "m" })), true);
  assert.ok((await ok(client.tool.ids())).includes("bash"));
  list(await ok(client.tool.list({ provider: "fake", model: "fake-1" })), { id: "string", parameters: {} });
  const error = await fails(400, client.tool.list({}));
  assert.equal(error.data.kind, "Query");
});

check("files and search", async () => {
  const nodes = list(await ok(client.file.list({ path: "." })), { name: "string", path: "string", ignored: "boolean" });
  assert.ok(nodes.some((node) => node.path === ".opencode/" && node.type === "directory"));
  assert.equal((await ok(client.file.read({ path: "opencode.json" }))).type, "text");
  assert.deepEqual(await ok(client.file.status()), []);
  assert.ok((await ok(client.find.text({ pattern: "greet" }))).length > 0);
  assert.deepEqual(await ok(client.find.files({ query: "skill", type: "file", limit: 1 })), [
    ".opencode/skill/baking/SKILL.md",
  ]);
  await fails(400, client.find.files({ query: "skill", limit: 1200 }));
  assert.deepEqual(await ok(client.find.symbols({ query: "x" })), []);
});

check("v2.fs", async () => {
  const location = { directory: DIRECTORY };
  const entry = { path: "string", type: "string" };
  const found = await ok(client.v2.fs.find({ location, query: "opencode" }));
  assert.equal(found.location.directory, DIRECTORY);
  assert.ok(list(found.data, entry).some(({ path }) => path === "opencode.json"));
  assert.ok(list((await ok(client.v2.fs.list({ location }))).data, entry).length > 0);
  await fails(400, client.v2.fs.list({ location, path: ".." }));
});

check("vcs.status, vcs.diff, vcs.apply and project.initGit", async () => {
  const directory = `${DIRECTORY}/fresh`;
  await mkdir(directory);
  const patch = "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+new\n";
  const refused = await fails(400, client.vcs.apply({ directory, patch }));
  assert.deepEqual([refused.name, refused.data.reason], ["VcsApplyError", "non-git"]);
  const project = await ok(client.project.initGit({ directory }));
  assert.deepEqual([project.worktree, project.vcs], [directory, "git"]);
  assert.deepEqual(await ok(client.vcs.status({ directory })), []);
  assert.deepEqual(await ok(client.vcs.apply({ directory, patch })), { applied: true });
  const changed = { file: "n", additions: 1, deletions: 0, status: "added" };
  assert.deepEqual(await ok(client.vcs.status({ directory })), [changed]);
  const [diff] = await ok(client.vcs.diff({ directory, mode: "git", context: 3 }));
  assert.match(diff.patch, /\+new\n$/);
  assert.deepEqual(await ok(client.vcs.diff({ directory, mode: "branch" })), []);
  assert.match(await ok(client.vcs.diff2.raw({ directory })), /^diff --git a\/n b\/n/);
  await fails(400, client.vcs.diff({ directory, mode: "other" }));
});

check("experimental reads", async () => {
  shape(await ok(client.experimental.capabilities.get()), { backgroundSubagents: "boolean" });
  shape(await ok(client.experimental.console.get()), { consoleManagedProviders: "array", switchableOrgCount: "number" });
  assert.equal(typeof (await ok(client.experimental.resource.list())), "object");
  assert.deepEqual(await ok(client.experimental.workspace.list()), []);
  assert.deepEqual(await ok(client.experimental.workspace.status()), []);
  list(await ok(client.experimental.session.list()), { ...SESSION, project: { id: "string", worktree: "string" } });
});

check("v2.health and v2.location", async () => {
  assert.equal((await ok(client.v2.health.get())).healthy, true);
  const location = await ok(client.v2.location.get());
  assert.equal(location.directory, DIRECTORY);
  shape(location, { project: { id: "string", directory: "string" } });
});

check("v2.agent, v2.command, v2.skill, v2.reference, v2.integration", async () => {
  located(await ok(client.v2.agent.list()), { id: "string", mode: "string" });
  located(await ok(client.v2.command.list()), { name: "string", template: "string" });
  located(await ok(client.v2.skill.list()), { name: "string" });
  located(await ok(client.v2.reference.list()), {});
  located(await ok(client.v2.integration.list()), { id: "string", name: "string" });
});

check("v2.model and v2.provider", async () => {
  const models = located(await ok(client.v2.model.list()), { id: "string", providerID: "string", name: "string" });
  assert.ok(models.some((model) => model.id === "fake-1" && model.providerID === "fake"));
  const providers = located(await ok(client.v2.provider.list()), { id: "string", name: "string" });
  assert.ok(providers.some((provider) => provider.id === "fake"));
  assert.equal((await ok(client.v2.provider.get({ providerID: "fake" }))).data.id, "fake");
  const error = await fails(404, client.v2.provider.get({ providerID: "unheard-of" }));
  assert.equal(typeof error._tag, "string");
});

check("v2.session.list", async () => {
  const id = await create();
  const { data } = await ok(client.v2.session.list({ limit: 5000, order: "desc" }));
  assert.ok(data.some((session) => session.id === id));
});

check("throwOnError", async () => {
  await assert.rejects(client.session.get({ sessionID }, { throwOnError: true }), (error) => {
    assert.match(error.message, /Session not found/);
    assert.equal(error.cause.status, 404);
    return true;
  });
});

check("what is not served says so", async () => {
  const answer = await fetch(`${SERVER}/no/such/path`);
  assert.equal(answer.status, 404);
  assert.match(answer.headers.get("content-type"), /json/);
  shape(await answer.json(), { name: "string", data: { message: "string" } });
});

check("global.dispose", async () => {
  const events = gather((await client.global.event()).stream, (event) => event.payload);
  await events.of("server.connected");
  assert.equal(await ok(client.global.dispose()), true);
  await events.of("global.disposed");
  assert.equal((await ok(client.config.get())).model, "fake/fake-1");
});

await run();
