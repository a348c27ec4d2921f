// Loaded before the engine, takes lines on standard input: a number moves its clock by as many
// seconds, "hold" keeps what it does later (a stream is made, or gone) waiting for "go".
// Answers "done" to each.
'use strict';

const now = Date.now;
const later = globalThis.setTimeout;
let shift = 0;
let held = null;
Date.now = () => now() + shift * 1000;
globalThis.setTimeout = (...call) => (held ? held.push(call) : later(...call));
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'hold') {
    held = [];
  } else if (line === 'go') {
    const calls = held;
    held = null;
    calls.forEach((call) => later(...call));
  } else {
    shift = Number(line);
  }
  process.stdout.write('done\n');
});
