// kinesalite as a child process of LocalStack. Its streams are in a LevelDB database, which outlives LocalStack.
'use strict';

const { once } = require('node:events');
const fs = require('node:fs');
const { setTimeout: delay } = require('node:timers/promises');

const modulePath = process.env.KINESALITE_MODULE;
const db = require(`${modulePath}/db`);

const MINUTE = 60_000;
const SWEEP = 10 * MINUTE; // between two looks for records beyond retention
const RETRY = 1000; // milliseconds between two attempts to open the database
const SKIPPED = 1e6; // numbers that no record gets after a start: a power failure may take records that were read

let path = process.env.KINESALITE_PATH;
if (path) {
  try {
    require(require.resolve('leveldown', { paths: [modulePath] }));
    fs.mkdirSync(path, { recursive: true });
    // Without this file LevelDB makes a new database, and deletes what there is. With an empty one it fails.
    const current = `${path}/CURRENT`;
    if (fs.readdirSync(path).some((file) => file.endsWith('.log'))) fs.closeSync(fs.openSync(current, 'a'));
  } catch (error) {
    if (error.syscall) throw error;
    console.error(`kinesis: streams are in memory and end with LocalStack: ${error.message}`);
    path = undefined;
  }
}

const shardKeys = (shard) => ({ gt: db.shardIxToHex(shard), lt: db.shardIxToHex(shard + 1) });
const sequenceOf = (key) => key.split('/')[1];

// Stock, AT_TIMESTAMP reads the shard from its beginning, and never responds if no record is that new: here that is
// the position after the newest record.
async function positionAt({ Timestamp, ShardId, StreamName, ...other }, store) {
  const range = shardKeys(Number(ShardId.split('-').pop()));
  let newest, found;
  for await (const { key, value } of store.getStreamDb(StreamName).createReadStream({ ...range, reverse: true })) {
    newest ??= sequenceOf(key);
    if (value.ApproximateArrivalTimestamp < Timestamp) break;
    found = sequenceOf(key);
  }
  const position = found ? { ShardIteratorType: 'AT_SEQUENCE_NUMBER', StartingSequenceNumber: found }
    : newest ? { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: newest }
    : { ShardIteratorType: 'TRIM_HORIZON' };
  return { ...other, ShardId, StreamName, ...position };
}

// Stock, an error of the database ends kinesalite: here the call fails, is repeated, and the others go on. After an
// error in writing, LevelDB may lose what it writes next, so the database is opened again.
for (const file of fs.readdirSync(`${modulePath}/actions`)) {
  const actionPath = require.resolve(`${modulePath}/actions/${file}`);
  const action = require(actionPath);
  require.cache[actionPath].exports = (store, data, done) => {
    let waiting = true;
    const answer = (error, result) => {
      if (!waiting) return;
      waiting = false;
      if (!error || error.statusCode) return done(error, result);
      done(db.serverError('InternalFailure', fault(`${file.slice(0, -3)} of ${data.StreamName}`, error)));
      if (error.type === 'WriteError') open(true);
    };
    if (problem) return answer(db.serverError('InternalFailure', problem));
    if (data.ShardIteratorType !== 'AT_TIMESTAMP' || !(data.Timestamp * 1000 <= Date.now())) {
      return action(store, data, answer);
    }
    positionAt(data, store).then((position) => action(store, position, answer), answer);
  };
}

function fault(what, error) {
  const text = `${what}: ${error.message}: docs/getting-started.md says what to do with damaged data (${path})`;
  if (text !== problem) console.error(`kinesis: ${text}`);
  return text;
}

let store, problem;
const createStore = db.create;
db.create = (options) => (store = createStore(options));

const kinesalite = require(modulePath);
const validations = require(`${modulePath}/validations`);

// Newer SDKs and LocalStack's CloudFormation send StreamARN, which kinesalite does not support.
const checkTypes = validations.checkTypes;
validations.checkTypes = (data, types) => {
  if (types.StreamName && data.StreamARN && !data.StreamName) {
    data.StreamName = String(data.StreamARN).split('/').pop();
  }
  return checkTypes(data, types);
};

const server = kinesalite({
  path,
  createStreamMs: 0,
  deleteStreamMs: 0,
  updateStreamMs: 0,
  shardLimit: Number(process.env.KINESALITE_SHARD_LIMIT),
});

// Calls `take` with each entry until it returns false. Then the iterator is closed: a compaction keeps whatever an
// open one might still read.
async function each(entries, take) {
  const closed = once(entries, 'close');
  for await (const entry of entries) if (take(entry) === false) break;
  await closed;
}

// Stock, records beyond the stream's retention remain until they are read.
let swept = 0;
async function sweep() {
  if (problem || Date.now() - swept < SWEEP) return;
  swept = Date.now();
  const streams = [];
  await each(store.metaDb.createReadStream(), (entry) => streams.push(entry));
  for (const { key: name, value: stream } of streams) {
    const oldest = Date.now() - stream.RetentionPeriodHours * 60 * MINUTE;
    const records = store.getStreamDb(name);
    for (const shard of stream.Shards.keys()) {
      let first, last;
      await each(records.createKeyStream(shardKeys(shard)), (key) => {
        if (db.parseSequence(sequenceOf(key)).seqTime >= oldest) return false;
        first ??= key;
        last = key;
      });
      if (!first) continue;
      await records.clear({ gte: first, lte: last });
      if (path) store.db.compactRange(`!stream-${name}!${first}`, `!stream-${name}!${last}`, () => {});
    }
  }
}

// A stream that was being created or deleted when LocalStack ended is deleted; the others go on.
async function resume() {
  for await (const { key: name, value: stream } of store.metaDb.createReadStream()) {
    if (['CREATING', 'DELETING'].includes(stream.StreamStatus)) {
      await store.getStreamDb(name).clear();
      await store.metaDb.del(name);
    } else {
      const _seqIx = stream._seqIx.map((number) => number && number + SKIPPED);
      await store.metaDb.put(name, { ...stream, StreamStatus: 'ACTIVE', _seqIx });
    }
  }
}

// A database that cannot be opened has records that were acknowledged: nothing takes its place. Each call fails, and
// LocalStack goes on without Kinesis, until it can be opened: the disk has space again, or another process has ended.
async function open(again) {
  if (again && problem) return; // it is being opened
  problem ??= 'the database of the streams is being opened';
  for (; problem; again = true) {
    try {
      if (again) await store.db.close().then(() => store.recreate());
      await once(store.db, 'open');
      await resume();
      problem = undefined;
    } catch (error) {
      problem = fault('the database of the streams cannot be opened', error);
    }
    if (!server.listening) server.listen(Number(process.env.KINESALITE_PORT), process.env.KINESALITE_HOST);
    if (problem) await delay(RETRY);
  }
}

// Only LocalStack calls, which has checked the request: a page of a browser sends an Origin, or a name as the Host.
const [answer] = server.listeners('request');
server.removeListener('request', answer).on('request', (request, response) => {
  const { host, origin } = request.headers;
  if (!origin && /^(localhost|[0-9.]+)(:[0-9]+)?$/.test(host)) {
    sweep().catch((error) => console.error(`kinesis: old records remain: ${error.message}`));
    return answer(request, response);
  }
  response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end('Only for LocalStack');
});

// Stock, kinesalite throws when a client is killed in the middle of its request.
server.prependListener('request', (request) => {
  const on = request.on.bind(request);
  request.on = (event, listener) => on(event, event === 'error' ? () => {} : listener);
});
server.keepAliveTimeout = Number(process.env.KINESALITE_IDLE) * 1000;
open();

// Standard input is a pipe that closes with LocalStack, however LocalStack ends.
process.stdin.on('end', () => process.exit(0)).resume();
