// A guest book with the SDK of Spin 2: one package for all interfaces.
import { Kv, Redis, ResponseBuilder, Router, Variables } from '@fermyon/spin-sdk';

const router = Router();

router.get('/', (_, request, response) => {
  const store = Kv.openDefault();
  response.set('content-type', 'text/plain').send(`${Variables.get('title')}: ${store.getKeys().sort().join(', ')}\n`);
});
router.post('/:name', async ({ params }, request, response) => {
  const store = Kv.openDefault();
  const redis = Redis.open(Variables.get('redis_address'));
  store.setJson(params.name, { said: await request.text() });
  response.status(201).set({ 'x-guest-number': String(redis.incr('guests')) }).send(JSON.stringify(store.getJson(params.name)));
});
router.all('*', (_, request, response) => response.status(404).send('no such page\n'));

addEventListener('fetch', (event) => {
  event.respondWith(new Promise((resolve, reject) => {
    Promise.resolve(router.handleRequest(event.request, new ResponseBuilder(resolve))).catch(reject);
  }));
});
