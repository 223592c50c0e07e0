// What belongs to no single session: terminal programs driven from outside, projects, worktrees, and what is experimental.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
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
  git("commit", "-q", "--allow-empty", "-m", "begin");
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

await run();
