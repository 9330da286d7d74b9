package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// The example of RFC 7515 appendix A.2.
const (
	rfc7515Key = `{"kty":"RSA","kid":"A.2","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}`
	rfc7515JWS = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)

func TestExampleOfRFC7515IsRead(t *testing.T) {
	t.Parallel()
	id, key := parseKey([]byte(rfc7515Key))
	if key == nil || id != "A.2" {
		t.Fatal("the key is not read")
	}
	found, err := parse(rfc7515JWS, mostTokenSize, jose.RS256)
	if err != nil {
		t.Fatal(err)
	}
	var c claims
	if err := found.open(key, &c); err != nil || c.Issuer != "joe" || c.Expires != 1300819380 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := parseToken(rfc7515JWS); err == nil {
		t.Error("it is no access token")
	}
}

// The examples of RFC 9449: the proof of §4.1, that of §7.1 with its access token, and the thumbprint of §6.1.
const (
	rfc9449Head       = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19"
	rfc9449Proof      = rfc9449Head + ".eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	rfc9449Resource   = rfc9449Head + ".eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA"
	rfc9449Token      = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
	rfc9449Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

func TestExamplesOfRFC9449AreRead(t *testing.T) {
	t.Parallel()
	got, err := parseProof(rfc9449Proof)
	want := Proof{ID: "-BwC3ESc6acc2lTc", Method: "POST", URL: "https://server.example.com/token", Issued: 1562262616, Thumbprint: rfc9449Thumbprint}
	if err != nil || got != want {
		t.Errorf("§4.1: %+v, %v", got, err)
	}
	got, err = parseProof(rfc9449Resource)
	want = Proof{
		ID: "e1j3V_bKic8-LAEB", Method: "GET", URL: "https://resource.example.org/protectedresource", Issued: 1562262618,
		AccessHash: hash(rfc9449Token), Thumbprint: rfc9449Thumbprint,
	}
	if err != nil || got != want {
		t.Errorf("§7.1: %+v, %v", got, err)
	}
}

func TestKeyOfAProofIsPublic(t *testing.T) {
	t.Parallel()
	const curve = `{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"`
	rest := strings.TrimSuffix(rfc7515Key, "}")
	if _, print, err := readEC([]byte(curve + "}")); err != nil || print != rfc9449Thumbprint {
		t.Fatal(print, err)
	}
	if _, err := proofKey(header{Algorithm: "RS256", Key: []byte(rest + "}")}); err != nil {
		t.Fatal(err)
	}
	for _, name := range privateMembers {
		member := `,"` + name + `":null}`
		if _, _, err := readEC([]byte(curve + member)); err == nil {
			t.Errorf("a key of a curve with %s passes for a public one", name)
		}
		if _, err := proofKey(header{Algorithm: "RS256", Key: []byte(rest + member)}); err == nil {
			t.Errorf("an RSA key with %s passes for a public one", name)
		}
	}
}

func TestKeyOfES256IsAPointOfItsCurve(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jose.JSONWebKey{Key: &other.PublicKey}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	const x, y = "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs", "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"
	for _, key := range []string{
		"", "null", "[]", "{}", string(text), rfc7515Key,
		`{"kty":"EC","crv":"P-256","x":"` + y + `","y":"` + x + `"}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `"}`,
		`{"kty":"EC","crv":"P-256","x":"AA","y":"` + y + `"}`,
		`{"kty":"EC","crv":"P-256","x":"AA` + x + `","y":"` + y + `"}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `=","y":"` + y + `"}`,
		`{"kty":"EC","crv":"P-384","x":"` + x + `","y":"` + y + `"}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","use":"enc"}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","alg":"ES384"}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","key_ops":["sign"]}`,
		`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `","x":"` + x + `"}`,
	} {
		if _, _, err := readEC([]byte(key)); err == nil {
			t.Errorf("%s passes for a key of ES256 (RFC 7518 §3.4)", key)
		}
	}
}

func TestEquivalentURLsAreOne(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"https://api.example.test":                   "https://api.example.test/",
		"HTTPS://API.example.TEST:443/?q#f":          "https://api.example.test/",
		"http://api.example.test:80/a":               "http://api.example.test/a",
		"http://api.example.test:443/a":              "http://api.example.test:443/a",
		"https://api.example.test:/a":                "https://api.example.test/a",
		"http://[::1]:8080/a":                        "http://[::1]:8080/a",
		"https://h.test/%7euser/%3a%2F":              "https://h.test/~user/%3A%2F",
		"https://h.test/a/./b/../c/%2e%2E/d":         "https://h.test/a/d",
		"https://h.test/../../a/..":                  "https://h.test/",
		"https://h.test/a/.":                         "https://h.test/a/",
		"https://h.test/a//b/":                       "https://h.test/a//b/",
		"https://h.test/ä":                           "https://h.test/%C3%A4",
		"https://user@h.test/":                       "",
		"//h.test/":                                  "",
		"ftp://h.test/":                              "",
		"mailto:mara@example.test":                   "",
		"https:/a":                                   "",
		"https://h.test/" + strings.Repeat("../", 9): "https://h.test/",
	} {
		u, err := url.Parse(written)
		if err != nil {
			t.Fatal(err)
		}
		if got := normal(u); got != want {
			t.Errorf("%s is %s, want %s", written, got, want)
		}
	}
}
