// kinesalite as a child process of LocalStack: its streams are in memory and end with LocalStack.
'use strict';

const modulePath = process.env.KINESALITE_MODULE;

// Stock, AT_TIMESTAMP never responds if no record is that new: here it is the position after the newest record.
const db = require(`${modulePath}/db`);
const actionPath = require.resolve(`${modulePath}/actions/getShardIterator`);
const getShardIterator = require(actionPath);
require.cache[actionPath].exports = (store, data, done) => {
  if (data.ShardIteratorType !== 'AT_TIMESTAMP' || !(data.Timestamp * 1000 <= Date.now())) {
    return getShardIterator(store, data, done);
  }
  const { Timestamp, ...other } = data;
  const shard = Number(data.ShardId.split('-').pop());
  const range = { gt: db.shardIxToHex(shard), lt: db.shardIxToHex(shard + 1) };
  let newest;
  return db.lazy(store.getStreamDb(data.StreamName).createReadStream(range), done)
    .filter((item) => {
      newest = item.key.split('/')[1];
      return item.value.ApproximateArrivalTimestamp >= Timestamp;
    })
    .take(1)
    .join(([found]) => {
      if (found) return getShardIterator(store, data, done);
      const after = { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', StartingSequenceNumber: newest };
      return getShardIterator(store, { ...other, ...(newest ? after : { ShardIteratorType: 'TRIM_HORIZON' }) }, done);
    });
};

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
  createStreamMs: 0,
  deleteStreamMs: 0,
  updateStreamMs: 0,
  shardLimit: Number(process.env.KINESALITE_SHARD_LIMIT),
});

// Only LocalStack calls, which has checked the request: a page of a browser sends an Origin, or a name as the Host.
const [answer] = server.listeners('request');
server.removeListener('request', answer).on('request', (request, response) => {
  const { host, origin } = request.headers;
  if (!origin && /^(localhost|[0-9.]+)(:[0-9]+)?$/.test(host)) return answer(request, response);
  response.writeHead(403, { 'content-type': 'text/plain', connection: 'close' }).end('Only for LocalStack');
});

// Stock, kinesalite throws, and loses all streams, when a client is killed in the middle of its request.
server.prependListener('request', (request) => {
  const on = request.on.bind(request);
  request.on = (event, listener) => on(event, event === 'error' ? () => {} : listener);
});
server.keepAliveTimeout = Number(process.env.KINESALITE_IDLE) * 1000;
server.listen(Number(process.env.KINESALITE_PORT), process.env.KINESALITE_HOST);

// Standard input is a pipe that closes with LocalStack, however LocalStack ends.
process.stdin.on('end', () => process.exit(0)).resume();
