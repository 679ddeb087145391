// Passes on files of an object store that takes signed requests, as they come.
import { AwsClient } from 'aws4fetch';
import { AutoRouter } from 'itty-router';
import { get } from '@spinframework/spin-variables';

const passed = ['content-type', 'content-length', 'content-range', 'etag'];

// object asks the store for an object, with the headers of a request that matter to it.
async function object(key, request) {
  const client = new AwsClient({
    accessKeyId: get('access_key'), secretAccessKey: get('secret_key'), service: 's3', region: get('region'), retries: 0,
  });
  const headers = {};
  if (request.headers.has('range')) headers.range = request.headers.get('range');
  return client.fetch(`${get('endpoint')}/${get('bucket')}/${key}`, { headers });
}

const headersOf = (reply) => passed.filter((name) => reply.headers.has(name)).map((name) => [name, reply.headers.get(name)]);

const router = AutoRouter()
  .get('/files/:key+', async (request) => {
    const reply = await object(request.params.key, request);
    if (!reply.ok) return new Response(`the store says ${reply.status}\n`, { status: reply.status === 404 ? 404 : 502 });
    return new Response(reply.body, { status: reply.status, headers: headersOf(reply) });
  })
  // The same in capitals: each part is changed when it comes.
  .get('/loud/:key+', async (request) => {
    const reply = await object(request.params.key, request);
    if (!reply.ok) return new Response(`the store says ${reply.status}\n`, { status: 502 });
    return new Response(capitals(reply.body), { headers: { 'content-type': 'text/plain' } });
  });

function capitals(stream) {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      controller.enqueue(value.map((b) => (b >= 0x61 && b <= 0x7a ? b - 0x20 : b)));
    },
  });
}

addEventListener('fetch', (event) => event.respondWith(router.fetch(event.request)));
