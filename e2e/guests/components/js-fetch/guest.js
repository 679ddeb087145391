// The fetch event of StarlingMonkey. What it does is chosen by its path.
addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

let hits = 0;

async function answer(request) {
  const url = new URL(request.url);
  const [, verb, ...rest] = url.pathname.split('/');
  switch (verb) {
    case 'echo':
      return new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } });
    case 'headers':
      return Response.json(Object.fromEntries(request.headers));
    case 'fetch': {
      const reply = await fetch(`http://${rest.join('/')}`);
      return new Response(`${reply.status} ${await reply.text()}`);
    }
    case 'stream':
      return new Response(pages(Number(rest[0])));
    case 'status':
      return new Response(null, { status: Number(rest[0]) });
    case 'throw':
      throw new Error('thrown by the guest');
  }
  hits++;
  console.log('hello is asked for');
  return new Response(`Hello from JavaScript ${hits}`, { headers: { 'content-type': 'text/plain' } });
}

function pages(n) {
  const page = new Uint8Array(4096).fill(97);
  return new ReadableStream({
    pull(controller) {
      if (n-- > 0) controller.enqueue(page);
      else controller.close();
    },
  });
}
