//go:build static || android || !linux || !(amd64 || arm64)

package keys

// openLibcrypto always fails in this build: it is for another system, or for an image without the system's loader.
func openLibcrypto() (backend, error) { return nil, errNoLibcrypto }
