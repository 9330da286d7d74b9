// Package handclasp carries what stands at the top of the repository and is needed inside: the description of the API.
package handclasp

import _ "embed"

// OpenAPI is openapi.yaml, which the server serves at /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte
