// Runs inside the image: the proxy starts as nobody, answers its API to whoever has the token, and routes.
import assert from "node:assert/strict";
import { spawn, execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

assert.equal(execFileSync("configurable-http-proxy", ["--version"], { encoding: "utf8" }).trim(), "5.2.0");
for (const program of ["/usr/bin/npm", "/usr/bin/gcc"]) assert(!existsSync(program), `${program} is in the image`);

const server = createServer((request, response) => response.end(`server ${request.url}`)).listen(9000, "127.0.0.1");
const proxy = spawn("configurable-http-proxy", ["--ip=127.0.0.1", "--port=8000", "--api-ip=127.0.0.1", "--api-port=8001"], {
  env: { PATH: process.env.PATH, CONFIGPROXY_AUTH_TOKEN: "secret" },
  uid: 65534,
  gid: 65534,
  stdio: ["ignore", "ignore", "inherit"],
});
try {
  const api = (path, options = {}) =>
    fetch(`http://127.0.0.1:8001/api/routes${path}`, { headers: { Authorization: "token secret" }, ...options });
  let answer;
  for (let tries = 0; tries < 100 && !answer; tries++) answer = await api("/").catch(() => sleep(100));
  assert.equal(answer?.status, 200, "the API does not answer");
  assert.equal((await api("/", { headers: {} })).status, 403, "the API answers without the token");
  const body = JSON.stringify({ target: "http://127.0.0.1:9000" });
  assert.equal((await api("/user/anna", { method: "POST", body })).status, 201);
  assert.equal(await (await fetch("http://127.0.0.1:8000/user/anna/x")).text(), "server /user/anna/x");
  assert.equal((await fetch("http://127.0.0.1:8000/user/ben/x")).status, 404, "an unknown route is answered");
  console.log("passed: version, API, token, routing");
} finally {
  proxy.kill();
  server.close();
}
