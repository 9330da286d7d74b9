// An API that takes the access tokens of a Handclasp server.
//
//   ISSUER=https://login.example.test AUDIENCE=https://api.example.test LISTEN=127.0.0.1:8082 npm start
//
// URL is where clients find it, for those that prove a key of theirs; the audience's if it is not set.

import express from 'express';
import { answer, verifier } from './token.js';

const { ISSUER: issuer, AUDIENCE: audience, LISTEN = '127.0.0.1:8082' } = process.env;
if (!issuer || !audience) {
  console.error('node-resource-server: set ISSUER and AUDIENCE');
  process.exit(1);
}
const requires = verifier({ issuer, audience, url: process.env.URL || audience });

// me says who is asking. A real API would do something for them.
const me = (req, res) => res.json({ subject: req.token.sub, client: req.token.client_id });

const app = express();
app.disable('x-powered-by');
app.get('/me', requires(), me);
app.post('/deploy', requires('deploy:write'), me);
app.use(answer);

const { hostname, port } = new URL(`http://${LISTEN}`);
const server = app.listen(Number(port || 80), hostname, (err) => {
  if (err) throw err;
  console.log(`listening on http://${hostname}:${server.address().port}`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
