// ioredis against three nodes, plain and as a client of a cluster: ioredis.js PORT PORT PORT. A
// check is a line of JSON: [holds, what].
"use strict";

const Redis = require("ioredis");

const ports = process.argv.slice(2).map(Number);
const check = (holds, what) => console.log(JSON.stringify([Boolean(holds), what]));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);

async function failure(promise) {
  try {
    await promise;
    return "no failure";
  } catch (error) {
    return error.message;
  }
}

async function plain() {
  const client = new Redis(ports[0]);
  check((await client.set("io", "1", "EX", 100)) === "OK", "SET with an expiry");
  check((await client.incr("io")) === 2 && (await client.ttl("io")) > 90, "INCR keeps it");
  const piped = await client.pipeline().set("p", "v").get("p").exec();
  check(same(piped, [[null, "OK"], [null, "v"]]), "a pipeline");
  check(same(await client.mget("p", "io", "absent"), ["v", "2", null]), "MGET over slots");
  check((await failure(client.multi().set("never", "1").exec())).includes("MULTI is not supported")
    || (await client.get("never")) === null, "a transaction is refused");
  check((await client.get("never")) === null, "and nothing of it is done");
  check((await failure(client.rename("a", "b"))).includes("CROSSSLOT"), "RENAME over two slots");
  const found = new Set();
  for await (const page of client.scanStream({ match: "p*" })) page.forEach((k) => found.add(k));
  check(found.has("p"), "scanStream");
  client.disconnect();
}

async function cluster() {
  const client = new Redis.Cluster([{ host: "127.0.0.1", port: ports[1] }]);
  const names = Array.from({ length: 200 }, (_, i) => `cluster:${i}`);
  const set = await Promise.all(names.map((name) => client.set(name, name)));
  check(set.every((reply) => reply === "OK"), "Cluster sets");
  const got = await Promise.all(names.map((name) => client.get(name)));
  check(same(got, names), "Cluster gets");
  const known = client.nodes("master").map((node) => node.options.port).sort();
  check(same(known, [...ports].sort()), "Cluster knows every owner");
  check((await client.msetnx("{c}a", "1", "{c}b", "2")) === 1, "Cluster: MSETNX of one slot");
  client.disconnect();
}

plain().then(cluster).catch((error) => {
  console.error(error);
  process.exit(1);
});
