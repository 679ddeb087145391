// A script that exports the handler and takes wasi:http as it is. What it does
// is chosen by its path; see handle.
import { Fields, OutgoingBody, OutgoingRequest, OutgoingResponse, ResponseOutparam } from 'wasi:http/types@0.2.10';
import * as outgoing from 'wasi:http/outgoing-handler@0.2.10';

let hits = 0;

export const incomingHandler = {
  handle(request, out) {
    const [, verb, ...rest] = request.pathWithQuery().split('?')[0].split('/');
    switch (verb) {
      case 'echo': // sends the body back while it comes
        return reply(out, 200, octets, (to) => each(request, (piece) => write(to, piece)));
      case 'drain': { // reads the body and tells what came
        let count = 0;
        let hash = 0xcbf29ce484222325n;
        each(request, (piece) => {
          count += piece.length;
          for (const b of piece) hash = BigInt.asUintN(64, (hash ^ BigInt(b)) * 0x100000001b3n);
        });
        return text(out, `${count} bytes, fnv ${hash.toString(16).padStart(16, '0')}`);
      }
      case 'pages': // pages/N sends N pages
        return reply(out, 200, octets, (to) => {
          for (let k = 0; k < Number(rest[0]); k++) write(to, Uint8Array.from({ length: 4096 }, (_, i) => i + k));
        });
      case 'status': { // status/N has no body
        const response = new OutgoingResponse(new Fields());
        response.setStatusCode(Number(rest[0]));
        return ResponseOutparam.set(out, { tag: 'ok', val: response });
      }
      case 'short': // declares more than it writes
        return broken(out, '10', 'short');
      case 'long': // declares less
        return broken(out, '4', 'too long');
      case 'pass': // pass/AUTHORITY/PATH passes on what it gets
        return pass(out, rest);
      case 'words': { // words/A/B/A counts them
        const counts = new Map();
        for (const word of rest) counts.set(word, (counts.get(word) ?? 0) + 1);
        return text(out, [...counts].sort().map(([word, n]) => `${word} ${n}\n`).join(''));
      }
      case 'throw':
        throw new Error('thrown by the guest');
    }
    text(out, `Hello from a handler ${++hits}`);
  },
};

const plain = [['content-type', 'text/plain']];
const octets = [['content-type', 'application/octet-stream']];
const utf8 = (s) => new TextEncoder().encode(s);

// start sends the head.
function start(out, status, headers) {
  const fields = new Fields();
  for (const [name, value] of headers) fields.append(name, utf8(value));
  const response = new OutgoingResponse(fields);
  response.setStatusCode(status);
  const body = response.body();
  ResponseOutparam.set(out, { tag: 'ok', val: response });
  return body;
}

function reply(out, status, headers, f) {
  const body = start(out, status, headers);
  const stream = body.write();
  f(stream);
  stream[Symbol.dispose]();
  OutgoingBody.finish(body, undefined);
}

function text(out, content) {
  reply(out, 200, plain, (to) => write(to, utf8(content)));
}

function broken(out, length, content) {
  const body = start(out, 200, [...plain, ['content-length', length]]);
  const stream = body.write();
  let told = false;
  const attempt = (f) => {
    try {
      f();
    } catch {
      told = true;
    }
  };
  attempt(() => write(stream, utf8(content)));
  stream[Symbol.dispose]();
  attempt(() => OutgoingBody.finish(body, undefined));
  console.error(`told ${told}`);
}

function pass(out, [authority, ...path]) {
  const request = new OutgoingRequest(new Fields());
  request.setScheme({ tag: 'HTTP' });
  request.setAuthority(authority);
  request.setPathWithQuery('/' + path.join('/'));
  const future = outgoing.handle(request, undefined);
  future.subscribe().block();
  const response = future.get().val.val;
  reply(out, response.status(), plain, (to) => each(response, (piece) => write(to, piece)));
}

// each calls f with the pieces of a message's body.
function each(message, f) {
  const body = message.consume();
  const stream = body.stream();
  for (;;) {
    let piece;
    try {
      piece = stream.blockingRead(65536n);
    } catch {
      break; // closed
    }
    f(piece);
  }
  stream[Symbol.dispose]();
  body[Symbol.dispose]();
}

function write(stream, content) {
  for (let at = 0; at < content.length; at += 4096) stream.blockingWriteAndFlush(content.subarray(at, at + 4096));
}
