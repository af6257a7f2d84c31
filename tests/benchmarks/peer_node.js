// nodemailer's two ends.  `server PORT` takes every message and drops it; `client PORT COUNT SIZE` sends messages over
// one connection and prints what `send_many` prints.  Its clock starts when EHLO was answered: that is what its API tells.
'use strict';

function serve(port) {
  const { SMTPServer } = require('smtp-server');
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    maxClients: 100000,
    size: 1 << 30,
    onData(stream, session, done) {
      stream.resume();
      stream.on('end', () => done(null, 'OK'));
    },
  });
  server.on('error', () => {}); // a client that is gone
  server.listen({ port, host: '127.0.0.1', backlog: 1024 });
}

function content(size) {
  const header = 'From: <sender@example.org>\r\nTo: <recipient@example.net>\r\nSubject: load\r\n\r\n';
  const line = 'x'.repeat(74) + '\r\n';
  return Buffer.from(header + line.repeat(Math.max(1, Math.floor((size - header.length) / line.length))));
}

function send(port, count, size) {
  const SMTPConnection = require('nodemailer/lib/smtp-connection');
  const connection = new SMTPConnection({ host: '127.0.0.1', port, name: 'client.example.org', ignoreTLS: true });
  const envelope = { from: 'sender@example.org', to: ['recipient@example.net'] };
  const body = content(size);
  let left = count;
  let clock, used;
  connection.on('error', (problem) => {
    console.error(problem.message);
    process.exit(1);
  });
  connection.on('end', () => {
    const { user, system } = process.cpuUsage(used);
    const secs = Number(process.hrtime.bigint() - clock) / 1e9;
    console.log(JSON.stringify({ n: count, secs, cpu: (user + system) / 1e6 }));
  });
  const next = (problem) => {
    if (problem) return connection.emit('error', problem);
    if (left-- > 0) return connection.send(envelope, body, next);
    return connection.quit();
  };
  connection.connect(() => {
    clock = process.hrtime.bigint();
    used = process.cpuUsage();
    next();
  });
}

const [kind, ...numbers] = process.argv.slice(2);
({ server: serve, client: send })[kind](...numbers.map(Number));
