// What the app keeps while it is closed. On a phone this is the keystore: whoever can read it can use it.
const kept = {
  get: (name) => JSON.parse(localStorage.getItem(name)),
  set: (name, value) => localStorage.setItem(name, JSON.stringify(value)),
  drop: (name) => localStorage.removeItem(name),
};

const $ = (id) => document.getElementById(id);
const client = await (await fetch("/client")).text();

function random(bytes) {
  return encode(crypto.getRandomValues(new Uint8Array(bytes)));
}

function encode(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

async function challengeOf(verifier) {
  return encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

// The fingerprint names this phone, for as long as the app is installed.
function fingerprint() {
  if (!kept.get("fingerprint")) kept.set("fingerprint", random(32));
  return kept.get("fingerprint");
}

// call asks the server. What comes back is its answer, or away: true if there was none that decides anything.
async function call(name, body, headers = {}) {
  try {
    const reply = await fetch("/calls/" + name, { method: "POST", body, headers });
    if (reply.status >= 500) return { away: true };
    const text = await reply.text();
    return { ok: reply.ok, wait: reply.headers.get("Retry-After"), ...(text ? JSON.parse(text) : {}) };
  } catch {
    return { away: true };
  }
}

function show(screen, notice = "") {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== screen;
  $("notice").hidden = !notice;
  $("notice").textContent = notice;
  for (const b of document.querySelectorAll("button")) b.disabled = false;
}

const away = "The server cannot be reached. Nothing is lost: try again in a moment.";

// showAddress leads back to the start. A request that cannot be finished any more is forgotten.
function showAddress(notice) {
  const email = kept.get("request")?.email;
  kept.drop("request");
  if (email) $("email").value = email;
  show("address", notice);
}

let runsOut;

function showMail(notice) {
  const request = kept.get("request");
  const left = request.ends - Date.now();
  clearTimeout(runsOut);
  if (left <= 0) return showAddress("That link is too old by now. Ask for a new one.");
  runsOut = setTimeout(() => $("mail").hidden || showMail(), left);
  for (const place of document.querySelectorAll("#mail .email")) place.textContent = request.email;
  show("mail", notice);
}

async function ask(email) {
  const before = kept.get("request");
  const request = { email, state: random(12), verifier: before?.email === email ? before.verifier : random(32) };
  const answer = await call("magic-links", JSON.stringify({
    client_id: client, email, redirect_uri: location.origin + "/signin", state: request.state, scope: "openid email",
    code_challenge: await challengeOf(request.verifier), code_challenge_method: "S256",
    previous: before?.email === email ? before.half : undefined,
    device_fingerprint: fingerprint(), device_name: "The example's phone", device_platform: "phone",
  }), { "Content-Type": "application/json" });
  if (answer.away) return before ? showMail(away) : show("address", away);
  if (!answer.ok) {
    const notice = answer.wait ? `That was often. Try again in ${answer.wait} seconds.` : "That is not a mail address that can be used here.";
    return before ? showMail(notice) : show("address", notice);
  }
  kept.set("request", { ...request, half: answer.device_half, ends: Date.now() + answer.expires_in * 1000 });
  showMail();
}

// use trades the app's half, and the half or the letters that came by mail, for tokens.
async function use(proof) {
  const request = kept.get("request");
  const answer = await call("token", new URLSearchParams({
    grant_type: "urn:handclasp:params:oauth:grant-type:magic-link", client_id: client, device_half: request.half,
    code_verifier: request.verifier, device_fingerprint: fingerprint(), ...proof,
  }));
  if (answer.away) return showMail(away);
  if (answer.ok) {
    kept.drop("request");
    kept.set("tokens", { access: answer.access_token, refresh: answer.refresh_token });
    return showHome();
  }
  if (proof.code && answer.error === "invalid_grant" && answer.reason === "link_not_good") {
    return showMail("Those are not the letters of the newest mail, or it is too old.");
  }
  showAddress({
    device_conflict: "This phone belongs to another account. Sign out there first.",
    too_many_devices: "You are signed in on as many devices as you may. End one of them first.",
    access_denied: "This account cannot sign in.",
  }[answer.reason ?? answer.error] ?? "That link has been used, or is too old. Ask for a new one.");
}

async function refresh() {
  const tokens = kept.get("tokens");
  const answer = await call("token", new URLSearchParams({
    grant_type: "refresh_token", client_id: client, refresh_token: tokens.refresh, device_fingerprint: fingerprint(),
  }));
  if (answer.ok) kept.set("tokens", { access: answer.access_token, refresh: answer.refresh_token });
  return answer;
}

async function showHome() {
  let who = await call("userinfo", "", { Authorization: "Bearer " + kept.get("tokens").access });
  if (!who.ok && !who.away) {
    const renewed = await refresh();
    who = renewed.ok ? await call("userinfo", "", { Authorization: "Bearer " + kept.get("tokens").access }) : renewed;
  }
  if (!who.ok && !who.away) {
    kept.drop("tokens");
    return showAddress("Your session has ended. Sign in again.");
  }
  if (who.email) kept.set("email", who.email);
  for (const place of document.querySelectorAll("#home .email")) place.textContent = who.email ?? kept.get("email") ?? "";
  show("home", who.away ? away : "");
}

// opened is what a phone does when somebody taps a link that leads into the app.
async function opened(link, state) {
  const request = kept.get("request");
  if (!request) return show("address", "That link was asked for on another device, or is over. Open it there, or ask for a new one here.");
  if (state !== request.state) return showMail("That link is another request's. Open the newest mail.");
  await use({ mail_half: link });
}

function on(id, event, act) {
  $(id).addEventListener(event, async (e) => {
    e.preventDefault();
    for (const b of document.querySelectorAll("button")) b.disabled = true;
    await act();
  });
}

on("askForm", "submit", () => ask($("email").value.trim()));
on("lettersForm", "submit", () => use({ code: $("letters").value }));
on("again", "click", () => ask(kept.get("request").email));
on("other", "click", () => showAddress());
on("leave", "click", async () => {
  const answer = await call("revoke", new URLSearchParams({ client_id: client, token: kept.get("tokens").refresh }));
  if (answer.away) return show("home", away);
  kept.drop("tokens");
  showAddress();
});

const link = new URLSearchParams(location.search);
history.replaceState(null, "", "/"); // no half of a link stays in the address
if (kept.get("tokens")) await showHome();
else if (link.has("link")) {
  show("waiting");
  await opened(link.get("link"), link.get("state"));
} else if (kept.get("request")) showMail();
else show("address");
