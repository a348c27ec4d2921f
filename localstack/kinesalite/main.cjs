// kinesalite as a child of LocalStack: streams in memory, gone when LocalStack is.
'use strict';

const modulePath = process.env.KINESALITE_MODULE;

// Its AT_TIMESTAMP never answers when no record came in since: then it's the place after the newest one.
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

// kinesalite is older than StreamARN, by which newer SDKs and LocalStack's CloudFormation name a stream.
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

// A client that is killed in the middle of its request is no reason to end, with all streams: kinesalite throws.
server.prependListener('request', (request) => {
  const on = request.on.bind(request);
  request.on = (event, listener) => on(event, event === 'error' ? () => {} : listener);
});
server.keepAliveTimeout = Number(process.env.KINESALITE_IDLE) * 1000;
server.listen(Number(process.env.KINESALITE_PORT), process.env.KINESALITE_HOST);

// Standard input is a pipe that LocalStack holds open: it ends with LocalStack, however that ends.
process.stdin.on('end', () => process.exit(0)).resume();
