// The fetch event of StarlingMonkey, and nothing but a greeting.
addEventListener('fetch', (event) => event.respondWith(new Response('Hello from JavaScript')));
