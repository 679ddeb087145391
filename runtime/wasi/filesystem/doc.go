// Package filesystem is wasi:filesystem without any component: descriptors over
// the read-only files of an app and over directories of the host.
//
// A descriptor can do what its flags say and no more, and what is opened through
// it has no more than it has. No path leads out of the directory that it starts
// from, symbolic links included. Every error that a guest sees is a Code.
package filesystem
