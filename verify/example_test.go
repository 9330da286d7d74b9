package verify_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/handclasp/handclasp/verify"
)

// An API with two routes: one for whoever may deploy, one for whoever may and has signed in within the last five minutes.
func Example() {
	v, err := verify.New(verify.Options{Issuer: "https://login.example.test", Audience: "https://api.example.test"})
	if err != nil {
		fmt.Println(err)
		return
	}
	deploy := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := verify.FromContext(r.Context())
		_, _ = fmt.Fprintf(w, "%s deploys with %s\n", token.Subject, token.ClientID)
	})
	mux := http.NewServeMux()
	mux.Handle("POST /deploy", v.Require("deploy:write")(deploy))
	mux.Handle("DELETE /deploy", v.Guard(verify.Scope("deploy:write"), verify.MaxAge(5*time.Minute))(deploy))

	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/deploy", nil))
	answer := rec.Result()
	defer answer.Body.Close()
	fmt.Println(answer.StatusCode, answer.Header.Get("WWW-Authenticate"))
	fmt.Print(rec.Body)
	// Output:
	// 401 Bearer
	// {"error":"invalid_token","error_description":"an access token is missing"}
}
