// Package wasihttp is the HTTP of guests: fields, requests, responses, bodies
// and the error codes of wasi:http, the sending of their requests, and the
// bindings for the versions of that package.
//
// What a guest writes is checked before it reaches the wire: no field it sets
// can split a message or name what belongs to the connection, and a body that
// is not as long as it was declared ends broken and never looks whole. Bodies
// pass through bounded buffers, and a response can be written up to
// BufferUnread bytes before anyone reads it.
package wasihttp
