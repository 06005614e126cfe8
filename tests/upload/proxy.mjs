// SPDX-License-Identifier: MIT
// A proxy that does to uploads what networks and servers do.  TARGET, LOG; the file LOG.mode says what:
// pass, corrupt, hang, slow, cut N (the Nth PUT), busy N (the next N requests).  Prints its address.
import fs from 'node:fs';
import http from 'node:http';

const [target, log] = process.argv.slice(2);
let puts = 0, busy = 0;

function mode() {
  const [name, count] = fs.readFileSync(`${log}.mode`, 'utf8').trim().split(' ');
  return { name, count: Number(count ?? 0) };
}

const note = (line) => fs.appendFileSync(log, `${line}\n`);

const server = http.createServer(async (request, answer) => {
  const chunks = [];
  try {
    for await (const chunk of request) chunks.push(chunk);
  } catch {
    return; // the program was killed
  }
  const body = Buffer.concat(chunks);
  const { name, count } = mode();
  if (request.method === 'PUT') puts++;
  if (name === 'hang') return;
  if (name === 'cut' && request.method === 'PUT' && puts >= count) { note(`${request.method} ${request.url} cut`); request.socket.destroy(); return; }
  if (name === 'busy' && busy < count) {
    busy++;
    note(`${request.method} ${request.url} 503`);
    answer.writeHead(503).end('<Error><Code>SlowDown</Code></Error>');
    return;
  }
  if (name === 'slow' && request.method === 'PUT') await new Promise((resolve) => { setTimeout(resolve, 700); });
  if (name === 'corrupt' && body.length > 1000) body[1000] ^= 1;
  const onward = http.request(target + request.url, { method: request.method, headers: request.headers, setHost: false, agent: false }, (from) => {
    note(`${request.method} ${request.url} ${from.statusCode}`);
    answer.on('error', () => {});
    answer.writeHead(from.statusCode, from.headers);
    from.pipe(answer);
  });
  onward.on('error', () => answer.destroy());
  // A server that has answered may close before it has read everything.
  onward.on('socket', (socket) => socket.on('error', () => {}));
  onward.end(body);
});
server.on('connection', (socket) => socket.on('error', () => {})); // the program was killed
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
