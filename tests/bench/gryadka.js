// Gryadka in a closed loop: clients that each read a counter of their own, then compare and set it.
// The proposers, and the clients that call them, are in this one process; the acceptors are Redis
// servers on the loopback.
//
//   NODE_PATH=… node gryadka.js CLIENTS SECONDS PORT…
//
// Prints one line of JSON: increments per second, their median latency in microseconds, and how
// many did not succeed.
const fs = require('fs');
const path = require('path');
const { Cache, AcceptorClient, Proposer } = require('gryadka');
const redis = require('redis');

const [clients, seconds, ...ports] = process.argv.slice(2).map(Number);
const scripts = path.join(path.dirname(require.resolve('gryadka')), 'src/lua');

// The hash by which a Redis server knows one of Gryadka's scripts.
function load(port, name) {
  const server = redis.createClient({ port });
  const text = fs.readFileSync(path.join(scripts, name + '.lua'), 'utf8');
  return new Promise((resolve, reject) =>
    server.script('load', text, (error, hash) => {
      server.quit();
      if (error) reject(error);
      else resolve(hash);
    }));
}

async function acceptors() {
  return Promise.all(ports.map(async port => {
    const acceptor = new AcceptorClient({
      storage: { host: '127.0.0.1', port },
      prepare: await load(port, 'prepare'),
      accept: await load(port, 'accept'),
      isTransient: false,
    });
    acceptor.start();
    return acceptor;
  }));
}

async function increment(proposer, key) {
  const read = await proposer.changeQuery(key, state => [state, null], state => state);
  if (read.status !== 'OK') return false;
  const before = read.details;
  const next = { version: before ? before.version + 1 : 0, value: before ? before.value + 1 : 1 };
  const change = state => (state ? state.version : -1) === (before ? before.version : -1)
    ? [next, null] : [state, { append: () => ({ core: 'conflict' }) }];
  return (await proposer.changeQuery(key, change, state => state)).status === 'OK';
}

async function main() {
  const all = await acceptors();
  const quorum = { read: 2, write: 2 };
  // As many as nodes; each client keeps to one, which so leads its key: the fastest there is.
  const proposers = ports.map((_, at) => new Proposer(new Cache(at + 1), all, quorum));
  const latencies = [];
  let failed = 0;
  const end = process.hrtime.bigint() + BigInt(seconds) * 1_000_000_000n;
  await Promise.all(Array.from({ length: clients }, async (_, client) => {
    const proposer = proposers[client % proposers.length];
    for (;;) {
      const from = process.hrtime.bigint();
      if (from >= end) return;
      if (await increment(proposer, `counter${client}`))
        latencies.push(Number(process.hrtime.bigint() - from) / 1000);
      else
        ++failed;
    }
  }));
  all.forEach(acceptor => acceptor.close());
  latencies.sort((a, b) => a - b);
  console.log(JSON.stringify({
    rps: latencies.length / seconds,
    p50_us: latencies[Math.floor(latencies.length / 2)],
    failed,
  }));
}

main();
