// Counters by name, in the key-value store of the app.
import { AutoRouter } from 'itty-router';
import { openDefault } from '@spinframework/spin-kv';

const count = (store, name) => (store.exists(name) ? store.getJson(name) : 0);

const router = AutoRouter()
  .get('/', () => {
    const store = openDefault();
    return Object.fromEntries(store.getKeys().sort().map((name) => [name, count(store, name)]));
  })
  .get('/:name', ({ name }) => ({ name, count: count(openDefault(), name) }))
  .post('/:name', ({ name }) => {
    const store = openDefault();
    const next = count(store, name) + 1;
    store.setJson(name, next);
    return { name, count: next };
  })
  .delete('/:name', ({ name }) => {
    openDefault().delete(name);
    return new Response(null, { status: 204 });
  });

addEventListener('fetch', (event) => event.respondWith(router.fetch(event.request)));
