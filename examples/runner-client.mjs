// Runs the dev server of a project through the runner protocol: node runner-client.mjs DIRECTORY [COMMAND]
// Prints the server's URL when it is ready, and its output; stops the server when standard input ends.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

const [directory = '.', runCommand = 'npm run dev'] = process.argv.slice(2);
const runner = spawn(process.env.BOWLINE ?? 'bowline', ['runner'], { stdio: ['pipe', 'pipe', 'inherit'] });

let last = 0;
function send(type, payload) {
  const id = String(++last);
  const command = { id, type, projectId: 'example', timestamp: new Date().toISOString(), payload };
  runner.stdin.write(`${JSON.stringify(command)}\n`);
  return id;
}

const start = send('start-dev-server', { runCommand, workingDirectory: resolve(directory), env: {} });
// The runner stops every service when its input ends.
process.stdin.resume().on('end', () => runner.stdin.end());
runner.on('exit', (code) => {
  process.exitCode ||= code;
  process.stdin.destroy();
});

for await (const line of createInterface({ input: runner.stdout })) {
  const event = JSON.parse(line);
  switch (event.type) {
    case 'port-detected':
      console.log(`ready: http://localhost:${event.port}`);
      break;
    case 'port-reallocated':
      console.error(`port ${event.newPort} instead of ${event.originalPort}: ${event.message}`);
      break;
    case 'log-chunk':
      (event.stream === 'stderr' ? process.stderr : process.stdout).write(event.data);
      break;
    case 'process-exited':
      if (event.state === 'failed') {
        console.error(`failed: ${event.failureReason}`);
        process.exitCode = 1;
      }
      if (event.state !== 'starting') runner.stdin.end();
      break;
    case 'error':
      console.error(event.error);
      if (event.commandId === start) process.exitCode = 1;
      break;
  }
}
