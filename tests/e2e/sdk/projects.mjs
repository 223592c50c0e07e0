// What belongs to no single session: terminal programs driven from outside, projects, worktrees, and what is experimental.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { DIRECTORY, SERVER, check, fails, gather, ok, run, sdk, shape, until } from "./checking.mjs";

const { createOpencodeClient } = await sdk("v2/index.js");
const client = createOpencodeClient({ baseUrl: SERVER, directory: DIRECTORY });

check("tui", async () => {
  const session = await ok(client.session.create({ title: "Driven" }));
  const events = gather((await client.event.subscribe()).stream);
  await events.of("server.connected");
  assert.equal(await ok(client.tui.appendPrompt({ text: "hello" })), true);
  assert.deepEqual((await events.of("tui.prompt.append")).properties, { text: "hello" });
  for (const open of ["openHelp", "openSessions", "openThemes", "openModels", "submitPrompt", "clearPrompt"]) {
    assert.equal(await ok(client.tui[open]()), true, open);
  }
  assert.equal(await ok(client.tui.executeCommand({ command: "session_new" })), true);
  assert.equal(await ok(client.tui.showToast({ message: "m", variant: "success" })), true);
  assert.equal((await events.of("tui.toast.show")).properties.duration, 5000);
  assert.equal(await ok(client.tui.selectSession({ sessionID: session.id })), true);
  assert.equal((await events.of("tui.session.select")).properties.sessionID, session.id);
  await fails(404, client.tui.selectSession({ sessionID: "ses_000000000000unknown" }));
  const body = { type: "tui.prompt.append", properties: { text: "published" } };
  assert.equal(await ok(client.tui.publish({ body })), true);
});

check("tui.control", async () => {
  let request;
  ok(client.tui.control.next()).then((found) => (request = found));
  await until(async () => (await ok(client.tui.openHelp())) && request);
  assert.equal(request.path, "/tui/open-help");
  assert.equal(await ok(client.tui.control.response({ body: { done: true } })), true);
});

// A repository with one commit, of which a client of its own asks.
function repository(name) {
  const directory = `${DIRECTORY}/${name}`;
  mkdirSync(directory);
  const git = (...words) => execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.invalid", ...words], { cwd: directory });
  git("init", "-q", "-b", "main");
  git("commit", "-q", "--allow-empty", "-m", `begin ${name}`); // equal commits would make them one project
  return createOpencodeClient({ baseUrl: SERVER, directory });
}

check("worktree", async () => {
  const client = repository("repository");
  const events = gather((await client.global.event()).stream, (event) => event.payload);
  await events.of("server.connected");
  const made = await ok(client.worktree.create({ worktreeCreateInput: { name: "By the SDK", startCommand: "touch x" } }));
  shape(made, { name: "string", branch: "string", directory: "string" });
  await events.of("worktree.ready", (event) => event.properties.name === made.name);
  assert.ok((await ok(client.worktree.list())).includes(made.directory));
  const choice = { directory: made.directory };
  assert.equal(await ok(client.worktree.reset({ worktreeResetInput: choice })), true);
  assert.equal(await ok(client.worktree.remove({ worktreeRemoveInput: choice })), true);
  assert.deepEqual(await ok(client.worktree.list()), []);
  const error = await fails(400, client.worktree.remove({ worktreeRemoveInput: { directory: DIRECTORY } }));
  assert.equal(error.name, "WorktreeRemoveFailedError");
});

check("project", async () => {
  const client = repository("named");
  const { id, worktree } = await ok(client.project.current());
  assert.equal(worktree, `${DIRECTORY}/named`);
  assert.equal((await ok(client.project.update({ projectID: id, name: "Named", commands: { start: "true" } }))).name, "Named");
  assert.equal((await ok(client.project.current())).name, "Named");
  assert.ok((await ok(client.project.list())).some((project) => project.id === id && project.name === "Named"));
  assert.deepEqual(await ok(client.project.directories({ projectID: id })), [{ directory: worktree }]);
  await fails(404, client.project.update({ projectID: "unknown", name: "x" }));
});

check("v2.projectCopy", async () => {
  const client = repository("copied");
  const { id } = await ok(client.project.current());
  const { name } = await ok(client.experimental.projectCopy.generateName({ projectID: id, context: "Paint it blue" }));
  assert.equal(name, "paint-it-blue");
  const location = { directory: `${DIRECTORY}/copied` };
  const wish = { projectID: id, location, strategy: "git_worktree", directory: "/somewhere", name };
  const { directory } = await ok(client.v2.projectCopy.create(wish));
  assert.ok((await ok(client.project.directories({ projectID: id }))).some((copy) => copy.directory === directory));
  writeFileSync(`${directory}/new.txt`, "new");
  const removal = { projectID: id, location, directory, force: false };
  assert.equal((await fails(400, client.v2.projectCopy.remove(removal))).data.forceRequired, true);
  await ok(client.v2.projectCopy.remove({ ...removal, force: true }));
  await ok(client.v2.projectCopy.refresh({ projectID: id, location }));
  assert.equal((await ok(client.project.directories({ projectID: id }))).length, 1);
});

check("experimental.controlPlane.moveSession", async () => {
  const client = repository("moved");
  const session = await ok(client.session.create());
  const made = await ok(client.worktree.create({ worktreeCreateInput: {} }));
  const destination = { directory: made.directory };
  await ok(client.experimental.controlPlane.moveSession({ sessionID: session.id, destination }));
  assert.equal((await ok(client.session.get({ sessionID: session.id }))).directory, made.directory);
  const elsewhere = { sessionID: session.id, destination: { directory: "/" } };
  assert.equal((await fails(400, client.experimental.controlPlane.moveSession(elsewhere))).name, "MoveSessionError");
});

check("sync", async () => {
  const session = await ok(client.session.create({ title: "Synced" }));
  assert.equal(await ok(client.sync.start()), true);
  const history = await ok(client.sync.history.list({ body: { ses_known: 5 } }));
  const mine = history.filter((event) => event.aggregate_id === session.id);
  assert.equal(mine[0].type, "session.created.1");
  const events = mine.map(({ aggregate_id: aggregateID, ...rest }) => ({ aggregateID, ...rest }));
  const replay = { body_directory: DIRECTORY, events };
  assert.equal((await ok(client.sync.replay(replay))).sessionID, session.id);
  await fails(400, client.sync.replay({ body_directory: DIRECTORY, events: [] }));
  await fails(400, client.sync.steal({ sessionID: session.id }));
});

check("experimental", async () => {
  const session = await ok(client.session.create());
  assert.deepEqual(await ok(client.experimental.console.listOrgs()), { orgs: [] });
  await fails(400, client.experimental.console.switchOrg({ accountID: "a", orgID: "b" }));
  assert.deepEqual(await ok(client.experimental.workspace.adapter.list()), []);
  await fails(400, client.experimental.workspace.create({ type: "worktree", branch: null }));
  await ok(client.experimental.workspace.syncList());
  assert.equal(await ok(client.experimental.workspace.remove({ id: "wrk_unknown" })), null);
  await ok(client.experimental.workspace.warp({ id: null, sessionID: session.id }));
  await fails(404, client.experimental.workspace.warp({ id: "wrk_unknown", sessionID: session.id }));
  assert.equal(await ok(client.experimental.session.background({ sessionID: session.id })), false);
});

await run();
