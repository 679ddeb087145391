// Package e2e tests the built binary as its users meet it: scripts under
// testdata/script run the commands and look at what comes back, and the longer
// tests beside them upgrade under load, kill the server at random moments, and
// serve many apps. Nothing here imports the product; the apps are in guests.
package e2e
