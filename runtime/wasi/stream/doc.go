// Package stream has the byte streams and readiness that WASI hosts are made
// of: what wasi:io calls input-stream, output-stream, pollable and error, as
// plain Go that knows no component.
//
// Nothing here waits unless it is given a context, and everything that waits
// ends with that context's cause. A stream holds a bounded number of bytes,
// whatever its two ends do. After its first error a stream stays closed.
package stream
