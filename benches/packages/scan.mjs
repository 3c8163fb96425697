// How long get-port, portfinder and detect-port take to find the free port of a range, in milliseconds each
// time: node scan.mjs FIRST LAST ROUNDS. One line of JSON. A port that is not LAST is given as well: a tool that
// found another one did not scan the range.
import { clearLockedPorts, default as getPort, portNumbers } from "get-port";
import portfinder from "portfinder";
import { detectPort } from "detect-port";

const [first, last, rounds] = process.argv.slice(2).map(Number);

const tools = {
  "get-port": async () => {
    clearLockedPorts();
    return getPort({ port: portNumbers(first, last) });
  },
  portfinder: () => portfinder.getPortPromise({ port: first, stopPort: last }),
  "detect-port": () => detectPort(first),
};

const answers = {};
for (const [name, find] of Object.entries(tools)) {
  const milliseconds = [];
  let port;
  // The first round warms up the code and is not counted.
  for (let round = 0; round <= rounds; round += 1) {
    const start = process.hrtime.bigint();
    port = await find();
    const took = Number(process.hrtime.bigint() - start) / 1e6;
    if (round > 0) milliseconds.push(took);
  }
  answers[name] = { milliseconds, port };
}
console.log(JSON.stringify(answers));
