// The fetch event of StarlingMonkey. What it does is chosen by its path.
addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

let hits = 0;

async function answer(request) {
  const url = new URL(request.url);
  const [, verb, ...rest] = url.pathname.split('/');
  switch (verb) {
    case 'echo': // sends the body back while it comes
      return new Response(request.body, { headers: { 'content-type': 'application/octet-stream' } });
    case 'drain': // reads the body and tells what came
      return text(await drain(request.body));
    case 'pages': // pages/N sends N pages
      return new Response(pages(Number(rest[0])), { headers: { 'content-type': 'application/octet-stream' } });
    case 'status': // status/N has no body
      return new Response(null, { status: Number(rest[0]) });
    case 'short': // declares more than it writes
      return new Response('short', { headers: { 'content-type': 'text/plain', 'content-length': '10' } });
    case 'long': // declares less
      return new Response('too long', { headers: { 'content-type': 'text/plain', 'content-length': '4' } });
    case 'headers':
      return Response.json(Object.fromEntries(request.headers));
    case 'fetch': {
      const reply = await fetch(`http://${rest.join('/')}`);
      return new Response(`${reply.status} ${await reply.text()}`);
    }
    case 'pass': { // pass/AUTHORITY/PATH passes on what it gets
      const reply = await fetch(`http://${rest.join('/')}`, { method: request.method, body: request.body });
      return new Response(reply.body, { status: reply.status, headers: { 'content-type': 'text/plain' } });
    }
    case 'words': { // words/A/B/A counts them
      const counts = new Map();
      for (const word of rest) counts.set(word, (counts.get(word) ?? 0) + 1);
      return text([...counts].sort().map(([word, n]) => `${word} ${n}\n`).join(''));
    }
    case 'throw':
      throw new Error('thrown by the guest');
  }
  hits++;
  console.log('hello is asked for');
  return text(`Hello from JavaScript ${hits}`);
}

const text = (content) => new Response(content, { headers: { 'content-type': 'text/plain' } });

function pages(n) {
  let k = 0;
  return new ReadableStream({
    pull(controller) {
      if (k === n) return controller.close();
      controller.enqueue(Uint8Array.from({ length: 4096 }, (_, i) => i + k));
      k++;
    },
  });
}

// drain counts and hashes with FNV-1a of 64 bits, in two halves.
async function drain(stream) {
  let count = 0, high = 0xcbf29ce4, low = 0x84222325;
  for (const reader = stream.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    count += value.length;
    for (const b of value) {
      low = (low ^ b) >>> 0;
      const product = low * 0x1b3;
      high = (high * 0x1b3 + Math.floor(product / 2 ** 32) + low * 2 ** 8) % 2 ** 32;
      low = product >>> 0;
    }
  }
  const hex = (n) => n.toString(16).padStart(8, '0');
  return `${count} bytes, fnv ${hex(high)}${hex(low)}`;
}
