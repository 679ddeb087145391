// Package clients tests the registry with clients that others have written, over
// the network, against the built binary: oras-go, regclient, containerd, crane,
// skopeo and sigstore. Each pushes, pulls, copies, tags, lists and deletes as far
// as it can, anonymously, with Basic and with Bearer.
//
// It is a module of its own, so that what the clients need is not what the
// product needs.
package clients
