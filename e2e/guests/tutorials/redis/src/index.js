// Keeps values, numbers and sets in Redis, and tells others of it.
import { AutoRouter } from 'itty-router';
import { open } from '@spinframework/spin-redis';
import { get } from '@spinframework/spin-variables';

const text = { in: new TextEncoder(), out: new TextDecoder() };
const connect = () => open(get('redis_address'));

const router = AutoRouter()
  .get('/values/:key', ({ key }) => {
    const value = connect().get(key);
    return value ? new Response(value) : new Response(null, { status: 404 });
  })
  .put('/values/:key', async (request) => {
    const redis = connect();
    redis.set(request.key, new Uint8Array(await request.arrayBuffer()));
    redis.publish('changes', text.in.encode(request.key));
    return new Response(null, { status: 204 });
  })
  .delete('/values/:key', ({ key }) => ({ deleted: connect().del([key, 'no such key']) }))
  .post('/numbers/:key', ({ key }) => ({ now: Number(connect().incr(key)) }))
  .put('/sets/:key/:member', ({ key, member }) => ({ added: connect().sadd(key, [member]) }))
  .delete('/sets/:key/:member', ({ key, member }) => ({ removed: connect().srem(key, [member]) }))
  .get('/sets/:key', ({ key }) => connect().smembers(key).sort())
  .get('/lengths/:key', ({ key }) => {
    const [length] = connect().execute('STRLEN', [{ tag: 'binary', val: text.in.encode(key) }]);
    return { [length.tag]: Number(length.val) };
  })
  // What the manifest does not allow is an error of the interface.
  .get('/elsewhere', () => {
    try {
      open('redis://elsewhere.invalid:6379');
      return { error: null };
    } catch (e) {
      return { error: e.payload.tag };
    }
  });

addEventListener('fetch', (event) => event.respondWith(router.fetch(event.request)));
