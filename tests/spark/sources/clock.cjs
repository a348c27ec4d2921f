// Loaded before the engine: moves its clock by as many seconds as a line on standard input says.
'use strict';

const now = Date.now;
let shift = 0;
Date.now = () => now() + shift * 1000;
process.stdin.on('data', (chunk) => {
  shift = Number(String(chunk).trim().split('\n').pop());
});
