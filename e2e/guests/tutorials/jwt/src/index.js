// Answers /me only to who shows a JSON web token that one of our keys has signed:
// HS256 with the variable hs256_secret, RS256 with the JSON web key in rs256_key.
import { Hono } from 'hono';
import { get } from '@spinframework/spin-variables';

const text = { in: new TextEncoder(), out: new TextDecoder('utf-8', { fatal: true }) };

const keys = {
  HS256: () => crypto.subtle.importKey('raw', text.in.encode(get('hs256_secret')), { name: 'HMAC', hash: 'SHA-256' }, false, ['verify']),
  RS256: () => crypto.subtle.importKey('jwk', JSON.parse(get('rs256_key')), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['verify']),
};

const bytes = (base64url) => Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const json = (base64url) => JSON.parse(text.out.decode(bytes(base64url)));

// claims are those of a token, if it is good at a time in seconds. It throws what is wrong.
async function claims(token, now) {
  const [head, body, signature, ...rest] = token.split('.');
  if (signature === undefined || rest.length) throw new Error('not three parts');
  const { alg } = json(head);
  if (!Object.hasOwn(keys, alg)) throw new Error(`algorithm ${alg} is not taken`);
  const key = await keys[alg]();
  if (!(await crypto.subtle.verify(key.algorithm.name, key, bytes(signature), text.in.encode(`${head}.${body}`)))) {
    throw new Error('the signature is not ours');
  }
  const found = json(body);
  if (!(found.exp > now)) throw new Error('expired');
  return found;
}

const app = new Hono();

app.get('/', (c) => c.text('open to all\n'));

app.use('/me/*', async (c, next) => {
  const token = /^Bearer (\S+)$/.exec(c.req.header('authorization') ?? '')?.[1];
  if (!token) return c.text('no token\n', 401, { 'www-authenticate': 'Bearer' });
  try {
    c.set('claims', await claims(token, Date.now() / 1000));
  } catch (e) {
    return c.text(`${e.message}\n`, 401, { 'www-authenticate': 'Bearer error="invalid_token"' });
  }
  await next();
});
app.get('/me', (c) => c.json({ you: c.get('claims').sub }));

app.fire();
