// kinesalite as a child of LocalStack: streams in memory, gone when LocalStack is.
'use strict';

const modulePath = process.env.KINESALITE_MODULE;
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
server.listen(Number(process.env.KINESALITE_PORT), process.env.KINESALITE_HOST);

// Standard input is a pipe that LocalStack holds open: it ends with LocalStack, however that ends.
process.stdin.on('end', () => process.exit(0)).resume();
