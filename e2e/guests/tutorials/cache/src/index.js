// Asks another server and keeps what it may in the key-value store, as long as
// max-age says. What is too old is still good when that server is in trouble.
import { Hono } from 'hono';
import { openDefault } from '@spinframework/spin-kv';
import { get } from '@spinframework/spin-variables';

const app = new Hono();

function reply(head, body, how) {
  return new Response(body, { status: 200, headers: { 'content-type': head.type, 'x-cache': how } });
}

app.get('/*', async (c) => {
  const { pathname, search } = new URL(c.req.url);
  const path = pathname + search;
  const store = openDefault();
  const head = store.exists(`head ${path}`) ? store.getJson(`head ${path}`) : null;
  if (head && head.until > Date.now()) return reply(head, store.get(`body ${path}`), 'hit');
  let fresh;
  try {
    fresh = await fetch(get('origin') + path);
    if (fresh.status >= 500) throw new Error(`${fresh.status}`);
  } catch (e) {
    if (head) return reply(head, store.get(`body ${path}`), 'stale');
    return c.text(`${path} cannot be had: ${e.message}\n`, 502);
  }
  const age = /(?:^|[ ,])max-age=(\d+)/.exec(fresh.headers.get('cache-control') ?? '')?.[1];
  if (fresh.status !== 200 || age === undefined) {
    return new Response(fresh.body, { status: fresh.status, headers: { 'x-cache': 'pass' } });
  }
  const kept = { type: fresh.headers.get('content-type') ?? 'application/octet-stream', until: Date.now() + age * 1000 };
  const body = new Uint8Array(await fresh.arrayBuffer());
  store.set(`body ${path}`, body);
  store.setJson(`head ${path}`, kept);
  return reply(kept, body, 'miss');
});

app.delete('/*', (c) => {
  const { pathname, search } = new URL(c.req.url);
  const store = openDefault();
  store.delete(`head ${pathname}${search}`);
  store.delete(`body ${pathname}${search}`);
  return c.body(null, 204);
});

app.fire();
