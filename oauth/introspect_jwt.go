package oauth

// introspectionJWT are the claims of a signed answer (RFC 9701 §5). It has neither exp nor sub, so that nobody can take it
// for a token; its typ says what it is besides, and readAccess takes no other than its own.
type introspectionJWT struct {
	Issuer   string        `json:"iss"`
	Audience string        `json:"aud"` // the one who asked
	Issued   int64         `json:"iat"`
	Told     Introspection `json:"token_introspection"`
}

// SignIntrospection writes an answer of Introspect as a JWT to the one who asked, for whoever has to prove later what was
// said of a token.
func (p *Provider) SignIntrospection(told Introspection) (string, error) {
	return p.sign("token-introspection+jwt", introspectionJWT{
		Issuer: p.Issuer, Audience: told.asker, Issued: p.Now().Unix(), Told: told,
	})
}
