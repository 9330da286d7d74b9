//go:build linux && (amd64 || arm64) && !android && !static

//nolint:gosec // G103, G115: this file talks to C, whose int comes back in the lower half of a word
package keys

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// libcrypto is OpenSSL 3, opened at run time: it signs in a third of the time that Go's RSA takes, and a build needs
// neither cgo nor its headers. The fields are addresses of its functions.
type libcrypto struct {
	version string

	versionMajor, versionMinor, versionPatch uintptr
	parseKey, freeKey                        uintptr
	newContext, freeContext                  uintptr
	signInit, setDigest, sign                uintptr
	digestSHA256                             uintptr
}

// openLibcrypto finds the library under the name that OpenSSL gives its third version.
func openLibcrypto() (backend, error) {
	handle, err := purego.Dlopen("libcrypto.so.3", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoLibcrypto, err)
	}
	c := &libcrypto{}
	for name, at := range map[string]*uintptr{
		"OPENSSL_version_major":         &c.versionMajor,
		"OPENSSL_version_minor":         &c.versionMinor,
		"OPENSSL_version_patch":         &c.versionPatch,
		"d2i_AutoPrivateKey":            &c.parseKey,
		"EVP_PKEY_free":                 &c.freeKey,
		"EVP_PKEY_CTX_new":              &c.newContext,
		"EVP_PKEY_CTX_free":             &c.freeContext,
		"EVP_PKEY_sign_init":            &c.signInit,
		"EVP_PKEY_CTX_set_signature_md": &c.setDigest,
		"EVP_PKEY_sign":                 &c.sign,
		"EVP_sha256":                    &c.digestSHA256,
	} {
		if *at, err = purego.Dlsym(handle, name); err != nil {
			return nil, fmt.Errorf("%w: %w", errNoLibcrypto, err)
		}
	}
	major, _, _ := purego.SyscallN(c.versionMajor)
	minor, _, _ := purego.SyscallN(c.versionMinor)
	patch, _, _ := purego.SyscallN(c.versionPatch)
	c.version = fmt.Sprintf("%d.%d.%d", uint32(major), uint32(minor), uint32(patch))
	return c, nil
}

func (c *libcrypto) name() string { return "openssl " + c.version }

// libcryptoKey is a key in the library's memory with one context for each signature that may run at the same time.
// The channel is both the pool and the bound: more calls at once than processors would only make system threads.
type libcryptoKey struct {
	c    *libcrypto
	size int
	idle chan uintptr
}

// digester hands the key over to the library. Its memory there is freed when the key is not reachable any more.
func (c *libcrypto) digester(key *rsa.PrivateKey) (digester, error) {
	der := x509.MarshalPKCS1PrivateKey(key)
	defer clear(der)
	// A number and not a pointer, since the library moves it behind the end of what the collector knows.
	text := uintptr(unsafe.Pointer(&der[0]))
	pkey, _, _ := purego.SyscallN(c.parseKey, 0, uintptr(unsafe.Pointer(&text)), uintptr(len(der)))
	runtime.KeepAlive(der)
	if pkey == 0 {
		return nil, errors.New("libcrypto does not read the key")
	}
	k := &libcryptoKey{c: c, size: key.Size(), idle: make(chan uintptr, runtime.GOMAXPROCS(0))}
	var contexts []uintptr
	for range cap(k.idle) {
		context, err := c.context(pkey)
		if err != nil {
			c.free(pkey, contexts)
			return nil, err
		}
		contexts = append(contexts, context)
		k.idle <- context
	}
	runtime.AddCleanup(k, func(contexts []uintptr) { c.free(pkey, contexts) }, contexts)
	return k, nil
}

func (c *libcrypto) context(pkey uintptr) (uintptr, error) {
	context, _, _ := purego.SyscallN(c.newContext, pkey, 0)
	if context == 0 {
		return 0, errors.New("libcrypto makes no context")
	}
	digest, _, _ := purego.SyscallN(c.digestSHA256)
	// The padding is PKCS #1 v1.5 by default; the self-test would notice another.
	if ok, _, _ := purego.SyscallN(c.signInit, context); int32(ok) != 1 {
		c.free(0, []uintptr{context})
		return 0, errors.New("libcrypto cannot sign with the key")
	}
	if ok, _, _ := purego.SyscallN(c.setDigest, context, digest); int32(ok) != 1 {
		c.free(0, []uintptr{context})
		return 0, errors.New("libcrypto cannot sign SHA-256")
	}
	return context, nil
}

// free gives memory back; freeing nothing is allowed.
func (c *libcrypto) free(pkey uintptr, contexts []uintptr) {
	for _, context := range contexts {
		purego.SyscallN(c.freeContext, context)
	}
	purego.SyscallN(c.freeKey, pkey)
}

func (k *libcryptoKey) signDigest(digest *[sha256.Size]byte) ([]byte, error) {
	signature := make([]byte, k.size)
	length := uintptr(len(signature))
	context := <-k.idle
	ok, _, _ := purego.SyscallN(k.c.sign, context, uintptr(unsafe.Pointer(&signature[0])), uintptr(unsafe.Pointer(&length)),
		uintptr(unsafe.Pointer(&digest[0])), uintptr(len(digest)))
	k.idle <- context
	runtime.KeepAlive(k) // its cleanup frees the context
	if int32(ok) != 1 || int(length) != len(signature) {
		return nil, fmt.Errorf("libcrypto did not sign (%d)", int32(ok))
	}
	return signature, nil
}
