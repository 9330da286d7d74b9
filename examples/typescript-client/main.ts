// Signs a terminal in with nothing but what openapi-typescript makes of openapi.yaml.
//
//   npm ci && ISSUER=http://127.0.0.1:8080 npm start

import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Tokens = components["schemas"]["Tokens"];
type DeviceCode = components["schemas"]["DeviceCode"];

const issuer = process.env["ISSUER"] ?? "http://127.0.0.1:8080";
const client_id = "handclasp";
const device_fingerprint = randomBytes(32).toString("base64url"); // a real tool makes it once, and keeps it
const api = createClient<paths>({
  baseUrl: issuer,
  bodySerializer: (body) => new URLSearchParams(body as unknown as Record<string, string>),
});
const form = { "Content-Type": "application/x-www-form-urlencoded" };

async function ask(): Promise<DeviceCode> {
  const { data, error } = await api.POST("/oauth/device_authorization", {
    headers: form,
    body: { client_id, scope: "account:read", resource: issuer, device_fingerprint, device_name: "generated client" },
  });
  if (!data) throw new Error(`ask for a code: ${error.error}`);
  return data;
}

// wait polls until the person has decided. Each poll is held by the server until then, or for 30 seconds.
async function wait(code: DeviceCode): Promise<Tokens> {
  for (;;) {
    const { data, error } = await api.POST("/oauth/token", {
      headers: form,
      params: { header: { Prefer: "wait=30" } },
      body: {
        grant_type: "urn:ietf:params:oauth:grant-type:device_code", client_id, device_code: code.device_code, device_fingerprint,
      },
    });
    if (data) return data;
    if (error.error === "slow_down") await sleep(code.interval * 1000);
    else if (error.error !== "authorization_pending") throw new Error(`wait: ${error.error}`);
  }
}

async function refresh(refresh_token: string): Promise<Tokens> {
  const { data, error } = await api.POST("/oauth/token", {
    headers: form,
    body: { grant_type: "refresh_token", client_id, refresh_token, device_fingerprint },
  });
  if (!data) throw new Error(`refresh: ${error.error}`);
  return data;
}

const code = await ask();
console.log("open", code.verification_uri, "and type", code.user_code);
const first = await wait(code);
const tokens = await refresh(first.refresh_token ?? "");
const me = await api.GET("/v1/me", { headers: { Authorization: `Bearer ${tokens.access_token}` } });
if (!me.data) throw new Error(`ask who I am: ${me.error.error}`);
console.log("signed in as", me.data.email);
const gone = await api.POST("/oauth/revoke", { headers: form, body: { client_id, token: tokens.refresh_token ?? "" } });
if (!gone.response.ok) throw new Error(`sign out: ${gone.response.status}`);
console.log("signed out");
