// Package ledger keeps one record of every reply that an app has given.
//
// A record begins with the lease and is written when the guest or the reply
// ends, whichever is later. The router begins it and puts it into the request's
// context; the runtime fills in what only it knows. The ledger is bounded: old
// records go, counts per second stay longer.
package ledger
