//! A component in Rust, of the bindings in the crate `wasi` and the adapter of
//! preview 1. What it does is chosen by its path; see `handle`.

use std::collections::BTreeMap;

use wasi::http::outgoing_handler;
use wasi::http::types::*;
use wasi::io::streams::{InputStream, OutputStream, StreamError};

struct Guest;
wasi::http::proxy::export!(Guest);

impl wasi::exports::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let (verb, rest) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        match verb {
            // Sends the body back while it comes.
            "echo" => {
                let (_body, input) = body_of(request);
                Reply::start(out, 200, "application/octet-stream", None).finish(|to| {
                    while let Some(piece) = read(&input) {
                        write(to, &piece);
                    }
                })
            }
            // Reads the body and tells what came.
            "drain" => {
                let (_body, input) = body_of(request);
                let (mut count, mut hash) = (0, FNV);
                while let Some(piece) = read(&input) {
                    count += piece.len();
                    hash = fnv(hash, &piece);
                }
                text(out, &format!("{count} bytes, fnv {hash:016x}"))
            }
            // pages/N sends N pages.
            "pages" => Reply::start(out, 200, "application/octet-stream", None).finish(|to| {
                for n in 0..rest.parse().unwrap() {
                    write(to, &page(n));
                }
            }),
            // status/N has no body.
            "status" => {
                let response = OutgoingResponse::new(Fields::new());
                response.set_status_code(rest.parse().unwrap()).unwrap();
                ResponseOutparam::set(out, Ok(response));
            }
            // short declares more than it writes, long less.
            "short" => short(out),
            "long" => long(out),
            // pass/AUTHORITY/PATH passes on what it gets.
            "pass" => pass(out, rest),
            "panic" => panic!("asked for"),
            // words/A/B/A counts them.
            "words" => {
                let mut counts = BTreeMap::new();
                for word in rest.split('/') {
                    *counts.entry(word).or_insert(0) += 1;
                }
                text(out, &counts.iter().map(|(word, n)| format!("{word} {n}\n")).collect::<String>())
            }
            _ => text(out, "Hello from Rust"),
        }
    }
}

/// A Reply whose head is sent and whose body is to come.
struct Reply(OutgoingBody);

impl Reply {
    fn start(out: ResponseOutparam, status: u16, content_type: &str, length: Option<&str>) -> Reply {
        let fields = Fields::new();
        fields.append("content-type", content_type.as_bytes()).unwrap();
        if let Some(n) = length {
            fields.append("content-length", n.as_bytes()).unwrap();
        }
        let response = OutgoingResponse::new(fields);
        response.set_status_code(status).unwrap();
        let body = response.body().unwrap();
        ResponseOutparam::set(out, Ok(response));
        Reply(body)
    }

    fn finish(self, f: impl FnOnce(&OutputStream)) {
        let stream = self.0.write().unwrap();
        f(&stream);
        drop(stream);
        OutgoingBody::finish(self.0, None).unwrap();
    }
}

fn text(out: ResponseOutparam, content: &str) {
    Reply::start(out, 200, "text/plain", None).finish(|to| write(to, content.as_bytes()));
}

fn short(out: ResponseOutparam) {
    let body = Reply::start(out, 200, "text/plain", Some("10")).0;
    write(&body.write().unwrap(), b"short");
    let told = OutgoingBody::finish(body, None).unwrap_err();
    eprintln!("short: {told:?}");
}

fn long(out: ResponseOutparam) {
    let body = Reply::start(out, 200, "text/plain", Some("4")).0;
    let stream = body.write().unwrap();
    let told = stream.blocking_write_and_flush(b"too long").is_err();
    drop(stream);
    let told = told | OutgoingBody::finish(body, None).is_err();
    eprintln!("long: told {told}");
}

fn pass(out: ResponseOutparam, rest: &str) {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    request.set_authority(Some(authority)).unwrap();
    request.set_path_with_query(Some(&format!("/{path}"))).unwrap();
    let future = match outgoing_handler::handle(request, None) {
        Ok(future) => future,
        Err(code) => return text(out, &format!("{code:?}")),
    };
    future.subscribe().block();
    let response = match future.get().unwrap().unwrap() {
        Ok(response) => response,
        Err(code) => return text(out, &format!("{code:?}")),
    };
    let body = response.consume().unwrap();
    let input = body.stream().unwrap();
    Reply::start(out, response.status(), "text/plain", None).finish(|to| {
        while let Some(piece) = read(&input) {
            write(to, &piece);
        }
    })
}

/// The body must outlive its stream.
fn body_of(request: IncomingRequest) -> (IncomingBody, Dropped) {
    let body = request.consume().unwrap();
    let stream = body.stream().unwrap();
    (body, Dropped(stream))
}

struct Dropped(InputStream);

impl std::ops::Deref for Dropped {
    type Target = InputStream;
    fn deref(&self) -> &InputStream {
        &self.0
    }
}

fn read(from: &InputStream) -> Option<Vec<u8>> {
    match from.blocking_read(64 << 10) {
        Ok(piece) => Some(piece),
        Err(StreamError::Closed) => None,
        Err(err) => panic!("read: {err:?}"),
    }
}

fn write(to: &OutputStream, content: &[u8]) {
    for piece in content.chunks(4096) {
        to.blocking_write_and_flush(piece).unwrap();
    }
}

fn page(n: usize) -> [u8; 4096] {
    std::array::from_fn(|i| (i + n) as u8)
}

const FNV: u64 = 0xcbf29ce484222325;

fn fnv(hash: u64, piece: &[u8]) -> u64 {
    piece.iter().fold(hash, |h, b| (h ^ *b as u64).wrapping_mul(0x100000001b3))
}
