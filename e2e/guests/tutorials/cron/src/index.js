// Takes letters and sends them when a cron asks for /cron/send?key=KEY.
import { Hono } from 'hono';
import { openDefault } from '@spinframework/spin-kv';
import { get } from '@spinframework/spin-variables';

const app = new Hono();

app.post('/letters/:to', async (c) => {
  const store = openDefault();
  const number = store.exists('last') ? store.getJson('last') + 1 : 1;
  store.setJson(`waiting/${String(number).padStart(6, '0')}`, { to: c.req.param('to'), text: await c.req.text() });
  store.setJson('last', number);
  return c.json({ number }, 202);
});

// A schedule has a path and a query, so the key of who may call is in the query.
app.get('/cron/send', (c) => {
  if (c.req.query('key') !== get('cron_key')) return c.text('not for you\n', 403);
  const store = openDefault();
  const waiting = store.getKeys().filter((key) => key.startsWith('waiting/')).sort();
  for (const key of waiting) {
    const { to, text } = store.getJson(key);
    const box = `box/${to}`;
    store.setJson(box, [...(store.exists(box) ? store.getJson(box) : []), text]);
    store.delete(key);
  }
  console.log(`sent ${waiting.length}`);
  return c.json({ sent: waiting.length });
});

app.get('/boxes/:to', (c) => {
  const store = openDefault();
  const box = `box/${c.req.param('to')}`;
  return c.json(store.exists(box) ? store.getJson(box) : []);
});

app.fire();
