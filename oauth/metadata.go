package oauth

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/handclasp/handclasp/verify"
)

// Document is a body that changes rarely and is served as it is.
type Document struct {
	Body []byte
	ETag string
}

// Metadata is the authorization server metadata (RFC 8414) and OpenID provider configuration (Discovery §3) in one, made once.
func (p *Provider) Metadata() Document { return p.metadata }

// describe writes the metadata. Every list is spelt out: the RFC's defaults for what is left out are wrong for us.
func (p *Provider) describe() (Document, error) {
	proven := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	methods := append([]string{"none"}, proven...)
	algs := make([]string, len(assertionAlgs))
	for i, alg := range assertionAlgs {
		algs[i] = string(alg)
	}
	registration := ""
	if p.Registration != RegistrationOff {
		registration = p.registrationEndpoint()
	}
	documents := p.Documents != nil
	body, err := json.Marshal(struct {
		Issuer             string   `json:"issuer"`
		AuthEndpoint       string   `json:"authorization_endpoint"`
		PushEndpoint       string   `json:"pushed_authorization_request_endpoint"`
		UserinfoEndpoint   string   `json:"userinfo_endpoint"`
		DeviceEndpoint     string   `json:"device_authorization_endpoint"`
		TokenEndpoint      string   `json:"token_endpoint"`
		Registration       string   `json:"registration_endpoint,omitempty"`
		ClientDocuments    bool     `json:"client_id_metadata_document_supported"`
		JWKS               string   `json:"jwks_uri"`
		RevocationEndpoint string   `json:"revocation_endpoint"`
		Introspection      string   `json:"introspection_endpoint"`
		EndSession         string   `json:"end_session_endpoint"`
		BackChannel        bool     `json:"backchannel_logout_supported"`
		BackChannelSession bool     `json:"backchannel_logout_session_supported"`
		Scopes             []string `json:"scopes_supported"`
		ResponseTypes      []string `json:"response_types_supported"`
		ResponseModes      []string `json:"response_modes_supported"`
		GrantTypes         []string `json:"grant_types_supported"`
		ChallengeMethods   []string `json:"code_challenge_methods_supported"`
		IssParameter       bool     `json:"authorization_response_iss_parameter_supported"`
		RequestParameter   bool     `json:"request_parameter_supported"`
		RequestURI         bool     `json:"request_uri_parameter_supported"`
		Prompts            []string `json:"prompt_values_supported"`
		SubjectTypes       []string `json:"subject_types_supported"`
		IDTokenAlgs        []string `json:"id_token_signing_alg_values_supported"`
		Claims             []string `json:"claims_supported"`
		ACRs               []string `json:"acr_values_supported"`
		TokenMethods       []string `json:"token_endpoint_auth_methods_supported"`
		TokenAlgs          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
		RevocationMethods  []string `json:"revocation_endpoint_auth_methods_supported"`
		RevocationAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
		IntrospectMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
		IntrospectAlgs     []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
		IntrospectSigned   []string `json:"introspection_signing_alg_values_supported"`
		ServiceDocument    string   `json:"service_documentation"`
		PreferWait         int      `json:"handclasp_prefer_wait_max"`
		FingerprintSupport bool     `json:"handclasp_device_fingerprint_supported"`
		ResourceIndicators bool     `json:"handclasp_resource_indicators_supported"`
		UILocales          []string `json:"ui_locales_supported"`
		ProofAlgs          []string `json:"dpop_signing_alg_values_supported"`
		AccessTokenAlgs    []string `json:"handclasp_access_token_signing_alg_values_supported"`
	}{
		Issuer:             p.Issuer,
		DeviceEndpoint:     p.Issuer + "/oauth/device_authorization",
		TokenEndpoint:      p.tokenEndpoint(),
		Registration:       registration,
		ClientDocuments:    documents,
		JWKS:               p.Issuer + "/oauth/jwks",
		RevocationEndpoint: p.Issuer + "/oauth/revoke",
		Introspection:      p.Issuer + "/oauth/introspect",
		EndSession:         p.Issuer + "/oauth/logout",
		BackChannel:        true,
		BackChannelSession: true,
		Scopes:             []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOffline, ScopeAccountRead, ScopeAccountDevices},
		AuthEndpoint:       p.Issuer + "/oauth/authorize",
		PushEndpoint:       p.Issuer + "/oauth/par",
		UserinfoEndpoint:   p.Issuer + "/oauth/userinfo",
		ResponseTypes:      []string{"code"},
		ResponseModes:      []string{"query"},
		GrantTypes:         []string{GrantCode, GrantDevice, GrantRefresh, GrantClient, GrantMagicLink},
		ChallengeMethods:   []string{"S256"},
		IssParameter:       true,
		RequestParameter:   false,
		RequestURI:         false, // none but those of the pushed-request endpoint
		Prompts:            []string{PromptNone, PromptLogin, PromptConsent, PromptAccount},
		SubjectTypes:       []string{"public"},
		IDTokenAlgs:        []string{"RS256"},
		Claims: []string{
			"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
			"name", "email", "email_verified",
		},
		ACRs:               []string{ACRMail},
		TokenMethods:       methods,
		TokenAlgs:          algs,
		RevocationMethods:  methods,
		RevocationAlgs:     algs,
		IntrospectMethods:  proven,
		IntrospectAlgs:     algs,
		IntrospectSigned:   []string{"RS256"},
		ServiceDocument:    p.Issuer + "/openapi.yaml",
		PreferWait:         int(p.WaitMost / time.Second),
		FingerprintSupport: true,
		ResourceIndicators: true,
		UILocales:          []string{"en"},
		ProofAlgs:          strings.Fields(verify.ProofAlgorithms),
		AccessTokenAlgs:    []string{"RS256"},
	})
	if err != nil {
		return Document{}, err
	}
	return NewDocument(append(body, '\n')), nil
}

// NewDocument names a body by its hash.
func NewDocument(body []byte) Document {
	sum := sha256.Sum256(body)
	return Document{Body: body, ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:9]) + `"`}
}
